package canarytest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"

	"iiscanary/canary"
)

// Config is a fleet before a run.
type Config struct {
	Servers []string // names
	Groups  int      // target groups; every server is registered in each of them; 0: 1
	Old     string   // the slot that serves
	Floor   int      // healthy targets below which taking one out is a sin

	Call    time.Duration // what every call takes
	Linger  time.Duration // how long users still come after a deregistration
	Delay   time.Duration // deregistration delay
	Healthy time.Duration // from a registration until the target is healthy
	Power   time.Duration // what a start or a stop takes
	Cold    time.Duration // what the first request after a start takes
	Slow    int           // how many requests after it are slow
}

// World is a fleet in memory, and the clock of the machine (under testing/synctest: of the bubble).
type World struct {
	Config
	Life *Life
	// Verdict answers Judge; nil: pass.
	Verdict func(on []string) (canary.Verdict, error)

	mu       sync.Mutex
	machines map[string]*machine
	faults   []*armed
	sins     []string
	pid      int
	fewest   int
}

var _ canary.World = (*World)(nil)

// machine is one server.
type machine struct {
	canary.Server
	slots map[string]*slot
	in    map[canary.Target]bool
	moved map[canary.Target]time.Time // when it was last registered or deregistered
	never map[canary.Target]bool      // was never registered: unused from the start
}

type slot struct {
	canary.Slot
	asked    int  // requests since the start
	sluggish bool // never gets fast
}

// New is a fleet on which the old slot serves everywhere, warm.
func New(c Config) *World {
	c.Groups = max(c.Groups, 1)
	w := &World{Config: c, machines: map[string]*machine{}, fewest: len(c.Servers), pid: 1000}
	for i, name := range c.Servers {
		m := &machine{slots: map[string]*slot{}, in: map[canary.Target]bool{}, moved: map[canary.Target]time.Time{}, never: map[canary.Target]bool{}}
		m.Server = canary.Server{Name: name, Address: fmt.Sprintf("10.0.0.%d", i+1), Instance: fmt.Sprintf("i-%04d", i+1)}
		for g := range c.Groups {
			t := canary.Target{Group: group(g), ID: m.Instance, Port: 443}
			m.Targets = append(m.Targets, t)
			m.in[t] = true
		}
		w.pid++
		m.slots[c.Old] = &slot{Slot: canary.Slot{Name: c.Old, Site: canary.Started, Pool: canary.Started, SiteBoot: true, PoolBoot: true,
			Workers: []int{w.pid}, Digest: "digest of " + c.Old, Version: c.Old}, asked: 1000}
		w.machines[name] = m
	}
	return w
}

func group(n int) string {
	return fmt.Sprintf("arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-%d/0123456789abcdef", n+1)
}

// Now is the machine's time.
func (w *World) Now() time.Time { return time.Now() }

// Wait waits; the process may die in it.
func (w *World) Wait(ctx context.Context, d time.Duration) error {
	if err := rest(ctx, d); err != nil {
		return err
	}
	return w.do(ctx, call{op: "wait"}, func() error { return nil })
}

func rest(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// do carries out one call: it takes its time, and then has its effect, or a fault, or the process dies of it.
func (w *World) do(ctx context.Context, c call, effect func() error) error {
	if w.Life != nil && w.Life.Dead() {
		return ErrDied
	}
	if err := rest(ctx, w.takes(c)); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	has, lives := true, true
	if w.Life != nil {
		has, lives = w.Life.touch()
	}
	var err error
	if has {
		if kind := w.fault(c); kind != "" {
			err = w.strike(ctx, kind, c, effect)
		} else {
			err = effect()
		}
		w.look()
	}
	if !lives {
		return ErrDied
	}
	return err
}

func (w *World) takes(c call) time.Duration {
	switch c.op {
	case "start", "stop":
		return w.Call + w.Power
	case "wait":
		return 0
	}
	return w.Call
}

// Inventory is what a survey of this fleet finds.
func (w *World) Inventory() canary.Inventory {
	w.mu.Lock()
	defer w.mu.Unlock()
	inv := canary.Inventory{At: time.Now()}
	for g := range w.Groups {
		inv.Groups = append(inv.Groups, canary.Group{ARN: group(g), Name: fmt.Sprintf("web-%d", g+1), Type: "instance", Delay: w.Delay,
			Interval: w.Healthy / 2, Timeout: w.Healthy / 4, HealthyAfter: 2, UnhealthyAt: 2})
	}
	for _, name := range w.Servers {
		m := w.machines[name]
		f := canary.Found{Server: m.Server, Slots: m.list()}
		for _, t := range m.Targets {
			f.Health = append(f.Health, w.health(m, t))
		}
		inv.Servers = append(inv.Servers, f)
	}
	return inv
}

func (m *machine) list() []canary.Slot {
	var out []canary.Slot
	for _, name := range slices.Sorted(maps.Keys(m.slots)) {
		s := m.slots[name].Slot
		s.Workers = slices.Clone(s.Workers)
		out = append(out, s)
	}
	return out
}
