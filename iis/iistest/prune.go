package iistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	removed, warnings := []string{}, []string{}
	for _, s := range c.server.survey(c.app, a.Root) {
		if slices.Contains(a.Keep, s.Name) || !s.dead() {
			continue
		}
		if err := c.server.remove(ctx, s); err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v", s.Name, err))
			continue
		}
		removed = append(removed, s.Name)
	}
	for _, name := range folders(root) {
		if slot, old := strings.CutSuffix(name, partial); old && inFamily(c.app, slot) {
			if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
				warnings = append(warnings, fmt.Sprintf("%s: %v", name, err))
			}
		}
	}
	return map[string]any{"removed": removed, "warnings": warnings}, nil
}

// dead says that nothing of the slot runs or would start at boot.
func (s slotState) dead() bool {
	still := func(state string) bool { return state == stopped || state == absent }
	return still(s.Site) && still(s.Pool) && len(s.Workers) == 0 && !s.SiteBoot && !s.PoolBoot
}

// remove takes site, pool and folder away. Its logs stay.
func (s *Server) remove(ctx context.Context, slot slotState) error {
	folder, err := s.store.local(slot.Path)
	if err != nil {
		return err
	}
	if slot.Site != absent {
		if err := s.commit(ctx, func() { delete(s.machine.sites, slot.Name) }); err != nil {
			return err
		}
	}
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	return os.RemoveAll(folder)
}
