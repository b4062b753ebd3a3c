package iistest

import (
	"bytes"
	"net/http"
	"strings"
)

// Garbage is what a request is answered with instead of what the service said. The request has had its effect.
type Garbage string

// Kinds of garbage.
const (
	Cut      Garbage = "cut"      // the first half of the answer
	Noise    Garbage = "noise"    // bytes that are no XML
	Stranger Garbage = "stranger" // the answer to another request
	Huge     Garbage = "huge"     // an envelope of 5 MB
	Page     Garbage = "page"     // a page of HTML with status 200
	Twice    Garbage = "twice"    // another envelope behind the first
)

const hugeAnswer = 5 << 20

// spoil answers with garbage.
func (g Garbage) spoil(to outlet, status int, id, text string) {
	switch g {
	case Cut:
		text = text[:len(text)/2]
	case Noise:
		text = string(bytes.Repeat([]byte{0x00, 0xff, '<', 0x1b}, 64))
	case Stranger:
		text = strings.Replace(text, id, "uuid:"+uuid(), 1)
	case Huge:
		text = strings.Replace(text, "<s:Body>", "<s:Body>"+strings.Repeat(" ", hugeAnswer), 1)
	case Twice:
		text += text
	case Page:
		to.Header().Set("Content-Type", "text/html")
		to.WriteHeader(http.StatusOK)
		_, _ = to.Write([]byte("<html><body>Please sign in to the guest network.</body></html>")) // a client may go
		return
	}
	to.text(status, text)
}
