package bundle

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Source is the bytes of an archive. It is closed with the release.
type Source interface {
	io.ReaderAt
	io.Closer
}

// Open reads a package of this machine: a folder as it is, or a file, see [Read]. Everything is read and hashed once. A
// package that is no good is a *[RefusedError]. The release must be closed; package and folder must not change before that.
func Open(path, app string) (*Release, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the package: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("open the package: %w", err)
	}
	if info.IsDir() {
		_ = f.Close() // only to be looked at
		return openFolder(path, app)
	}
	return Read(f, info.Size(), filepath.Base(path), app)
}

// Read reads an archive. What it is, its bytes tell and not its name: a zip, in which a .nuspec makes it a NuGet package and
// an archive.xml a Web Deploy package, or a tar.gz. The name, without any folder, is for errors and for the version, see
// [VersionOf]. The source is closed with the release, and at once where there is none.
func Read(from Source, size int64, name, app string) (*Release, error) {
	p, err := unpack(from, size, name)
	if err == nil {
		var r *Release
		if r, err = build(name, p.entries, size); err == nil {
			r.close, r.Form = append(p.close, from.Close), p.form
			if r.Version = p.version; r.Version == "" {
				r.Version = VersionOf(name, app)
			}
			return r, nil
		}
	}
	_ = closeAll(append(p.close, from.Close)) // nothing was written, and the error says what matters
	return nil, err
}

// packed is an archive before its entries are checked.
type packed struct {
	entries []entry
	form    Form
	version string         // from its metadata; empty: it has none
	close   []func() error // what the entries' contents need
}

// unpack lists what an archive holds, by the conventions of what packed it.
func unpack(from Source, size int64, name string) (packed, error) {
	if size > MostBytes {
		return packed{}, refused(name, "it is larger than %d bytes", int64(MostBytes))
	}
	start := make([]byte, 4)
	if n, err := from.ReadAt(start, 0); n < len(start) {
		if err != nil && err != io.EOF {
			return packed{}, fmt.Errorf("open the package %s: %w", name, err)
		}
		return packed{}, broken(name, "it is empty, or cut short")
	}
	switch {
	case string(start) == "PK\x03\x04" || string(start) == "PK\x05\x06":
		p, err := unpackZip(from, size, name)
		p.form = Zip
		return p, err
	case string(start[:2]) == "\x1f\x8b":
		p, err := unpackTar(from, size, name)
		p.form = Tar
		return p, err
	}
	return packed{}, broken(name, "it is neither a folder, nor a zip, a NuGet package or a tar.gz")
}

// openFolder reads a folder, which a link may lead to; there may be none inside.
func openFolder(named, app string) (*Release, error) {
	root, err := filepath.EvalSymlinks(named)
	if err != nil {
		return nil, fmt.Errorf("read the folder %s: %w", named, err)
	}
	var entries []entry
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == root {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		entries = append(entries, entry{
			name: filepath.ToSlash(name), size: info.Size(), folder: d.IsDir(), flaw: modeFlaw(info.Mode()),
			open: func() (io.ReadCloser, error) { return os.Open(path) },
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the folder %s: %w", named, err)
	}
	r, err := build(filepath.Base(named), entries, 0)
	if err != nil {
		return nil, err
	}
	r.Version, r.Form = VersionOf(filepath.Base(named), app), Folder
	return r, nil
}

// modeFlaw says what a file is that is none.
func modeFlaw(mode fs.FileMode) string {
	switch {
	case mode.IsRegular() || mode.IsDir():
		return ""
	case mode&fs.ModeSymlink != 0:
		return "is a symbolic link"
	}
	return "is a device or a pipe, no file"
}

// endings are what names of packages end in; the longest first.
func endings() []string { return []string{".tar.gz", ".nupkg", ".tgz", ".zip"} }

var trailingVersion = regexp.MustCompile(`^.*?[-_.]v?(\d[0-9A-Za-z.+_-]*)$`)

// VersionOf reads the version out of a package's name: "<app>.<version>.zip", "<app>-<version>.zip" or
// "<name>-<version>.zip", where a version begins with a digit; .nupkg, .tar.gz and .tgz likewise. A folder has no ending. Where
// the name has none, the version is the name itself. A package with metadata of its own (NuGet) tells its version there, and
// its name does not matter; see [Release].
func VersionOf(name, app string) string {
	for _, end := range endings() {
		if rest := len(name) - len(end); rest > 0 && strings.EqualFold(name[rest:], end) {
			name = name[:rest]
			break
		}
	}
	if rest, ok := strings.CutPrefix(name, app); ok && app != "" && len(rest) > 1 && strings.ContainsRune(".-_", rune(rest[0])) {
		return strings.TrimPrefix(rest[1:], "v")
	}
	if m := trailingVersion.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return name
}
