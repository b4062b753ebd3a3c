// Package fetch brings a package to this machine: a file as it is, a download from a web server, an object of S3.
//
// What it promises: what comes from elsewhere is pinned, by its SHA-256 or by the version of the object, and is refused when it
// is something else; no transfer lasts longer, or becomes larger, than it may; redirects lead to https only; a download is a
// private temporary file that goes when it is closed; no token, no query of an address and no key is ever in an error.
package fetch

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// Options say how packages are fetched. The zero value has defaults.
type Options struct {
	CAs       *x509.CertPool // for https; nil: those of this machine
	Token     string         // bearer token for the host of the package; empty: none
	UserAgent string
	Timeout   time.Duration // of a whole transfer with its attempts; 0: 15 min
	Idle      time.Duration // without a byte; 0: 1 min
	Pause     time.Duration // before the second attempt, doubled before the third; 0: 2 s
	MostBytes int64         // 0: 4 GiB
	S3        S3
}

func (o Options) withDefaults() Options {
	if o.Timeout == 0 {
		o.Timeout = 15 * time.Minute
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	if o.Pause == 0 {
		o.Pause = 2 * time.Second
	}
	if o.MostBytes == 0 {
		o.MostBytes = 4 << 30
	}
	return o
}

// attempts is how often a transfer is tried that fails for a reason which may pass.
const attempts = 3

// File is a package on this machine. It must be closed.
type File struct {
	*os.File
	Size   int64
	Region string // that the bucket of an object of S3 was found in; empty: it is none

	temporary bool
}

// Close closes the file, and removes it where it was downloaded.
func (f *File) Close() error {
	err := f.File.Close()
	if f.temporary {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// Fetch brings the package. A folder has no file: it is an error here. Where the reference has a SHA-256, that of a local file
// is compared too: that of a private copy, which is what is returned then.
func Fetch(ctx context.Context, r Reference, o Options) (*File, error) {
	o = o.withDefaults()
	f, err := o.bring(ctx, r)
	if err != nil {
		return nil, err
	}
	if r.sha256 == "" {
		return f, nil
	}
	if f, err = f.owned(); err != nil {
		return nil, err
	}
	if err := f.compare(r); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// bring opens a local file, or downloads.
func (o Options) bring(ctx context.Context, r Reference) (*File, error) {
	if r.Remote() {
		return o.download(ctx, r)
	}
	info, err := os.Stat(r.where) // before it is opened: a pipe would wait for its writer
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no file", r.where)
	}
	if err != nil {
		return nil, fmt.Errorf("open the package: %w", err)
	}
	f, err := os.Open(r.where)
	if err != nil {
		return nil, fmt.Errorf("open the package: %w", err)
	}
	if info, err = f.Stat(); err != nil {
		return nil, errors.Join(fmt.Errorf("open the package: %w", err), f.Close())
	}
	return &File{File: f, Size: info.Size()}, nil
}

// Sum is the SHA-256 of the file, lower-case hexadecimal.
func (f *File) Sum() (string, error) {
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f, 0, f.Size)); err != nil {
		return "", fmt.Errorf("hash the package: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// compare checks the SHA-256.
func (f *File) compare(r Reference) error {
	sum, err := f.Sum()
	if err != nil {
		return err
	}
	if sum != r.sha256 {
		return fmt.Errorf("%s is not the package that is meant: its SHA-256 is %s, not %s", r.Shown(), sum, r.sha256)
	}
	return nil
}

// owned is the file where it is private, and else a copy of it in its place.
func (f *File) owned() (*File, error) {
	if f.temporary {
		return f, nil
	}
	own, err := f.Copy()
	if bad := f.Close(); err == nil && bad != nil {
		return nil, errors.Join(bad, own.Close())
	}
	return own, err
}

// Copy is a private copy of a file, which nobody else can change between two looks at it.
func (f *File) Copy() (*File, error) {
	to, err := temporary()
	if err != nil {
		return nil, err
	}
	if _, err := io.Copy(to, io.NewSectionReader(f, 0, f.Size)); err != nil {
		return nil, errors.Join(fmt.Errorf("copy the package: %w", err), to.Close())
	}
	to.Size = f.Size
	return to, nil
}

// Private reports whether the file is one that nobody else knows.
func (f *File) Private() bool { return f.temporary }

// Beside reads a small file whose name is the package's with an ending behind it.
func Beside(ctx context.Context, r Reference, ending string, most int64, o Options) ([]byte, error) {
	o = o.withDefaults()
	o.MostBytes = most
	f, err := o.bring(ctx, r.beside(ending))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if f.Size > most {
		return nil, fmt.Errorf("%s is larger than %d bytes", r.beside(ending).Shown(), most)
	}
	return io.ReadAll(io.NewSectionReader(f, 0, f.Size))
}

func temporary() (*File, error) {
	f, err := os.CreateTemp("", "iis-canary-*.package") // for this account only
	if err != nil {
		return nil, fmt.Errorf("make a file for the package: %w", err)
	}
	return &File{File: f, temporary: true}, nil
}

// download tries until the package is here, or cannot be had.
func (o Options) download(ctx context.Context, r Reference) (*File, error) {
	ctx, cancel := context.WithTimeout(ctx, o.Timeout)
	defer cancel()
	client, err := o.source(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("fetch %s: %w", r.Shown(), err)
	}
	defer client.close()
	for n := 1; ; n++ {
		f, err := o.once(ctx, client)
		if err == nil {
			f.Region = client.region
			return f, nil
		}
		if _, lasting := errors.AsType[*answerError](err); lasting || n == attempts || ctx.Err() != nil {
			return nil, fmt.Errorf("fetch %s: %w", r.Shown(), o.timely(ctx, err))
		}
		if err := pause(ctx, o.Pause<<(n-1)); err != nil {
			return nil, fmt.Errorf("fetch %s: %w", r.Shown(), o.timely(ctx, err))
		}
	}
}

// timely names the limit where that was what ended a transfer.
func (o Options) timely(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("it is not here after %s (package.timeout)", o.Timeout)
	}
	return err
}

// once is one attempt.
func (o Options) once(ctx context.Context, c *client) (*File, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	idle := time.AfterFunc(o.Idle, func() { cancel(fmt.Errorf("no byte came for %s", o.Idle)) })
	defer idle.Stop()
	body, err := c.get(ctx)
	if err != nil {
		return nil, because(ctx, err)
	}
	defer body.Close()
	f, err := temporary()
	if err != nil {
		return nil, err
	}
	f.Size, err = io.Copy(f, &watched{io.LimitReader(body, o.MostBytes+1), func() { idle.Reset(o.Idle) }})
	if err == nil {
		err = context.Cause(ctx) // a server that is hung up on may end its answer as if it were whole
	}
	if err == nil && f.Size > o.MostBytes {
		err = &answerError{fmt.Sprintf("it is larger than %d bytes", o.MostBytes)}
	}
	if err != nil {
		return nil, errors.Join(because(ctx, err), f.Close())
	}
	return f, nil
}

// because prefers the reason for which a context was ended.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// watched tells of every read that brought something.
type watched struct {
	io.Reader
	alive func()
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if n > 0 {
		w.alive()
	}
	return n, err
}

// answerError is an answer that another attempt would not change.
type answerError struct{ what string }

func (e *answerError) Error() string { return e.what }

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
