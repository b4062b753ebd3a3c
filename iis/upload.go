package iis

import (
	"bytes"
	"compress/flate"
	"context"
	"errors"
	"fmt"
	"io"

	"iiscanary/canary"
	"iiscanary/iis/agent"
	"iiscanary/iis/bundle"
)

// upload sends contents in batches; a file larger than a batch travels as ranges.
func (f *Fleet) upload(ctx context.Context, server string, r *bundle.Release, files []bundle.File) error {
	b := batch{}
	flush := func() error {
		if len(b.entries) == 0 {
			return nil
		}
		full := b
		b = batch{}
		return f.put(ctx, server, &full)
	}
	for _, file := range files {
		if err := f.sendFile(&b, r, server, file, flush); err != nil {
			return err
		}
	}
	return flush()
}

// sendFile adds a file to the batch, and flushes that whenever it is full. What flush says names the server already.
func (f *Fleet) sendFile(b *batch, r *bundle.Release, server string, file bundle.File, flush func() error) error {
	content, err := r.Open(file.Path)
	if err != nil {
		return fmt.Errorf("%s: upload %s: %w", server, file.Path, err)
	}
	defer content.Close()
	for offset := int64(0); offset < file.Size || offset == 0; {
		length := min(file.Size-offset, int64(batchBytes-b.data.Len()))
		if len(b.entries) == batchFiles || length <= 0 && file.Size > 0 {
			if err := flush(); err != nil {
				return err
			}
			continue
		}
		if err := b.add(content, agent.PutFile{SHA256: file.SHA256, Size: file.Size, Offset: offset, Length: length}); err != nil {
			return fmt.Errorf("%s: upload %s: %w", server, file.Path, err)
		}
		if offset += length; file.Size == 0 {
			break
		}
	}
	return nil
}

// put sends a batch. One that is too long for a single request, and whose connection is lost, goes on in parts that are not: those arrive
// whole or not at all, and can be sent again to the same process, where a batch would have to begin anew for ever.
func (f *Fleet) put(ctx context.Context, server string, b *batch) error {
	h, err := f.host(server)
	if err != nil {
		return err
	}
	op, err := f.putting(b)
	if err != nil {
		return err
	}
	once := op
	once.tries = 1
	if err := f.change(ctx, server, once, nil); !errors.Is(err, canary.ErrUnreachable) || ctx.Err() != nil {
		return err
	}
	most := h.client.AtOnce() / 2 // beside the names of its files; the server may have said by now that it is less
	if len(op.blob) <= most {
		return f.change(ctx, server, op, nil)
	}
	for _, part := range b.parts(most) {
		op, err := f.putting(part)
		if err != nil {
			return err
		}
		if err := f.change(ctx, server, op, nil); err != nil {
			return err
		}
	}
	return nil
}

func (f *Fleet) putting(b *batch) (operation, error) {
	blob, err := b.deflated()
	args := agent.PutArgs{App: f.options.App, Root: f.options.Root, Files: b.entries}
	return operation{name: "put", args: args, blob: blob, limit: f.timeouts.Transfer}, err
}

// batch is the ranges that travel in one put.
type batch struct {
	entries []agent.PutFile
	data    bytes.Buffer
}

// entrySpace is what a range takes beside its bytes.
const entrySpace = 200

// parts is the same ranges in batches that take so many bytes each, cut where they have to be.
func (b *batch) parts(most int) []*batch {
	var out []*batch
	room, rest := 0, b.data.Bytes()
	for _, e := range b.entries {
		for first := true; first || e.Length > 0; first = false {
			if room <= entrySpace {
				out, room = append(out, &batch{}), max(most, 2*entrySpace)
			}
			now := e
			now.Length = min(e.Length, int64(room-entrySpace))
			last := out[len(out)-1]
			last.entries = append(last.entries, now)
			last.data.Write(rest[:now.Length])
			rest, room = rest[now.Length:], room-entrySpace-int(now.Length)
			e.Offset, e.Length = e.Offset+now.Length, e.Length-now.Length
		}
	}
	return out
}

func (b *batch) add(from io.Reader, entry agent.PutFile) error {
	if _, err := io.CopyN(&b.data, from, entry.Length); err != nil {
		return fmt.Errorf("read bytes %d to %d: %w", entry.Offset, entry.Offset+entry.Length, err)
	}
	b.entries = append(b.entries, entry)
	return nil
}

func (b *batch) deflated() ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if _, err := w.Write(b.data.Bytes()); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("compress: %w", err)
	}
	return out.Bytes(), nil
}
