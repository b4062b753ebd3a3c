package iis

import (
	"context"
	"fmt"

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
// contents that the server has in no other slot travel. The package is the one given to [Fleet.Use]; with [Fleet.PullFrom] the server
// fetches it by itself. At the end files are signed as [Fleet.Demand] wants it, or the error is a *[SignerError].
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
			return f.verifySigners(ctx, server, release)
		}
	}
	missing, err := f.missing(ctx, server, r.Files)
	if err != nil {
		return err
	}
	if missing, err = f.pulled(ctx, server, r, missing); err != nil {
		return err
	}
	if err := f.upload(ctx, server, r, missing); err != nil {
		return err
	}
	if err := f.create(ctx, server, release, r.Files); err != nil {
		return err
	}
	if err := f.verifyStaged(ctx, server, release); err != nil {
		return err
	}
	return f.verifySigners(ctx, server, release)
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
	var made agent.Change
	if err := f.change(ctx, server, operation{name: "create", args: args, limit: f.timeouts.Transfer}, &made); err != nil {
		return err
	}
	for _, w := range made.Warnings {
		f.mention(server, release.Slot+" was created, and "+w)
	}
	return nil
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
