package iistest

import (
	"context"
	"maps"
	"slices"
	"time"
)

const (
	// settleLimit is how long the agent waits for a state to settle.
	settleLimit = 60 * time.Second
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
	name, err := c.slotArg()
	if err != nil {
		return nil, err
	}
	m := c.server.machine
	before, _ := c.server.slot(name)
	if !m.await(ctx, settleLimit, func() bool { return m.settled(name) }) {
		return nil, refuse("unsettled", "%s does not settle", name).at("before")
	}
	changed, err := m.beginStart(ctx, name)
	if err != nil {
		return nil, err
	}
	if err := m.stays(ctx, name, stable); err != nil {
		return nil, err
	}
	after, _ := c.server.slot(name)
	return change(changed, before, after), nil
}

// settled says whether neither state is moving; what is gone is settled too. The lock is held.
func (m *machine) settled(name string) bool {
	s := m.sites[name]
	return s == nil || !moving(s.site) && !moving(s.pool)
}

// beginStart starts the pool, waits for it, and starts the site.
func (m *machine) beginStart(ctx context.Context, name string) (changed bool, err error) {
	m.mu.Lock()
	s := m.sites[name]
	if s == nil {
		m.mu.Unlock()
		return false, refuse("not_found", "there is no site %s", name)
	}
	if taken := m.taken(s); taken != nil {
		m.mu.Unlock()
		return false, taken
	}
	changed = s.pool != started || s.site != started
	m.startPool(s)
	m.mu.Unlock()
	if !m.await(ctx, settleLimit, func() bool { return s.pool != starting }) {
		return changed, refuse("unsettled", "the pool of %s does not start", name).at("pool")
	}
	m.mu.Lock()
	if s.pool != started {
		defer m.mu.Unlock()
		return changed, s.failed()
	}
	if taken := m.taken(s); taken != nil {
		m.mu.Unlock()
		return changed, taken
	}
	m.startSite(s)
	m.mu.Unlock()
	if !m.await(ctx, settleLimit, func() bool { return s.site != starting }) {
		return changed, refuse("unsettled", "site %s does not start", name).at("site")
	}
	return changed, nil
}

// taken is the refusal when another started site owns a binding of this one. The lock is held.
func (m *machine) taken(s *site) error {
	other := m.rival(s)
	if other == nil || s.site == started {
		return nil
	}
	r := refuse("port_taken", "site %s is started on the same binding", other.name).at("site")
	r.HResult, r.Hint = alreadyExists, "stop "+other.name+" first"
	return r
}

// failed is the refusal for a pool that stopped by itself. The lock is held.
func (s *site) failed() error {
	text := s.failure
	if text == "" {
		text = "application pool '" + s.name + "' is " + s.pool
	}
	return refuse("pool_failed", "%s", text).at("pool")
}

// stays waits for the stable time and refuses a slot that did not stay started.
func (m *machine) stays(ctx context.Context, name string, stable time.Duration) error {
	fell := func() bool {
		s := m.sites[name]
		return s == nil || s.pool != started || s.site != started || s.worker == nil
	}
	if !m.await(ctx, stable, fell) {
		if ctx.Err() != nil {
			return refuse("internal", "the process was ended")
		}
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[name]
	switch {
	case s == nil:
		return refuse("not_found", "site %s is gone", name)
	case s.pool == started && s.site == stopped && s.failure != "":
		r := refuse("port_taken", "%s", s.failure).at("site")
		r.HResult = sharing
		return r
	case s.pool == started:
		return refuse("unsettled", "site %s is %s", name, s.site).at("site")
	}
	return s.failed()
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
	name, err := c.slotArg()
	if err != nil {
		return nil, err
	}
	m := c.server.machine
	before, _ := c.server.slot(name)
	m.mu.Lock()
	s := m.sites[name]
	if s == nil {
		m.mu.Unlock()
		return nil, refuse("not_found", "there is no site %s", name)
	}
	changed := s.site != stopped || s.pool != stopped
	m.stopSite(s)
	m.mu.Unlock()
	if !m.await(ctx, limit, func() bool { return s.site == stopped }) {
		return nil, refuse("unsettled", "site %s does not stop", name).at("site")
	}
	m.mu.Lock()
	m.stopPool(s)
	m.mu.Unlock()
	if !m.await(ctx, limit, func() bool { return s.pool == stopped && s.worker == nil }) {
		r := refuse("worker_lingers", "a worker of %s is still there after %s", name, limit).at("worker")
		r.Hint = "a request or a WebSocket may hold it; the pool's shutdownTimeLimit ends it"
		return nil, r
	}
	after, _ := c.server.slot(name)
	return change(changed, before, after), nil
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
	after := map[string]slotState{}
	for _, n := range names {
		after[n], _ = c.server.slot(n)
	}
	return change(changed, before, after), nil
}
