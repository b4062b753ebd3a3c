package bundle

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
)

// mostDirectory bounds the bytes that are read for the directory of a zip: what they claim is believed only after that.
const mostDirectory = 64 << 20

var errDirectory = errors.New("its directory is larger than 64 MiB")

// rationed stops reading after a number of bytes, until it is freed.
type rationed struct {
	io.ReaderAt
	left atomic.Int64
	free atomic.Bool
}

func (r *rationed) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 { // a damaged directory; a file would blame the disk
		return 0, zip.ErrFormat
	}
	if !r.free.Load() && r.left.Add(-int64(len(p))) < 0 {
		return 0, errDirectory
	}
	return r.ReaderAt.ReadAt(p, off)
}

// encrypted is the general purpose bit of APPNOTE.TXT 4.4.4.
const encrypted = 1

func unpackZip(from io.ReaderAt, size int64, name string) (packed, error) {
	source := &rationed{ReaderAt: from}
	source.left.Store(mostDirectory)
	z, err := zip.NewReader(source, size)
	if damaged(err) {
		return packed{}, broken(name, "it is no complete zip, it may be cut short: %v", err)
	}
	if err != nil {
		return packed{}, fmt.Errorf("open the package %s: %w", name, err)
	}
	if n := len(z.File); n > MostFiles {
		return packed{}, refused(name, "it holds %d files and folders, more than %d", n, MostFiles)
	}
	source.free.Store(true)
	entries := make([]entry, 0, len(z.File))
	for _, f := range z.File {
		entries = append(entries, zipEntry(f))
	}
	switch {
	case isNuget(entries):
		return nuget(entries, name)
	case isWebDeploy(entries):
		return webDeploy(entries, name)
	}
	return packed{entries: entries}, nil
}

func zipEntry(f *zip.File) entry {
	e := entry{name: f.Name, size: int64(f.UncompressedSize64), packed: int64(f.CompressedSize64), open: f.Open, flaw: modeFlaw(f.Mode())}
	e.folder = f.UncompressedSize64 == 0 && strings.HasSuffix(e.path(), "/")
	if f.Flags&encrypted != 0 {
		e.flaw = "is encrypted"
	}
	return e
}
