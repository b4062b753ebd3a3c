package iis

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"iiscanary/canary"
	"iiscanary/iis/agent"
)

// Authenticode says which files of a release must be signed for Windows, and by whom. The servers look: they have Windows.
type Authenticode struct {
	Files []string // paths of the release
	// Allow is signers of which each file must have one: the thumbprint of a certificate (40 hexadecimal digits), or the subject of one,
	// whole or only its common name.
	Allow []string
}

// SignerError is files that are not signed as they must be.
type SignerError struct {
	Server string
	Files  []agent.Signed
	Allow  []string
}

// signersShown is how many files an error names.
const signersShown = 5

func (e *SignerError) Error() string {
	var found []string
	for _, s := range e.Files[:min(len(e.Files), signersShown)] {
		found = append(found, s.Path+" is "+words(s))
	}
	if more := len(e.Files) - len(found); more > 0 {
		found = append(found, fmt.Sprintf("and %d more files", more))
	}
	return fmt.Sprintf("%s: %s; allowed: %s (package.authenticode)", e.Server, strings.Join(found, "; "), strings.Join(e.Allow, ", or "))
}

// words is what Windows found.
func words(s agent.Signed) string {
	by := "by somebody who cannot be told"
	if s.Subject != "" {
		by = fmt.Sprintf("by %s (%s)", s.Subject, s.Thumbprint)
	}
	switch s.Status {
	case "valid":
		return "signed " + by
	case "unsigned":
		return "not signed"
	case "altered":
		return "signed " + by + ", and was altered after that"
	case "untrusted":
		return "signed " + by + ", whom this server does not trust"
	case "expired":
		return "signed " + by + ", whose certificate had expired"
	case "revoked":
		return "signed " + by + ", whose certificate is revoked"
	}
	return fmt.Sprintf("signed %s, and Windows refuses that (0x%08X)", by, uint32(s.HResult))
}

// Demand makes signatures necessary in the release that Stage brings to the servers; nil: none is.
func (f *Fleet) Demand(a *Authenticode) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.demanded = a
}

// verifySigners asks the server about the files that must be signed.
func (f *Fleet) verifySigners(ctx context.Context, server string, release canary.Release) error {
	f.mu.Lock()
	a := f.demanded
	f.mu.Unlock()
	if a == nil {
		return nil
	}
	return f.Signed(ctx, server, release.Slot, *a)
}

// Signed asks a server about files of a slot that must be signed. It changes nothing. Its error is a *[SignerError] where one is not as it
// must be.
func (f *Fleet) Signed(ctx context.Context, server, slot string, a Authenticode) error {
	no := &SignerError{Server: server, Allow: a.Allow}
	for files := range slices.Chunk(a.Files, batchFiles) {
		args := agent.SignersArgs{App: f.options.App, Root: f.options.Root, Slot: slot, Files: files}
		var r agent.SignersResult
		if err := f.run(ctx, server, operation{name: "signers", args: args, limit: f.timeouts.Transfer}, &r); err != nil {
			return err
		}
		if len(r.Files) != len(files) {
			return fmt.Errorf("%s: asked for the signatures of %d files, told of %d", server, len(files), len(r.Files))
		}
		for i, s := range r.Files {
			if s.Path != files[i] || s.Status != "valid" || !slices.ContainsFunc(a.Allow, s.By) {
				no.Files = append(no.Files, s)
			}
		}
	}
	if len(no.Files) > 0 {
		return no
	}
	return nil
}
