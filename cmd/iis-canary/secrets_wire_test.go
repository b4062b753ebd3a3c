package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// wire is everything that the program sent and what the servers answered, as whoever keeps a log of requests would have it. Headers that
// carry a login are not in it.
type wire struct {
	mu      sync.Mutex
	heard   leaks
	count   map[string]int    // of requests by peer
	streams map[string][]byte // what went to the standard input of a remote process, and what came from it, by the stream's name
}

func newWire() *wire { return &wire{count: map[string]int{}, streams: map[string][]byte{}} }

const stdin = "standard input"

var (
	commandExp = regexp.MustCompile(`CommandId="([^"]*)"`)
	nameExp    = regexp.MustCompile(`Name="([^"]*)"`)
	ownerExp   = regexp.MustCompile(`<rsp:Owner>` + stem + nameOfUser + `[A-Za-z]*</rsp:Owner>`) // of a shell: a server says whose it is
)

// hear is called with every request.
func (w *wire) hear(peer string, r *http.Request, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count[peer]++
	where := fmt.Sprintf("a request to %s, %s %s", peer, r.Method, r.URL.Path)
	w.heard.look(where+": address", []byte(r.URL.String()))
	for name, values := range r.Header {
		if !slices.Contains([]string{"Authorization", "X-Amz-Security-Token"}, name) {
			w.heard.look(where+": header "+name, fmt.Append(nil, values))
		}
	}
	look := w.heard.look
	if peer == "webhook" || peer == "elasticsearch" && r.Method == http.MethodPost && strings.HasSuffix(r.URL.Path, "/_doc") {
		look = w.heard.lookAtWords
	}
	look(where+": body", w.parted(peer, where, body))
}

// answered is called with every answer of a server.
func (w *wire) answered(peer string, _ *http.Request, body []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	where := "an answer of " + peer
	w.heard.look(where+": body", w.parted(peer, where, ownerExp.ReplaceAll(body, nil)))
}

// parted takes the streams out of an envelope, and returns the rest.
func (w *wire) parted(peer, where string, body []byte) (rest []byte) {
	for {
		before, after, is := bytes.Cut(body, []byte("<rsp:Stream "))
		rest = append(append(rest, before...), '\n')
		if !is {
			return rest
		}
		attributes, after, _ := bytes.Cut(after, []byte(">"))
		if bytes.HasSuffix(attributes, []byte("/")) {
			body = after
			continue
		}
		content, after, _ := bytes.Cut(after, []byte("</rsp:Stream>"))
		body = after
		text := make([]byte, base64.StdEncoding.DecodedLen(len(content)))
		n, err := base64.StdEncoding.Decode(text, content)
		if err != nil {
			w.heard.list = append(w.heard.list, where+": its stream is no base64, so nobody looked into it")
		}
		stream := stdin
		if name := nameExp.FindSubmatch(attributes); name != nil && string(name[1]) != "stdin" {
			stream = string(name[1])
		}
		key := fmt.Sprintf("%s of %s, process %s", stream, peer, commandExp.FindSubmatch(attributes))
		w.streams[key] = append(w.streams[key], text[:n]...)
	}
}

// settingsSent reports whether settings were seen in the files that were sent, where they belong.
func (w *wire) settingsSent() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, text := range w.streams {
		if _, files := unframed(text); bytes.Contains(files, []byte(stem+settingName)) {
			return true
		}
	}
	return false
}

// found is what was heard of planted secrets. The files of a release travel packed, behind the JSON of their frame: there, settings are
// at home. Words of a run go to the servers' parts of its journal. A server says what its event log has.
func (w *wire) found() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := leaks{slices.Clone(w.heard.list)}
	for stream, text := range w.streams {
		frames, files := unframed(text)
		if strings.HasPrefix(stream, stdin) {
			all.lookAtWords(stream, frames)
		} else {
			all.lookBut(stream, frames, quotedName, nameOfUser)
		}
		all.lookBut("files in "+stream, files, settingName)
	}
	return all.list
}
