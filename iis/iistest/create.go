package iistest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf16"
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
		return nil, refuse("conflict", "%s holds release %s already, not %s", a.Slot, m.Digest, a.Digest).saying("choose another slot")
	case configured && !written:
		return nil, refuse("conflict", "there is a site %s without a manifest", a.Slot).saying("choose another slot")
	case !written && exists(folder):
		return nil, refuse("conflict", "there is a folder %s without a manifest", a.Slot).saying("choose another slot, or remove it")
	}
	set, err := c.server.ensure(a)
	switch {
	case err != nil:
		return nil, err
	case configured:
		after, _ := c.server.slot(a.Slot)
		return change(set, before, after), nil
	case !written:
		if err := c.server.store.materialise(c.app, root, a); err != nil {
			return nil, err
		}
	}
	place := strings.TrimSuffix(a.Root, `\`) + `\` + a.Slot
	c.server.machine.grant(place, a.Slot)
	c.server.machine.protect(place+`\`+manifestName, closed)
	if err := c.server.configure(ctx, a); err != nil {
		return nil, err
	}
	after, _ := c.server.slot(a.Slot)
	out := change(true, map[string]any{"name": a.Slot, "site": absent, "pool": absent}, after)
	out["warnings"] = c.server.machine.differences(a.Slot)
	return out, nil
}

// configure makes site and pool in one commit, and waits until WAS knows them.
func (s *Server) configure(ctx context.Context, a createArgs) error {
	m := s.machine
	if err := s.commit(ctx, func() {
		if m.sites[a.Slot] == nil {
			made := m.add(a.Slot, m.freeID(a.Slot), strings.TrimSuffix(a.Root, `\`)+`\`+a.Slot, a.Runtime, a.Bindings)
			made.version, made.settings = a.Version, poolSettings(a.Runtime)
		}
	}); err != nil {
		return err
	}
	for limit := time.Now().Add(m.patient(darkLimit)); time.Now().Before(limit) && !m.trouble.read().Halted; {
		site, _ := m.look(a.Slot, "site")
		pool, _ := m.look(a.Slot, "pool")
		if site != unknown && pool != unknown || !pause(ctx, m.config.Settle) {
			break
		}
	}
	return nil
}

// poolSettings is what create sets of a pool, by the names in applicationHost.config.
func poolSettings(runtime string) map[string]string {
	if runtime == "none" {
		runtime = ""
	}
	return map[string]string{
		"managedRuntimeVersion": runtime, "managedPipelineMode": "Integrated", "enable32BitAppOnWin64": "false", "startMode": "AlwaysRunning",
		"processModel.identityType": "ApplicationPoolIdentity", "processModel.idleTimeout": "00:00:00", "processModel.loadUserProfile": "true",
		"recycling.periodicRestart.time": "00:00:00", "failure.loadBalancerCapabilities": "HttpLevel", "failure.rapidFailProtection": "true",
	}
}

// differences is what a new look at a pool finds other than it was set.
func (m *machine) differences(slot string) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []string{}
	s := m.sites[slot]
	if s == nil {
		return out
	}
	wanted := poolSettings(s.runtime)
	for _, name := range slices.Sorted(maps.Keys(wanted)) {
		if is := s.settings[name]; is != wanted[name] {
			out = append(out, fmt.Sprintf("%s is %s, not %s as it was set: another tool may enforce it", name, is, wanted[name]))
		}
	}
	return out
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
		if !bindingForm.MatchString(b) {
			return refuse("bad_request", "%q is no binding", b)
		}
	}
	if !slices.ContainsFunc(a.Bindings, func(b string) bool { return portOf(b) == s.front.port }) {
		return refuse("bad_request", "bindings %q: this simulated server listens on port %d only", a.Bindings, s.front.port)
	}
	return nil
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
	if err := tooLong(strings.TrimSuffix(a.Root, `\`)+`\`+a.Slot+partial, a.Files); err != nil {
		return err
	}
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

// tooLong refuses paths of MAX_PATH, 260 characters with the zero at the end, and folders in which no name of 8.3 would have room.
func tooLong(folder string, files []file) error {
	units := func(s string) int { return len(utf16.Encode([]rune(s))) }
	for _, f := range files {
		whole := units(folder + `\` + f.Path)
		below := whole - units(f.Path[strings.LastIndexByte(f.Path, '/')+1:]) - 1
		limit := 259
		if below > 247 {
			limit = 247
		} else if whole <= limit {
			continue
		}
		return refuse("bad_request", "%s would be too long below %s: Windows takes %d characters", f.Path, folder, limit).at("measure the paths").
			saying("choose a shorter site.root, or shorter paths in the package")
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
	r := refuse("not_found", "%s: this server does not have SHA-256 %s", f.Path, f.SHA256).at("copy the files")
	r.Hint = "put it first"
	return nil, r
}

func change(changed bool, before, after any) map[string]any {
	return map[string]any{"changed": changed, "before": before, "after": after, "warnings": []string{}}
}

// commitTries is how often the agent tries one commit.
const commitTries = 8

// commit makes one change of the configuration. When somebody else committed in between, it is tried again.
func (s *Server) commit(ctx context.Context, apply func()) error {
	var code int32
	var r rule
	for range commitTries {
		if code = s.machine.commit(now, apply); code == 0 {
			return nil
		}
		if r = ruleOf("commit", code); r.reaction != again || !pause(ctx, s.config.Settle) {
			break
		}
	}
	words := text(code)
	if r.class == "busy" {
		words += s.machine.lastCommit()
	}
	return r.refusal(code, words).at("commit")
}
