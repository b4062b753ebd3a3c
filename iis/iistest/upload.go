package iistest

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
)

// inflateLimit is the most that one blob may inflate to.
const inflateLimit = 1 << 30

var hexSum = regexp.MustCompile(`^[0-9a-f]{64}$`)

type haveArgs struct {
	Root   string   `json:"root"`
	Hashes []string `json:"hashes"`
}

func have(_ context.Context, c *call) (any, error) {
	var a haveArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	root, err := c.server.store.local(a.Root)
	if err != nil {
		return nil, err
	}
	s := c.server.store
	s.mu.Lock()
	defer s.mu.Unlock()
	sources := s.sources(c.app, root)
	out := []string{}
	for _, h := range a.Hashes {
		if !hexSum.MatchString(h) {
			return nil, refuse("bad_request", "%q is no SHA-256 in lower case", h)
		}
		if len(sources[h]) > 0 {
			out = append(out, h)
		}
	}
	return map[string]any{"have": out}, nil
}

// sources is where contents can be copied from, by SHA-256: whole parts, and files of slots that still have the size that
// their manifest says. The lock is held.
func (s *store) sources(app, root string) map[string][]string {
	out := map[string][]string{}
	parts, _ := os.ReadDir(s.data(app, "parts")) // without the folder there are no parts
	for _, p := range parts {
		if hexSum.MatchString(p.Name()) {
			out[p.Name()] = append(out[p.Name()], filepath.Join(s.data(app, "parts"), p.Name()))
		}
	}
	for _, name := range folders(root) {
		m, _ := readManifest(filepath.Join(root, name))
		for _, f := range m.Files {
			if badPath(f.Path) {
				continue
			}
			path := filepath.Join(root, name, filepath.FromSlash(f.Path))
			if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() && info.Size() == f.Size {
				out[f.SHA256] = append(out[f.SHA256], path)
			}
		}
	}
	return out
}

type putArgs struct {
	Root  string    `json:"root"`
	Files []putFile `json:"files"`
}

type putFile struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`
	Offset int64  `json:"offset"`
	Length int64  `json:"length"`
}

func (f putFile) good() bool {
	return hexSum.MatchString(f.SHA256) && f.Offset >= 0 && f.Length >= 0 && f.Size >= 0 && f.Length <= f.Size-f.Offset
}

func put(_ context.Context, c *call) (any, error) {
	var a putArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if _, err := c.server.store.local(a.Root); err != nil {
		return nil, err
	}
	var total int64
	for _, f := range a.Files {
		if !f.good() || f.Length > inflateLimit-total {
			entry, _ := json.Marshal(f) // four plain fields always encode
			return nil, refuse("bad_request", "an entry does not fit: %s", entry)
		}
		total += f.Length
	}
	plain, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(c.blob)), total+1))
	if err != nil || int64(len(plain)) != total {
		return nil, refuse("bad_request", "the blob does not inflate to %d bytes", total).at("inflate")
	}
	s := c.server.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.take(total); err != nil {
		return nil, err
	}
	stored := []string{}
	for _, f := range a.Files {
		whole, err := s.putRange(c.app, f, plain[:f.Length])
		if err != nil {
			return nil, err
		}
		if whole && !slices.Contains(stored, f.SHA256) {
			stored = append(stored, f.SHA256)
		}
		plain = plain[f.Length:]
	}
	return map[string]any{"stored": stored}, nil
}

// putRange writes one range of one part, and checks the part when it has its size.
func (s *store) putRange(app string, f putFile, content []byte) (whole bool, err error) {
	stored := filepath.Join(s.data(app, "parts"), f.SHA256)
	if exists(stored) {
		return true, nil
	}
	if err := os.MkdirAll(filepath.Dir(stored), 0o755); err != nil {
		return false, err
	}
	part := stored + ".part"
	if err := writeAt(part, content, f.Offset); err != nil {
		return false, err
	}
	size, sum, err := sumFile(part)
	switch {
	case err != nil:
		return false, err
	case size < f.Size:
		return false, nil
	case sum != f.SHA256:
		r := refuse("hash_mismatch", "a part of %d bytes has SHA-256 %s, not %s", size, sum, f.SHA256)
		r.Hint = "it is deleted; send it again"
		return false, errors.Join(r, os.Remove(part))
	}
	return true, os.Rename(part, stored)
}

func writeAt(path string, content []byte, offset int64) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = f.WriteAt(content, offset)
	return errors.Join(err, f.Close())
}
