// Package bundle turns a package, a zip or a folder, into one canonical release: a sorted list of files with their
// SHA-256 and one digest over it. The same files make the same digest, whatever packed them. A package with anything in
// it that could write outside its folder, that Windows cannot store, or that is far larger than it looks, is refused,
// with every reason at once.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of a package.
const (
	MostFiles = 100_000
	MostBytes = 4 << 30 // inflated
	MostRatio = 200     // inflated to packed bytes, of one entry larger than 1 MiB
)

// File is one file of a release. Path is relative and uses "/".
type File struct {
	Path   string
	Size   int64
	SHA256 string // lower-case hexadecimal
}

// Release is a package that was read and found good.
type Release struct {
	Digest  string // SHA-256 over "path\0size\0sha256\n" of every file, sorted by path; lower-case hexadecimal
	Version string // from the package's name, see [VersionOf]
	Files   []File // sorted by Path
	Bytes   int64

	open  map[string]func() (io.ReadCloser, error)
	close func() error
}

// Open reads one file. It fails when the path is not in Files.
func (r *Release) Open(path string) (io.ReadCloser, error) {
	open, known := r.open[path]
	if !known {
		return nil, fmt.Errorf("no file %q in the release", path)
	}
	return open()
}

// Close gives back what reading the package needs.
func (r *Release) Close() error {
	if r.close == nil {
		return nil
	}
	return r.close()
}

// RefusedError is everything that is wrong with a package.
type RefusedError struct {
	Package string
	Reasons []string
}

func (e *RefusedError) Error() string {
	shown := e.Reasons[:min(len(e.Reasons), 20)]
	s := fmt.Sprintf("package %s is refused: %s", e.Package, strings.Join(shown, "; "))
	if more := len(e.Reasons) - len(shown); more > 0 {
		s += fmt.Sprintf("; and %d more", more)
	}
	return s
}

// entry is one file as the package lists it.
type entry struct {
	name   string // as written in the package
	size   int64
	packed int64 // 0: not packed
	link   bool  // a symbolic link, or anything else that is no regular file
	open   func() (io.ReadCloser, error)
}

// build checks the entries, reads them all, and makes the release.
func build(name string, entries []entry) (*Release, error) {
	r := &Release{Version: "", open: map[string]func() (io.ReadCloser, error){}}
	checked, reasons := check(entries)
	if len(reasons) > 0 {
		return nil, &RefusedError{Package: name, Reasons: reasons}
	}
	for path, e := range checked {
		sum, err := hash(e)
		if err != nil {
			return nil, fmt.Errorf("package %s: read %s: %w", name, path, err)
		}
		r.Files = append(r.Files, File{Path: path, Size: e.size, SHA256: sum})
		r.Bytes += e.size
		r.open[path] = e.open
	}
	slices.SortFunc(r.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	r.Digest = Digest(r.Files)
	return r, nil
}

var errGrew = errors.New("it has another size than listed")

// hash reads at most one byte more than listed, so that a lying header cannot fill the disk or the memory.
func hash(e entry) (string, error) {
	content, err := e.open()
	if err != nil {
		return "", err
	}
	defer content.Close()
	h := sha256.New()
	n, err := io.Copy(h, io.LimitReader(content, e.size+1))
	if err != nil {
		return "", err
	}
	if n != e.size {
		return "", errGrew
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// Digest is the SHA-256 over "path\0size\0sha256\n" of every file in the given order, lower-case hexadecimal.
func Digest(files []File) string {
	h := sha256.New()
	for _, f := range files {
		fmt.Fprintf(h, "%s\x00%d\x00%s\n", f.Path, f.Size, f.SHA256)
	}
	return hex.EncodeToString(h.Sum(nil))
}
