package iistest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

// benchPrefix begins the name of a throw-away site, of its pool and of its folder.
const benchPrefix = "iis-canary-probe-"

var benchID = regexp.MustCompile(`^[a-z0-9]{4,12}$`)

// observations is what a Windows server as it is documented lets one see, by experiment.
func observations() map[string]map[string]any {
	return map[string]map[string]any{
		"file-changed":         {"conflict": true, "type": "FileLoadException", "file_load_exception": true, "hresult": "0x800703EE"},
		"certificate-kept":     {"before": true, "after_element": true, "appcmd_exit": 0, "after_appcmd": true},
		"certificate-dropped":  {"before": true, "after_object": false},
		"binding-same-hash":    {"first_events": []int{15301}, "more_events": []int{}, "rewritten": false, "still_there": true},
		"binding-flags":        {"ssl_flags": 0},
		"pool-start":           {"worker_while_site_stopped": true, "worker": true},
		"pool-on-demand":       {"worker_before_request": false, "after_request": true, "recycle_exit": 0, "after_recycle": true, "after_crash": true},
		"flags-no-recycle":     {"same_worker_after_on": true, "same_worker_after_off": true},
		"preload-site-stopped": {"ran_after_site_start": true, "ran_while_site_stopped": false},
		"log-flush":            {"before_flush": false, "exit": 0, "after_flush": true, "flush_ms": 12.5},
		"log-site-name":        {"field": "the site's name"},
		"startup-times":        {"manager_ms": 210.5, "powershell_ms": 1830, "powershell_exit": 0, "appcmd_ms": 140, "appcmd_exit": 0},
		"token":                {"compiled": true, "temp_writable": true, "global_mutex": true},
		"components":           {"library": "7.0", "appcmd": true, "netsh": true, "icacls": true, "powershell": true},
		"bits":                 {"created": false, "hresult": "0x800704DD"},
	}
}

// experiment makes one on the throw-away site, of which there is a folder only.
func experiment(_ context.Context, c *call) (any, error) {
	var a struct {
		Root string `json:"root"`
		ID   string `json:"id"`
		Name string `json:"name"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	root, err := c.server.store.local(a.Root)
	if err != nil {
		return nil, err
	}
	if len(c.blob) > 0 && a.Name != "echo" {
		return nil, refuse("bad_request", "the experiment %s carries no blob", a.Name)
	}
	switch a.Name {
	case "clean":
		return c.server.cleanBenches(root), nil
	case "echo":
		return told(map[string]any{"bytes": len(c.blob), "sha256": sumBytes(c.blob)}), nil
	}
	observed, known := observations()[a.Name]
	if !known {
		return nil, refuse("bad_request", "there is no experiment %q", a.Name)
	}
	if !benchID.MatchString(a.ID) {
		return nil, refuse("bad_request", "%q is no id of a probe", a.ID)
	}
	c.server.store.mu.Lock()
	defer c.server.store.mu.Unlock()
	if err := write(filepath.Join(root, benchPrefix+a.ID, "port.txt"), []byte("50000")); err != nil {
		return nil, err
	}
	return told(observed), nil
}

func told(observed map[string]any) map[string]any {
	return map[string]any{"observed": observed, "hindrance": "", "ms": 1}
}

// cleanBenches removes every throw-away site.
func (s *Server) cleanBenches(root string) map[string]any {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	removed, warnings := []string{}, []string{}
	for _, name := range folders(root) {
		id, is := strings.CutPrefix(name, benchPrefix)
		if !is || !benchID.MatchString(id) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(root, name)); err != nil {
			warnings = append(warnings, fmt.Sprintf("%s: %v", name, err))
		}
		removed = append(removed, name)
	}
	return map[string]any{"removed": removed, "warnings": warnings}
}
