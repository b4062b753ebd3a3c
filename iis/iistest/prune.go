package iistest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

func prune(ctx context.Context, c *call) (any, error) {
	var a struct {
		Root string   `json:"root"`
		Keep []string `json:"keep"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	root, err := c.server.store.local(a.Root)
	if err != nil {
		return nil, err
	}
	removed, warnings := []string{}, c.server.removeRests(ctx, c.app, root)
	for _, s := range c.server.survey(c.app, a.Root) {
		c.server.machine.told(&s)
		if slices.Contains(a.Keep, s.Name) || !s.dead() {
			continue
		}
		if !c.server.madeHere(s) {
			warnings = append(warnings, s.Name+": not made by this tool, so it stays")
			continue
		}
		more, err := c.server.remove(ctx, root, a.Root, s)
		warnings = append(warnings, more...)
		if err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v", s.Name, err))
			continue
		}
		removed = append(removed, s.Name)
	}
	return map[string]any{"removed": removed, "warnings": warnings}, nil
}

// removeRests deletes folders of slots that were never whole, or that an earlier prune could not delete; what stays is a warning.
func (s *Server) removeRests(ctx context.Context, app, root string) []string {
	warnings := []string{}
	for _, name := range folders(root) {
		slot, unfinished := strings.CutSuffix(name, partial)
		if left := trashed.FindStringSubmatch(name); left != nil {
			slot, unfinished = left[1], true
		}
		if !unfinished || !inFamily(app, slot) {
			continue
		}
		if err := s.removeAll(ctx, slot, filepath.Join(root, name)); err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v", name, err))
		}
	}
	return warnings
}

// removeAll deletes a folder that was a slot's, once nobody holds it.
func (s *Server) removeAll(ctx context.Context, slot, folder string) error {
	if err := s.released(ctx, "delete", slot, folder); err != nil {
		return err
	}
	return os.RemoveAll(folder)
}

// released waits, for a minute, until nobody hinders a call about a slot's folder.
func (s *Server) released(ctx context.Context, call, slot, folder string) error {
	for limit := time.Now().Add(s.machine.patient(time.Minute)); s.faults.trapped(call, slot) != 0; {
		if time.Now().After(limit) || !pause(ctx, s.config.Settle) {
			return refuse("busy", "%s is in use", folder)
		}
	}
	return nil
}

// dead says that nothing of the slot runs or would start at boot.
func (s slotState) dead() bool {
	still := func(state string) bool { return state == stopped || state == absent }
	return still(s.Site) && still(s.Pool) && len(s.Workers) == 0 && !s.SiteBoot && !s.PoolBoot
}

// madeHere says whether the folder of a slot has a manifest of that slot.
func (s *Server) madeHere(slot slotState) bool {
	folder, err := s.store.local(slot.Path)
	if err != nil {
		return false
	}
	m, written := readManifest(folder)
	return written && strings.EqualFold(m.Slot, slot.Name)
}

// trash begins the name of a folder that is being deleted.
const trash = ".trash-"

// trashed is a slot's name between that and what makes it unlike the others.
var trashed = regexp.MustCompile(`^\.trash-(.+)-[0-9a-f]{8}$`)

// remove takes site, pool and folder away; a folder that is not in its place stays. Its logs stay. What the removal harmed is repaired, and a warning.
func (s *Server) remove(ctx context.Context, root, remote string, slot slotState) (warnings []string, err error) {
	folder, err := s.store.local(slot.Path)
	if err != nil {
		return nil, err
	}
	m := s.machine
	if slot.Site != absent {
		if user := m.userOf(slot.Path, slot.Name); user != "" {
			return nil, refuse("conflict", "site %s has its folder there", user)
		}
		bound := m.bound()
		if err := s.commit(ctx, func() { m.drop(slot.Name, true) }); err != nil {
			return nil, err
		}
		if bound && !m.bound() {
			warnings = append(warnings, s.repair(slot.Name))
		}
	}
	if place := strings.TrimRight(remote, `\`) + `\` + slot.Name; !strings.EqualFold(strings.TrimRight(slot.Path, `\`), place) {
		return append(warnings, fmt.Sprintf("%s: %s stays, as it is not %s", slot.Name, slot.Path, place)), nil
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	if !exists(folder) {
		return warnings, nil
	}
	aside := filepath.Join(root, fmt.Sprintf("%s%s-%08x", trash, slot.Name, rand.Uint32()))
	if err := s.released(ctx, "move", slot.Name, folder); err != nil {
		return warnings, err
	}
	if err := os.Rename(folder, aside); err != nil {
		return warnings, err
	}
	if err := s.removeAll(ctx, slot.Name, aside); err != nil {
		warnings = append(warnings, fmt.Sprintf("%s: %v", slot.Name, err))
	}
	return warnings, nil
}

// userOf is another site whose folder is that one, or below it.
func (m *machine) userOf(path, but string) string {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.ordered() {
		if s.name != but && (strings.EqualFold(s.path, path) || containsFold(s.path, path+`\`)) {
			return s.name
		}
	}
	return ""
}

// bound says whether a certificate hangs on the site's port.
func (m *machine) bound() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return !m.unbound
}

func (m *machine) bind() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unbound = false
}
