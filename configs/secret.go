package configs

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
)

// placeholder is what a secret prints as, however it is printed.
const placeholder = "[secret]"

// maxSecret bounds the bytes of a file that holds a secret.
const maxSecret = 64 << 10

// Secret is a reference to a value that must not be shown: env:NAME, or file:PATH relative to the configuration file. The
// value is read when it is asked for, and never kept. The zero value is "not given".
type Secret struct {
	ref    string // env:NAME, file:PATH, or the value itself where a literal is allowed
	dir    string // of the configuration file
	lookup func(string) (string, bool)
}

// IsZero reports whether nothing was given.
func (s Secret) IsZero() bool { return s.ref == "" }

// Resolve reads the value. A file's final line end is dropped. Its errors name the reference, never the value.
func (s Secret) Resolve() (string, error) {
	if name, is := strings.CutPrefix(s.ref, "env:"); is {
		lookup := s.lookup
		if lookup == nil {
			lookup = os.LookupEnv
		}
		v, set := lookup(name)
		if !set || v == "" {
			return "", fmt.Errorf("read the secret env:%s: the environment variable %s is not set", name, name)
		}
		return v, nil
	}
	if path, is := strings.CutPrefix(s.ref, "file:"); is {
		return readSecret(path, s.dir)
	}
	return s.ref, nil
}

func readSecret(path, dir string) (string, error) {
	full := within(dir, path)
	f, err := os.Open(full)
	if err != nil {
		return "", fmt.Errorf("read the secret file:%s: %w", path, err)
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+1))
	if err != nil {
		return "", fmt.Errorf("read the secret file:%s: %w", path, err)
	}
	if len(b) > maxSecret {
		return "", fmt.Errorf("read the secret file:%s: it is larger than %d bytes", path, maxSecret)
	}
	v := strings.TrimSuffix(strings.TrimSuffix(string(b), "\n"), "\r")
	if v == "" {
		return "", fmt.Errorf("read the secret file:%s: it is empty", path)
	}
	return v, nil
}

// within makes a path of the configuration absolute where it is not: it is relative to the configuration file.
func within(dir, path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// String prints a placeholder.
func (s Secret) String() string { return placeholder }

// GoString prints a placeholder.
func (s Secret) GoString() string { return placeholder }

// Format prints a placeholder for every verb.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// MarshalJSON writes a placeholder.
func (s Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + placeholder + `"`), nil }

// MarshalText writes a placeholder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(placeholder), nil }

// MarshalYAML writes a placeholder.
func (s Secret) MarshalYAML() (any, error) { return placeholder, nil }

// LogValue logs a placeholder.
func (s Secret) LogValue() slog.Value { return slog.StringValue(placeholder) }

func (s *Secret) parse(text string) error {
	if !secretExp.MatchString(text) {
		return errors.New("no reference")
	}
	s.ref = text
	return nil
}

func (s *Secret) allowed() string {
	return "a reference: env:NAME (an environment variable) or file:PATH (relative to this file)"
}

// missing names the environment variable that is not set, if that is what the reference needs.
func (s Secret) missing() (string, bool) {
	name, is := strings.CutPrefix(s.ref, "env:")
	if !is || s.lookup == nil {
		return "", false
	}
	v, set := s.lookup(name)
	return name, !set || v == ""
}
