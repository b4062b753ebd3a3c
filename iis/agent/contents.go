package agent

import (
	"strings"
)

// HaveArgs asks which contents the server can supply by itself.
type HaveArgs struct {
	App    string   `json:"app"`
	Root   string   `json:"root"`
	Hashes []string `json:"hashes"`
}

// HaveResult is the part of HaveArgs.Hashes that is there.
type HaveResult struct {
	Have []string `json:"have"`
}

// PutArgs describe the blob: for each entry Length bytes, one after the other, inflated.
type PutArgs struct {
	App   string    `json:"app"`
	Root  string    `json:"root"`
	Files []PutFile `json:"files"`
}

// PutFile is one range of one content.
type PutFile struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`   // of the whole content
	Offset int64  `json:"offset"` // of the first byte of this range
	Length int64  `json:"length"` // of this range
}

// PutResult is the contents that became whole.
type PutResult struct {
	Stored []string `json:"stored"`
}

// PullArgs have the server fetch an archive by itself, and keep the contents of Files. URL and Token may be secrets.
type PullArgs struct {
	App     string    `json:"app"`
	Root    string    `json:"root"`
	URL     string    `json:"url"`             // https
	Token   string    `json:"token,omitempty"` // bearer token for the host of URL and no other
	Proxy   string    `json:"proxy,omitempty"` // http://host:port; "machine" is the one that netsh winhttp shows on the server; empty: none
	SHA256  string    `json:"sha256"`          // of the archive
	Size    int64     `json:"size"`            // of the archive
	Seconds int64     `json:"seconds"`         // for the whole transfer
	Files   []Content `json:"files"`
}

// Content is what a file holds.
type Content struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
}

// PullResult is the contents that the archive had and that are whole.
type PullResult struct {
	Stored []string `json:"stored"`
}

// SignersArgs ask for the Authenticode signatures of files of a slot.
type SignersArgs struct {
	App   string   `json:"app"`
	Root  string   `json:"root"`
	Slot  string   `json:"slot"`
	Files []string `json:"files"` // paths as in the slot's manifest
}

// SignersResult is one entry for each path, in the same order.
type SignersResult struct {
	Files []Signed `json:"files"`
}

// Signed is what Windows says of one file's signature.
type Signed struct {
	Path       string `json:"path"`
	Status     string `json:"status"` // valid, unsigned, altered, untrusted, expired, revoked or invalid
	HResult    int32  `json:"hresult"`
	Subject    string `json:"subject"`    // of the signer's certificate, such as CN=Contoso Ltd, C=US; empty: unsigned
	Name       string `json:"name"`       // its common name
	Thumbprint string `json:"thumbprint"` // its SHA-1, hexadecimal
}

// By reports whether a signer is meant by a thumbprint, by a whole subject, or by a common name.
func (s Signed) By(allowed string) bool {
	for _, is := range []string{s.Thumbprint, s.Subject, s.Name} {
		if is != "" && strings.EqualFold(is, strings.TrimSpace(allowed)) {
			return true
		}
	}
	return false
}
