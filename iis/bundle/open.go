package bundle

import (
	"archive/zip"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// Open reads a package: a zip file, or a folder as it is. Everything is read and hashed once. A package that is no good
// is a *[RefusedError]. The release must be closed; a folder must not change before that.
func Open(path, app string) (*Release, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("open the package: %w", err)
	}
	var r *Release
	switch {
	case info.IsDir():
		r, err = openFolder(path)
	case strings.EqualFold(filepath.Ext(path), ".zip"):
		r, err = openZip(path)
	default:
		return nil, &RefusedError{Package: filepath.Base(path), Reasons: []string{"it is neither a folder nor a .zip file"}}
	}
	if err != nil {
		return nil, err
	}
	r.Version = VersionOf(filepath.Base(path), app)
	return r, nil
}

func openZip(path string) (*Release, error) {
	z, err := zip.OpenReader(path)
	if err != nil {
		return nil, fmt.Errorf("open the package %s: %w", filepath.Base(path), err)
	}
	r, err := build(filepath.Base(path), zipEntries(&z.Reader))
	if err != nil {
		_ = z.Close()
		return nil, err
	}
	r.close = z.Close
	return r, nil
}

// ReadZip reads a zip from memory or from an open file; name is for errors. Its Version stays empty.
func ReadZip(from io.ReaderAt, size int64, name string) (*Release, error) {
	z, err := zip.NewReader(from, size)
	if err != nil {
		return nil, fmt.Errorf("open the package %s: %w", name, err)
	}
	return build(name, zipEntries(z))
}

func zipEntries(z *zip.Reader) []entry {
	var entries []entry
	for _, f := range z.File {
		if f.UncompressedSize64 == 0 && strings.HasSuffix(strings.ReplaceAll(f.Name, `\`, "/"), "/") {
			continue // a folder
		}
		e := entry{name: f.Name, size: int64(f.UncompressedSize64), packed: int64(f.CompressedSize64), open: f.Open}
		e.link = !f.Mode().IsRegular()
		entries = append(entries, e)
	}
	return entries
}

func openFolder(root string) (*Release, error) {
	var entries []entry
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
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
			name: filepath.ToSlash(name), size: info.Size(), link: !info.Mode().IsRegular(),
			open: func() (io.ReadCloser, error) { return os.Open(path) },
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the folder %s: %w", root, err)
	}
	return build(filepath.Base(root), entries)
}

var trailingVersion = regexp.MustCompile(`^.*?[-_.]v?(\d[0-9A-Za-z.+_-]*)$`)

// VersionOf reads the version out of a package's name: "<app>.<version>.zip", "<app>-<version>.zip" or
// "<name>-<version>.zip", where a version begins with a digit. A folder has no ".zip". Where the name has none, the
// version is the name itself.
func VersionOf(name, app string) string {
	if ext := filepath.Ext(name); strings.EqualFold(ext, ".zip") {
		name = strings.TrimSuffix(name, ext)
	}
	if rest, ok := strings.CutPrefix(name, app); ok && app != "" && len(rest) > 1 && strings.ContainsRune(".-_", rune(rest[0])) {
		return strings.TrimPrefix(rest[1:], "v")
	}
	if m := trailingVersion.FindStringSubmatch(name); m != nil {
		return m[1]
	}
	return name
}
