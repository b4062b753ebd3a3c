// Package bundle turns a package into one canonical release: a sorted list of files with their SHA-256, and one digest over
// it. A package is a zip, a NuGet package, a tar.gz, a Web Deploy package or a folder. The same files make the same digest,
// whatever packed them. A package with anything in it that could write outside its folder, that Windows cannot store, or
// that is far larger than it looks, is refused, with every reason at once; the memory that this takes does not depend on
// what the package claims.
package bundle

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Limits of a package.
const (
	MostFiles = 100_000 // files and folders
	MostBytes = 4 << 30 // packed, and inflated
	MostRatio = 200     // inflated to packed bytes, of what is larger than 1 MiB
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
	Version string // from the package's metadata or its name, see [VersionOf]
	Files   []File // sorted by Path
	Bytes   int64
	Form    Form

	replaced map[string]bool // by path
	open     map[string]func() (io.ReadCloser, error)
	close    []func() error
}

// Form is how a package is packed.
type Form string

// The forms. A NuGet package and a Web Deploy package are zips.
const (
	Folder Form = "folder"
	Zip    Form = "zip"
	Tar    Form = "tar.gz"
)

// Packed reports whether a file's content is the one in the package, and not a replaced one.
func (r *Release) Packed(path string) bool { return !r.replaced[path] }

// Open reads one file. It fails when the path is not in Files.
func (r *Release) Open(path string) (io.ReadCloser, error) {
	open, known := r.open[path]
	if !known {
		return nil, fmt.Errorf("no file %q in the release", path)
	}
	return open()
}

// Close gives back what reading the package needs.
func (r *Release) Close() error { return closeAll(r.close) }

// RefusedError is everything that is wrong with a package.
type RefusedError struct {
	Package string
	Reasons []string // the first hundred
	More    int      // reasons besides these
	Broken  bool     // it is no package, or damaged: what is in it cannot be told
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("package %s is refused: %s", e.Package, strings.Join(e.Shown(), "; "))
}

// mostShown is how many reasons a person is told.
const mostShown = 20

// Shown is the first reasons, and how many more there are.
func (e *RefusedError) Shown() []string {
	shown := slices.Clone(e.Reasons[:min(len(e.Reasons), mostShown)])
	if more := len(e.Reasons) + e.More - len(shown); more > 0 {
		shown = append(shown, fmt.Sprintf("and %d more", more))
	}
	return shown
}

// refused is a package with a single thing wrong.
func refused(name, format string, args ...any) *RefusedError {
	return &RefusedError{Package: name, Reasons: []string{fmt.Sprintf(format, args...)}}
}

// broken is a package that cannot be read for what is in it.
func broken(name, format string, args ...any) *RefusedError {
	return &RefusedError{Package: name, Reasons: []string{fmt.Sprintf(format, args...)}, Broken: true}
}

// entry is one file or folder as the package lists it.
type entry struct {
	name   string // as written in the package
	size   int64
	packed int64 // 0: not packed by itself
	folder bool
	flaw   string // why it cannot be taken, such as "is a symbolic link"; empty: nothing is known against it
	open   func() (io.ReadCloser, error)
}

// path is the entry's name with the separators of a canonical path: old .NET packs with backslashes.
func (e entry) path() string { return strings.ReplaceAll(e.name, `\`, "/") }

// build checks the entries, reads them all, and makes the release. packed is the size of the whole package; 0: not packed.
func build(name string, entries []entry, packed int64) (*Release, error) {
	checked, against := check(entries, packed)
	if against.any() {
		return nil, against.refusal(name)
	}
	r := &Release{open: make(map[string]func() (io.ReadCloser, error), len(checked))}
	for path, e := range checked {
		sum, err := hash(e)
		if damaged(err) {
			return nil, broken(name, "%q is damaged: %v", path, err)
		}
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
