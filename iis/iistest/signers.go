package iistest

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Signature is an Authenticode signature as the simulated servers know one: a line at the end of a file.
type Signature struct {
	Subject    string `json:"subject"`    // CN=Contoso Ltd, C=US
	Thumbprint string `json:"thumbprint"` // SHA-1 of the certificate, hexadecimal
	Over       string `json:"over"`       // SHA-256 of all that is before the line
	HResult    uint32 `json:"hresult"`    // what WinVerifyTrust says of the certificate; 0: it is trusted
}

// signed opens the line.
const signed = "\n#simulated-authenticode "

// Sign puts a signature onto the end of a file.
func Sign(content, subject, thumbprint string, hresult uint32) string {
	line, _ := json.Marshal(Signature{subject, thumbprint, sumBytes([]byte(content)), hresult}) // texts and a number always encode
	return content + signed + string(line)
}

// What WinVerifyTrust says of a file (WinTrust.h, WinError.h).
const (
	noSignature = 0x800B0100
	badDigest   = 0x80096010
)

// lookAtSignature is what Windows says of a file, and who signed it.
func lookAtSignature(content []byte) (uint32, Signature) {
	at := bytes.LastIndex(content, []byte(signed))
	var s Signature
	if at < 0 || json.Unmarshal(content[at+len(signed):], &s) != nil {
		return noSignature, Signature{}
	}
	if s.Over != sumBytes(content[:at]) {
		return badDigest, s
	}
	return s.HResult, s
}

// name is the common name of the subject.
func (s Signature) name() string {
	_, after, _ := strings.Cut(s.Subject, "CN=")
	name, _, _ := strings.Cut(after, ",")
	return strings.TrimSpace(name)
}

// signatureAt answers the stand-in for wintrust.dll.
func (s *Server) signatureAt(remote string) (any, error) {
	path, err := s.store.local(remote)
	if err != nil {
		return nil, err
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	code, found := lookAtSignature(content)
	return map[string]any{"hresult": int32(code), "subject": found.Subject, "name": found.name(), "thumbprint": found.Thumbprint}, nil
}

type signersArgs struct {
	Root  string   `json:"root"`
	Slot  string   `json:"slot"`
	Files []string `json:"files"`
}

// signers tells what Windows says of files of a slot.
func signers(_ context.Context, c *call) (any, error) {
	var a signersArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if err := checkSlot(c.app, a.Slot); err != nil {
		return nil, err
	}
	root, err := c.server.store.local(a.Root)
	if err != nil {
		return nil, err
	}
	m, written := readManifest(filepath.Join(root, a.Slot))
	if !written {
		return nil, refuse("not_found", "%s has no files on this server", a.Slot).at("find the files")
	}
	out := []map[string]any{}
	for _, path := range a.Files {
		if !slices.ContainsFunc(m.Files, func(f file) bool { return f.Path == path }) {
			return nil, refuse("bad_request", "%s is no file of %s", path, a.Slot)
		}
		content, err := os.ReadFile(filepath.Join(root, a.Slot, filepath.FromSlash(path)))
		if err != nil {
			return nil, refuse("not_found", "%s is gone from its slot", path).at("find the files")
		}
		code, found := lookAtSignature(content)
		out = append(out, map[string]any{"path": path, "status": signatureStatus(code), "hresult": int32(code),
			"subject": found.Subject, "name": found.name(), "thumbprint": found.Thumbprint})
	}
	return map[string]any{"files": out}, nil
}

func signatureStatus(code uint32) string {
	switch code {
	case 0:
		return "valid"
	case noSignature, 0x800B0003, 0x800B0001:
		return "unsigned"
	case badDigest:
		return "altered"
	case 0x800B0109, 0x800B010A, 0x800B0112, 0x800B0111, 0x800B0004:
		return "untrusted"
	case 0x800B0101:
		return "expired"
	case 0x800B010C:
		return "revoked"
	}
	return "invalid"
}
