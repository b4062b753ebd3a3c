package shipper

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// readAhead is how much of a file is read in one round.
const readAhead = 1 << 20

// file is one log file that is followed.
type file struct {
	host    string
	path    string
	name    string // relative to the source's folder; part of the ids of its lines
	offset  int64  // of the first byte that is not consumed
	columns []string
}

// read queues the complete lines that are new in all files.
func (s *Shipper) read(now time.Time) error {
	var problems []error
	for _, source := range s.config.Sources {
		paths, err := filepath.Glob(filepath.Join(escapeGlob(source.Dir), "W3SVC*", "u_ex*.log"))
		if err != nil {
			problems = append(problems, fmt.Errorf("look for logs of %s: %w", source.Host, err))
		}
		for _, path := range paths { // sorted, so the files of a site in the order of their days
			f := s.files[path]
			if f == nil {
				name := filepath.Join(filepath.Base(filepath.Dir(path)), filepath.Base(path))
				f = &file{host: source.Host, path: path, name: filepath.ToSlash(name)}
				s.files[path] = f
			}
			if len(s.queue) >= maxQueued {
				return errors.Join(problems...)
			}
			fresh, err := f.next(now)
			s.queue = append(s.queue, fresh...)
			if err != nil {
				problems = append(problems, err)
			}
		}
	}
	s.forget()
	return errors.Join(problems...)
}

// forget drops the files that are not there any more.
func (s *Shipper) forget() {
	for path := range s.files {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			delete(s.files, path)
		}
	}
}

// escapeGlob takes the special meaning from the characters of a folder's name.
func escapeGlob(dir string) string {
	return strings.NewReplacer("[", "[[]", "*", "[*]", "?", "[?]").Replace(dir)
}

// next reads the complete lines after the offset.
func (f *file) next(now time.Time) ([]document, error) {
	in, err := os.Open(f.path)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // removed with its server
	}
	if err != nil {
		return nil, fmt.Errorf("follow a log: %w", err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return nil, fmt.Errorf("follow a log: %w", err)
	}
	raw := make([]byte, min(max(info.Size()-f.offset, 0), readAhead))
	n, err := in.ReadAt(raw, f.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("follow a log: %w", err)
	}
	var out []document
	for raw = raw[:n]; ; {
		line, rest, complete := bytes.Cut(raw, []byte("\n"))
		if !complete {
			return out, nil
		}
		if d, ok := f.line(string(bytes.TrimSuffix(line, []byte("\r"))), now); ok {
			out = append(out, d)
		}
		f.offset += int64(len(line)) + 1
		raw = rest
	}
}

// line turns a line into a document; directives are none.
func (f *file) line(text string, now time.Time) (document, bool) {
	if fields, ok := strings.CutPrefix(text, "#Fields:"); ok {
		f.columns = strings.Fields(fields)
		return document{}, false
	}
	if text == "" || text[0] == '#' {
		return document{}, false
	}
	return document{id: f.id(), read: now, fields: parse(text, f.columns, f.host, now)}, true
}

// id names the line at the offset.
func (f *file) id() string {
	sum := sha256.Sum256([]byte(f.host + "\x00" + f.name + "\x00" + strconv.FormatInt(f.offset, 10)))
	return base64.RawURLEncoding.EncodeToString(sum[:15])
}
