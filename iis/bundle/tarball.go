package bundle

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

const (
	// longestName bounds the bytes of a name in a tar; what Windows can store is shorter by far.
	longestName = 4096
	// mostTrailing bounds the padding behind the last entry of a tar.
	mostTrailing = 1 << 20
)

// unpackTar inflates a tar.gz once, into a temporary file: a stream cannot be read twice, and each server reads it anew.
func unpackTar(from io.ReaderAt, size int64, name string) (packed, error) {
	z, err := gzip.NewReader(io.NewSectionReader(from, 0, size))
	if err != nil {
		return packed{}, damage(name, err)
	}
	spool, err := os.CreateTemp("", "iis-canary-*.tar")
	if err != nil {
		return packed{}, fmt.Errorf("open the package %s: %w", name, err)
	}
	p := packed{close: []func() error{spool.Close, func() error { return os.Remove(spool.Name()) }}}
	stream := &inflated{from: z, packed: size}
	if p.entries, err = spoolTar(tar.NewReader(stream), spool); err == nil {
		err = stream.drain()
	}
	if err != nil {
		return p, damage(name, err)
	}
	return p, nil
}

// damage makes a refusal of what is wrong with a stream.
func damage(name string, err error) error {
	if why, is := errors.AsType[*flaw](err); is {
		return refused(name, "%s", why.text)
	}
	if damaged(err) {
		return broken(name, "it is no complete tar.gz, it may be cut short: %v", err)
	}
	return fmt.Errorf("open the package %s: %w", name, err)
}

// flaw ends the reading of a stream that need not be read any further.
type flaw struct{ text string }

func (f *flaw) Error() string { return f.text }

// inflated is a stream that ends with an error where it becomes far larger than what it came from.
type inflated struct {
	from         io.Reader
	packed, read int64
}

func (i *inflated) Read(p []byte) (int, error) {
	n, err := i.from.Read(p)
	i.read += int64(n)
	switch {
	case i.read > ratioFrom && i.read/MostRatio > i.packed:
		return n, &flaw{fmt.Sprintf("it inflates to more than %d times its size", MostRatio)}
	case i.read > MostBytes+MostFiles*tarOverhead:
		return n, &flaw{fmt.Sprintf("it holds more than %d bytes", int64(MostBytes))}
	}
	return n, err
}

// tarOverhead is the header and the padding of one entry.
const tarOverhead = 1024

// drain reads to the end, where the checksum is.
func (i *inflated) drain() error {
	n, err := io.Copy(io.Discard, io.LimitReader(i, mostTrailing+1))
	if n > mostTrailing {
		return &flaw{"it has more than 1 MiB behind its last entry"}
	}
	return err
}

// spoolTar writes the contents of all files behind each other, and lists them.
func spoolTar(t *tar.Reader, spool *os.File) ([]entry, error) {
	var entries []entry
	var at int64
	for {
		h, err := t.Next()
		if err == io.EOF {
			return entries, nil
		}
		if err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeXGlobalHeader { // a comment of `git archive`
			continue
		}
		if len(h.Name) > longestName {
			return nil, &flaw{fmt.Sprintf("%s has a path longer than %d characters", quoted(h.Name[:longestPath]), longestPath)}
		}
		if len(entries) == MostFiles {
			return nil, &flaw{fmt.Sprintf("it holds more than %d files and folders", MostFiles)}
		}
		e := tarEntry(h)
		if e.folder && e.name == "" { // "./", the root itself
			continue
		}
		if !e.folder && e.flaw == "" {
			if at > MostBytes-e.size {
				return nil, &flaw{fmt.Sprintf("it holds more than %d bytes", int64(MostBytes))}
			}
			if err := copyEntry(spool, t, e.size); err != nil {
				return nil, err
			}
			from := at
			e.open = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(spool, from, e.size)), nil }
			at += e.size
		}
		entries = append(entries, e)
	}
}

// copyEntry writes just as much as is listed: a sparse file may hold less than it claims in the tar, never more.
func copyEntry(to io.Writer, from io.Reader, size int64) error {
	n, err := io.Copy(to, io.LimitReader(from, size+1))
	if err == nil && n != size {
		err = errGrew
	}
	return err
}

// tarEntry is a header as an entry; "./a" is written by `tar -C folder .`.
func tarEntry(h *tar.Header) entry {
	name := strings.TrimPrefix(h.Name, "./")
	e := entry{name: name, size: h.Size}
	switch h.Typeflag {
	case tar.TypeReg:
		if strings.HasSuffix(name, "/") {
			e.flaw = "is a file with the name of a folder"
		}
	case tar.TypeDir:
		e.folder, e.size = true, 0
		if name == "." {
			e.name = ""
		}
	case tar.TypeSymlink:
		e.flaw = "is a symbolic link"
	case tar.TypeLink:
		e.flaw = "is a hard link"
	default:
		e.flaw = "is a device or a pipe, no file"
	}
	return e
}
