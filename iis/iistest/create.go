package iistest

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// partial ends the name of a folder that is not whole yet.
const partial = ".partial"

type createArgs struct {
	Root        string   `json:"root"`
	Slot        string   `json:"slot"`
	Version     string   `json:"version"`
	Digest      string   `json:"digest"`
	Files       []file   `json:"files"`
	Bindings    []string `json:"bindings"`
	Certificate *struct {
		Subject    string `json:"subject"`
		Thumbprint string `json:"thumbprint"`
	} `json:"certificate"`
	Runtime string `json:"runtime"`
	Host    string `json:"host"`
}

var bindingForm = regexp.MustCompile(`^\*:([0-9]{1,5}):([A-Za-z0-9.-]*)$`)

func create(ctx context.Context, c *call) (any, error) {
	var a createArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if err := c.server.checkCreate(c.app, a); err != nil {
		return nil, err
	}
	root, err := c.server.store.local(a.Root)
	if err != nil {
		return nil, err
	}
	folder := filepath.Join(root, a.Slot)
	before, configured := c.server.slot(a.Slot)
	m, written := readManifest(folder)
	switch {
	case written && m.Digest != a.Digest:
		return nil, refuse("conflict", "%s holds release %s already, not %s", a.Slot, m.Digest, a.Digest)
	case configured && !written:
		return nil, refuse("conflict", "there is a site %s without a manifest", a.Slot)
	case configured:
		return change(false, before, before), nil
	case !written && exists(folder):
		return nil, refuse("conflict", "there is a folder %s without a manifest", a.Slot)
	case !written:
		if err := c.server.store.materialise(c.app, root, a); err != nil {
			return nil, err
		}
	}
	if err := c.server.commit(ctx, func() {
		c.server.machine.add(a.Slot, strings.TrimSuffix(a.Root, `\`)+`\`+a.Slot, a.Runtime, a.Version, a.Bindings)
	}); err != nil {
		return nil, err
	}
	after, _ := c.server.slot(a.Slot)
	return change(true, map[string]any{"name": a.Slot, "site": absent, "pool": absent}, after), nil
}

// checkCreate refuses what no server could do, and what this one cannot.
func (s *Server) checkCreate(app string, a createArgs) error {
	if err := checkSlot(app, a.Slot); err != nil {
		return err
	}
	if !hexSum.MatchString(a.Digest) || a.Version == "" || len(a.Files) == 0 || len(a.Bindings) == 0 {
		return refuse("bad_request", "create needs version, digest, files and bindings")
	}
	if a.Runtime != "v4.0" && a.Runtime != "none" {
		return refuse("bad_request", "there is no runtime %q", a.Runtime)
	}
	seen := map[string]bool{strings.ToLower(manifestName): true} // names have no case on Windows
	for _, f := range a.Files {
		name := strings.ToLower(f.Path)
		if badPath(f.Path) || !hexSum.MatchString(f.SHA256) || f.Size < 0 || seen[name] {
			return refuse("bad_request", "%q is no good entry of a file list", f.Path)
		}
		seen[name] = true
	}
	for _, b := range a.Bindings {
		m := bindingForm.FindStringSubmatch(b)
		if m == nil || m[1] != strconv.Itoa(s.front.port) {
			return refuse("bad_request", "binding %q: this simulated server has only port %d", b, s.front.port)
		}
	}
	if a.Certificate != nil && !s.hasCertificate(a.Certificate.Subject, a.Certificate.Thumbprint) {
		return refuse("certificate_missing", "no certificate has subject %q and thumbprint %q", a.Certificate.Subject, a.Certificate.Thumbprint)
	}
	return nil
}

// hasCertificate looks for the wanted names in the one certificate of the machine's store.
func (s *Server) hasCertificate(subject, thumbprint string) bool {
	leaf, err := x509.ParseCertificate(s.config.Certificate.Certificate[0])
	if err != nil || subject == "" && thumbprint == "" {
		return false
	}
	sum := sha1.Sum(leaf.Raw)
	if thumbprint != "" && !strings.EqualFold(thumbprint, hex.EncodeToString(sum[:])) {
		return false
	}
	subject = strings.TrimPrefix(subject, "CN=")
	return subject == "" || leaf.Subject.CommonName == subject || slices.Contains(leaf.DNSNames, subject)
}

// badPath refuses a path of a file list that does not stay below its folder, or that Windows cannot have.
func badPath(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if !goodName(part) {
			return true
		}
	}
	return false
}

// materialise builds the slot's folder beside its place and renames it there once every file is proved.
func (s *store) materialise(app, root string, a createArgs) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	building := filepath.Join(root, a.Slot+partial)
	if err := os.RemoveAll(building); err != nil {
		return err
	}
	sources := s.sources(app, root)
	for _, f := range a.Files {
		content, err := fetchFrom(sources[f.SHA256], f)
		if err != nil {
			return err
		}
		if err := s.take(f.Size); err != nil {
			return err
		}
		if err := write(filepath.Join(building, filepath.FromSlash(f.Path)), content); err != nil {
			return err
		}
	}
	m := manifest{App: app, Slot: a.Slot, Version: a.Version, Digest: a.Digest, Created: stamp(time.Now()), Files: a.Files}
	if err := errors.Join(writeManifest(building, m), os.Rename(building, filepath.Join(root, a.Slot))); err != nil {
		return err
	}
	for _, f := range a.Files {
		_ = os.Remove(filepath.Join(s.data(app, "parts"), f.SHA256)) // most files are of another slot, not of a part
	}
	return nil
}

// fetchFrom reads the content from the first place that really has it.
func fetchFrom(places []string, f file) ([]byte, error) {
	for _, p := range places {
		content, err := os.ReadFile(p)
		if err == nil && int64(len(content)) == f.Size && sumBytes(content) == f.SHA256 {
			return content, nil
		}
	}
	if len(places) > 0 {
		return nil, refuse("hash_mismatch", "%s: no copy on this server has SHA-256 %s and %d bytes any more", f.Path, f.SHA256, f.Size).at("materialise")
	}
	return nil, refuse("not_found", "%s: this server does not have SHA-256 %s", f.Path, f.SHA256).at("materialise")
}

func change(changed bool, before, after any) map[string]any {
	return map[string]any{"changed": changed, "before": before, "after": after, "warnings": []string{}}
}

// commitTries is how often the agent tries one commit.
const commitTries = 8

// commit makes one change of the configuration. When somebody else committed in between, it is tried again.
func (s *Server) commit(ctx context.Context, apply func()) error {
	for range commitTries {
		if s.machine.commit(apply) {
			return nil
		}
		if !pause(ctx, s.config.Settle) {
			break
		}
	}
	r := refuse("busy", "the configuration was changed by somebody else %d times in a row", commitTries).at("commit")
	r.HResult, r.Hint = changedOnDisk, "another tool writes applicationHost.config: stop it, or try again later"
	return r
}
