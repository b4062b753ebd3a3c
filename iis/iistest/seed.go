package iistest

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// Install puts a slot on the server as a former deployment left it: folder, manifest, site and pool on the site port, for
// every host name; stopped, not starting at boot. Keys of files are paths with "/".
func (s *Server) Install(slot, version string, files map[string]string) error {
	if err := checkSlot(s.config.App, slot); err != nil {
		return err
	}
	if _, ok := s.slot(slot); ok {
		return fmt.Errorf("install %s: there is a site of that name", slot)
	}
	remote := strings.TrimSuffix(s.config.Sites, `\`) + `\` + slot
	folder, err := s.store.local(remote)
	if err != nil {
		return err
	}
	m := manifest{App: s.config.App, Slot: slot, Version: version, Created: stamp(time.Now())}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if badPath(path) {
			return fmt.Errorf("install %s: %q is no good path", slot, path)
		}
		content := []byte(files[path])
		m.Files = append(m.Files, file{Path: path, Size: int64(len(content)), SHA256: sumBytes(content)})
		if err := write(filepath.Join(folder, filepath.FromSlash(path)), content); err != nil {
			return fmt.Errorf("install %s: %w", slot, err)
		}
	}
	m.Digest = digestOf(m.Files)
	if err := errors.Join(os.MkdirAll(folder, 0o755), writeManifest(folder, m)); err != nil {
		return fmt.Errorf("install %s: %w", slot, err)
	}
	s.machine.protect(remote+`\`+manifestName, closed)
	s.machine.mu.Lock()
	defer s.machine.mu.Unlock()
	s.machine.add(slot, s.machine.freeID(slot), remote, "v4.0", []string{s.Binding()}).version = version
	return nil
}

// digestOf is a digest of a file list. No operation computes one, so it need only differ from list to list.
func digestOf(files []file) string {
	h := sha256.New()
	for _, f := range slices.SortedFunc(slices.Values(files), func(a, b file) int { return cmp.Compare(a.Path, b.Path) }) {
		_, _ = fmt.Fprintf(h, "%s %d %s\n", f.SHA256, f.Size, f.Path) // a hash never fails
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Serve starts an installed slot, warm, with both boot flags set: the state that a finished deployment leaves.
func (s *Server) Serve(slot string) error {
	m := s.machine
	ctx, cancel := context.WithTimeout(context.Background(), s.config.Patience)
	defer cancel()
	for _, part := range []string{"pool", "site"} {
		if err := m.drive(ctx, aim{slot, part, started, time.Now(), 0}); err != nil {
			return fmt.Errorf("serve %s: %w", slot, err)
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.sites[slot]
	if one == nil || one.worker == nil || one.site != started {
		return fmt.Errorf("serve %s: it did not start", slot)
	}
	one.siteBoot, one.poolBoot = true, true
	one.worker.begun = max(m.config.ColdNext, 0) + 1
	one.worker.awake = time.Now()
	return nil
}
