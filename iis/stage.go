package iis

import (
	"bytes"
	"compress/flate"
	"context"
	"fmt"
	"io"

	"iiscanary/canary"
	"iiscanary/iis/agent"
	"iiscanary/iis/bundle"
)

const (
	// batchBytes is the inflated size of one put.
	batchBytes = 8 << 20
	// batchFiles bounds the entries of one put, and of one have.
	batchFiles = 5000
)

// Stage brings the release's files into a slot and creates its site and pool, stopped and not starting at boot. Only
// contents that the server has in no other slot travel. The package is the one given to [Fleet.Use].
func (f *Fleet) Stage(ctx context.Context, server string, release canary.Release) error {
	f.mu.Lock()
	r := f.release
	f.mu.Unlock()
	if r == nil || r.Digest != release.Digest {
		return fmt.Errorf("%s: stage %s: the package with digest %.12s is not at hand", server, release.Slot, release.Digest)
	}
	slots, err := f.Slots(ctx, server)
	if err != nil {
		return err
	}
	for _, s := range slots {
		if s.Name == release.Slot && s.Digest == release.Digest && s.Site != canary.Absent && s.Pool != canary.Absent {
			return nil
		}
	}
	missing, err := f.missing(ctx, server, r.Files)
	if err != nil {
		return err
	}
	if err := f.upload(ctx, server, r, missing); err != nil {
		return err
	}
	if err := f.create(ctx, server, release, r.Files); err != nil {
		return err
	}
	return f.verifyStaged(ctx, server, release)
}

// missing is one file for each content that the server cannot supply by itself.
func (f *Fleet) missing(ctx context.Context, server string, files []bundle.File) ([]bundle.File, error) {
	first := map[string]bundle.File{}
	var order []string
	for _, file := range files {
		if _, known := first[file.SHA256]; !known {
			first[file.SHA256] = file
			order = append(order, file.SHA256)
		}
	}
	var missing []bundle.File
	for len(order) > 0 {
		n := min(len(order), batchFiles)
		args := agent.HaveArgs{App: f.options.App, Root: f.options.Root, Hashes: order[:n]}
		var r agent.HaveResult
		if err := f.run(ctx, server, operation{name: "have", args: args, limit: f.timeouts.Transfer}, &r); err != nil {
			return nil, err
		}
		there := map[string]bool{}
		for _, h := range r.Have {
			there[h] = true
		}
		for _, h := range order[:n] {
			if !there[h] {
				missing = append(missing, first[h])
			}
		}
		order = order[n:]
	}
	return missing, nil
}

func (f *Fleet) create(ctx context.Context, server string, release canary.Release, files []bundle.File) error {
	args := agent.CreateArgs{
		App: f.options.App, Root: f.options.Root, Slot: release.Slot, Version: release.Version, Digest: release.Digest,
		Bindings: f.options.Bindings, Runtime: f.options.Runtime, Host: f.options.HostHeader,
		Files: make([]agent.File, len(files)),
	}
	for i, file := range files {
		args.Files[i] = agent.File{Path: file.Path, Size: file.Size, SHA256: file.SHA256}
	}
	if c := f.options.Certificate; c != (Certificate{}) {
		args.Certificate = &agent.Certificate{Subject: c.Subject, Thumbprint: c.Thumbprint}
	}
	return f.change(ctx, server, operation{name: "create", args: args, limit: f.timeouts.Transfer}, nil)
}

// verifyStaged believes what a fresh look shows, not what create returned.
func (f *Fleet) verifyStaged(ctx context.Context, server string, release canary.Release) error {
	s, err := f.slot(ctx, server, release.Slot)
	switch {
	case err != nil:
		return fmt.Errorf("after staging: %w", err)
	case s.Digest != release.Digest:
		return fmt.Errorf("%s: after staging, slot %s has digest %.12s instead of %.12s", server, s.Name, s.Digest, release.Digest)
	case s.Site == canary.Absent || s.Pool == canary.Absent:
		return fmt.Errorf("%s: after staging, slot %s has site %s and pool %s", server, s.Name, s.Site, s.Pool)
	}
	return nil
}

// upload sends contents in batches; a file larger than a batch travels as ranges.
func (f *Fleet) upload(ctx context.Context, server string, r *bundle.Release, files []bundle.File) error {
	b := batch{}
	flush := func() error {
		if len(b.entries) == 0 {
			return nil
		}
		blob, err := b.deflated()
		if err != nil {
			return err
		}
		args := agent.PutArgs{App: f.options.App, Root: f.options.Root, Files: b.entries}
		b = batch{}
		return f.change(ctx, server, operation{name: "put", args: args, blob: blob, limit: f.timeouts.Transfer}, nil)
	}
	for _, file := range files {
		if err := f.sendFile(&b, r, file, flush); err != nil {
			return fmt.Errorf("%s: upload %s: %w", server, file.Path, err)
		}
	}
	if err := flush(); err != nil {
		return fmt.Errorf("%s: upload: %w", server, err)
	}
	return nil
}

func (f *Fleet) sendFile(b *batch, r *bundle.Release, file bundle.File, flush func() error) error {
	content, err := r.Open(file.Path)
	if err != nil {
		return err
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
			return err
		}
		if offset += length; file.Size == 0 {
			break
		}
	}
	return nil
}

// batch is the ranges that travel in one put.
type batch struct {
	entries []agent.PutFile
	data    bytes.Buffer
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
