package iistest

import (
	"cmp"
	"context"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// powerShell is the version that the simulated server has.
const powerShell = "5.1.20348.2227"

// iisVersion and frameworkRelease are what the registry of that system says; the release is .NET Framework 4.8.
const (
	iisVersion       = "Version 10.0"
	frameworkRelease = 528449
)

// services is what the service manager says, to administrators only.
func (s *Server) services() map[string]string {
	state, t := "running", s.trouble.read()
	if t.Halted {
		state = "stopped"
	} else if t.Resetting {
		state = "startpending"
	}
	if t.NotElevated {
		state = absent
	}
	return map[string]string{"WAS": state, "W3SVC": state}
}

// slotState is a slot as survey reports it.
type slotState struct {
	Name     string        `json:"name"`
	ID       int64         `json:"id"`
	Site     string        `json:"site"`
	Pool     string        `json:"pool"`
	SiteBoot bool          `json:"site_boot"`
	PoolBoot bool          `json:"pool_boot"`
	Path     string        `json:"path"`
	Bindings []string      `json:"bindings"`
	Workers  []workerState `json:"workers"`
	current  int           // requests in flight, which an answer does not have
	Digest   string        `json:"digest"`
	Version  string        `json:"version"`
	Created  string        `json:"created"`
	// Certificate is the thumbprint of what hangs on the port of the first binding.
	Certificate string `json:"certificate"`
}

type workerState struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

type appArgs struct {
	Root     string   `json:"root"`
	Bindings []string `json:"bindings"` // of survey: the ports to tell more of
}

func hello(_ context.Context, c *call) (any, error) {
	var a appArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if _, err := c.server.store.local(a.Root); err != nil {
		return nil, err
	}
	t := c.server.trouble.read()
	return map[string]any{
		"agent": "1", "machine": c.server.config.Name, "os": "Microsoft Windows NT 10.0.20348.0", "iis": iisVersion,
		"powershell": powerShell, "language_mode": "FullLanguage", "elevated": !t.NotElevated,
		"account": c.server.config.Name + `\` + c.server.config.User, "clock": c.server.clock(),
		"disk_free": c.server.store.diskFree(), "services": c.server.services(),
		"start_types":    map[string]string{"WAS": t.startType(), "W3SVC": t.startType()},
		"pending_reboot": t.PendingReboot, "bits": t.bits(), "os_bits": 64, "shared_config": c.server.shared(), "framework": t.framework(),
		"modules": c.server.modules(), "runtimes": c.server.runtimes(),
	}, nil
}

// shared says whether other servers have the same configuration; nil: that cannot be read.
func (s *Server) shared() *bool {
	t := s.trouble.read()
	if t.NotElevated || s.faults.trapped("redirection", "") != 0 {
		return nil
	}
	return &t.SharedConfig
}

func survey(_ context.Context, c *call) (any, error) {
	var a appArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if _, err := c.server.store.local(a.Root); err != nil {
		return nil, err
	}
	slots := c.server.survey(c.app, a.Root)
	for i := range slots {
		c.server.machine.told(&slots[i])
	}
	out := map[string]any{
		"clock": c.server.clock(), "disk_free": c.server.store.diskFree(), "slots": slots,
		"lease": c.server.leases.read(c.app), "runs": c.server.store.runs(c.app),
	}
	if len(a.Bindings) > 0 {
		out["listeners"], out["certificates"] = c.server.listeners(a.Bindings), c.server.compare(c.app, a.Bindings)
		out["legacy"] = c.server.machine.legacyBindings()
	}
	return out, nil
}

// told makes of a state what WAS says about it.
func (m *machine) told(s *slotState) {
	if s.Site == absent {
		return
	}
	s.Site, _ = m.look(s.Name, "site")
	s.Pool, _ = m.look(s.Name, "pool")
	if m.trouble.read().down() {
		s.Workers, s.current = []workerState{}, 0
	}
}

// survey is every slot of the app: its sites, and the folders under root that have none.
func (s *Server) survey(app, root string) []slotState {
	out := s.machine.slots(func(name string) bool { return inFamily(app, name) })
	local, err := s.store.local(root)
	if err != nil {
		return out
	}
	for _, name := range folders(local) {
		known := slices.ContainsFunc(out, func(x slotState) bool { return x.Name == name })
		if !known && inFamily(app, name) && !strings.HasSuffix(name, partial) {
			out = append(out, slotState{Name: name, Site: absent, Pool: absent, Path: strings.TrimSuffix(root, `\`) + `\` + name,
				Bindings: []string{}, Workers: []workerState{}})
		}
	}
	for i := range out {
		if len(out[i].Bindings) > 0 {
			out[i].Certificate = s.onBinding(out[i].Bindings[0])
		}
		if folder, err := s.store.local(out[i].Path); err == nil {
			m, _ := readManifest(folder)
			out[i].Digest, out[i].Version, out[i].Created = m.Digest, m.Version, m.Created
		}
	}
	slices.SortFunc(out, func(a, b slotState) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// slots is the state of every site that is wanted.
func (m *machine) slots(wanted func(string) bool) []slotState {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := []slotState{}
	for _, s := range m.ordered() {
		if wanted(s.name) {
			out = append(out, s.state())
		}
	}
	return out
}

func (s *site) state() slotState {
	out := slotState{Name: s.name, ID: s.id, Site: s.site, Pool: s.pool, SiteBoot: s.siteBoot, PoolBoot: s.poolBoot, Path: s.path,
		Bindings: slices.Clone(s.bindings), Workers: []workerState{}}
	if s.worker != nil {
		out.Workers = append(out.Workers, workerState{s.worker.pid, s.worker.started})
		out.current = s.worker.current
	}
	return out
}

// slot is one slot with what its manifest says.
func (s *Server) slot(name string) (slotState, bool) {
	all := s.machine.slots(func(x string) bool { return x == name })
	if len(all) == 0 {
		return slotState{}, false
	}
	if len(all[0].Bindings) > 0 {
		all[0].Certificate = s.onBinding(all[0].Bindings[0])
	}
	if folder, err := s.store.local(all[0].Path); err == nil {
		m, _ := readManifest(folder)
		all[0].Digest, all[0].Version, all[0].Created = m.Digest, m.Version, m.Created
	}
	s.machine.told(&all[0])
	return all[0], true
}

func requests(_ context.Context, c *call) (any, error) {
	name, err := c.slotArg()
	if err != nil {
		return nil, err
	}
	state, _ := c.server.slot(name)
	if len(state.Workers) == 0 {
		return map[string]int{"current": 0}, nil
	}
	return map[string]int{"current": c.server.machine.inHand(state.current)}, nil
}

// slotArg is the slot argument, of the app and configured.
func (c *call) slotArg() (string, error) {
	var a struct {
		Slot string `json:"slot"`
	}
	if err := c.read(&a); err != nil {
		return "", err
	}
	if err := checkSlot(c.app, a.Slot); err != nil {
		return "", err
	}
	if _, ok := c.server.slot(a.Slot); !ok {
		return "", refuse("not_found", "there is no site %s", a.Slot)
	}
	return a.Slot, nil
}

func flush(_ context.Context, c *call) (any, error) {
	c.server.machine.flush()
	return struct{}{}, nil
}

func lease(_ context.Context, c *call) (any, error) {
	var a leaseArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if err := c.server.store.open(c.app); err != nil {
		return nil, err
	}
	held, err := c.server.leases.act(a, c.fence)
	if err != nil {
		return nil, err
	}
	return map[string]any{"lease": held}, nil
}

// LogFiles is the local paths of the access logs that exist, in order.
func (s *Server) LogFiles() ([]string, error) {
	return filepath.Glob(filepath.Join(s.store.logs(), "W3SVC*", "u_ex*.log"))
}
