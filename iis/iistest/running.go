package iistest

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	// stableDefault is how long a slot must stay started, unless the request says otherwise.
	stableDefault = 2 * time.Second
	// stopDefault is how long workers may linger, unless the request says otherwise: IIS' own limit and a margin.
	stopDefault = 120 * time.Second
)

func start(ctx context.Context, c *call) (any, error) {
	var a struct {
		StableMS *int64 `json:"stable_ms"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	stable := stableDefault
	if a.StableMS != nil {
		stable = time.Duration(*a.StableMS) * time.Millisecond
	}
	stable = c.server.machine.patient(stable)
	name, err := c.slotArg()
	if err != nil {
		return nil, err
	}
	m, began := c.server.machine, time.Now()
	before, _ := c.server.slot(name)
	if !before.up() {
		if err := m.taken(name); err != nil {
			return nil, err
		}
		for _, part := range []string{"pool", "site"} {
			if err := m.drive(ctx, aim{name, part, started, began, 0}); err != nil {
				return nil, err
			}
		}
	}
	if err := m.stays(ctx, name, stable, began); err != nil {
		return nil, err
	}
	after, _ := c.server.slot(name)
	return change(!before.up(), before, after), nil
}

func (s slotState) up() bool   { return s.Site == started && s.Pool == started }
func (s slotState) down() bool { return s.Site == stopped && s.Pool == stopped }

// taken is the refusal when another started site owns a binding of this one.
func (m *machine) taken(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[name]
	if s == nil || s.site == started || m.trouble.read().down() {
		return nil
	}
	other := m.rival(s)
	if other == nil {
		return nil
	}
	r := refuse("port_taken", "site %s is started on the same binding", other.name).at("start the site")
	r.HResult, r.Hint = alreadyExists, "stop "+other.name+" first"
	return r
}

// stays waits for the stable time and refuses a slot that did not stay started.
func (m *machine) stays(ctx context.Context, name string, stable time.Duration, began time.Time) error {
	limit := time.Now().Add(m.config.Patience + stable)
	since := time.Now()
	for {
		pool, _ := m.look(name, "pool")
		site, _ := m.look(name, "site")
		switch {
		case m.trouble.read().Halted:
			return m.iisStopped().at("stay started")
		case pool == absent:
			return refuse("not_found", "there is no site %s", name)
		case pool == stopped:
			return m.poolFailed(name, began, "start the pool")
		case pool != started || site != started || !m.working(name):
			since = time.Now()
		case time.Since(since) >= stable:
			return nil
		}
		if time.Now().After(limit) || !pause(ctx, m.config.Settle) {
			return refuse("unsettled", "%s has site %s, pool %s and no worker that stays", name, site, pool).at("stay started")
		}
	}
}

func (m *machine) working(name string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[name]
	return s != nil && s.worker != nil
}

func stop(ctx context.Context, c *call) (any, error) {
	var a struct {
		WaitMS int64 `json:"wait_ms"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if a.WaitMS < 0 {
		return nil, refuse("bad_request", "wait_ms is %d", a.WaitMS)
	}
	limit := stopDefault
	if a.WaitMS > 0 {
		limit = time.Duration(a.WaitMS) * time.Millisecond
	}
	limit = c.server.machine.patient(limit)
	name, err := c.slotArg()
	if err != nil {
		return nil, err
	}
	m, began := c.server.machine, time.Now()
	before, _ := c.server.slot(name)
	below, hindered := m.descendants(before.Workers)
	if err := m.drive(ctx, aim{name, "site", stopped, began, 0}); err != nil {
		return nil, err
	}
	stopping, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	if err := m.drive(stopping, aim{name, "pool", stopped, began, limit}); err != nil && stopping.Err() == nil {
		return nil, err
	}
	if !m.await(stopping, limit, func() bool { return !m.works(name, before.Workers) && !m.live(below) }) {
		if err := m.lingering(name, before, below, limit); err != nil {
			return nil, err
		}
	}
	after, _ := c.server.slot(name)
	if err := m.awake(after); err != nil {
		return nil, err
	}
	out := change(!before.down(), before, after)
	if left := m.left(below); hindered {
		out["warnings"] = []string{"what the workers of " + name + " had started was not waited for"}
	} else if left != "" {
		out["warnings"] = []string{"what the workers of " + name + " had started is still there, and was left alone: " + left}
	}
	return out, nil
}

// awake is the refusal when a slot did not stay stopped, or nobody knows; nil: it did.
func (m *machine) awake(after slotState) error {
	switch {
	case m.trouble.read().Halted:
		return m.iisStopped().at("stay stopped")
	case after.down():
		return nil
	}
	r := refuse("unsettled", "%s was started again by somebody else: site %s, pool %s", after.Name, after.Site, after.Pool).at("stay stopped")
	r.Hint = "a drift manager such as Puppet, DSC or Chef may do that: let it leave the sites of this app alone"
	return r
}

// lingering is the refusal when a worker is still there, or what runs the slot's own code; nil: neither is.
func (m *machine) lingering(name string, before slotState, below []child, limit time.Duration) error {
	m.mu.Lock()
	works := m.works(name, before.Workers)
	m.mu.Unlock()
	if works {
		r := refuse("worker_lingers", "w3wp.exe of %s is still there after %s", name, limit).at("await the workers")
		r.Hint = "it may be stuck in a debugger or in a driver, or hold web sockets"
		return r
	}
	own := m.left(owned(below, before.Path))
	if own == "" {
		return nil
	}
	r := refuse("worker_lingers", "%s of %s is still there after %s", own, name, limit).at("await the workers")
	r.Hint = "its worker is gone and has left it behind: see there what it does, or end it with Stop-Process"
	return r
}

// works says whether one of those workers lives, or a new one. The lock is held.
func (m *machine) works(name string, workers []workerState) bool {
	s := m.sites[name]
	if s != nil && s.worker != nil && s.pool != started && s.pool != starting {
		return true
	}
	for _, w := range workers {
		if m.ghosts[w.PID] != nil || s != nil && s.worker != nil && s.worker.pid == w.PID {
			return true
		}
	}
	return false
}

func own(ctx context.Context, c *call) (any, error) {
	var a struct {
		Boot map[string]bool `json:"boot"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if len(a.Boot) == 0 {
		return nil, refuse("bad_request", "own names no slot")
	}
	names := slices.Sorted(maps.Keys(a.Boot))
	before, changed := map[string]slotState{}, false
	for _, n := range names {
		if err := checkSlot(c.app, n); err != nil {
			return nil, err
		}
		s, ok := c.server.slot(n)
		if !ok {
			return nil, refuse("not_found", "there is no site %s", n)
		}
		before[n] = s
		changed = changed || s.SiteBoot != a.Boot[n] || s.PoolBoot != a.Boot[n]
	}
	if changed {
		m := c.server.machine
		if err := c.server.commit(ctx, func() {
			for n, on := range a.Boot {
				if s := m.sites[n]; s != nil {
					s.siteBoot, s.poolBoot = on, on
				}
			}
		}); err != nil {
			return nil, err
		}
	}
	unwritten := c.server.remember(c.app)
	after := map[string]slotState{}
	for _, n := range names {
		after[n], _ = c.server.slot(n)
	}
	out := change(changed, before, after)
	if unwritten {
		out["warnings"] = []string{"the certificates on the ports were not written down, so survey may not see that one changes"}
	}
	return out, nil
}
