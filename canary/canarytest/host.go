package canarytest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"iiscanary/canary"
)

// The times of a warmed slot and of one that still compiles.
const (
	fast = 20 * time.Millisecond
	slow = 400 * time.Millisecond
)

// on carries out a call on one server.
func (w *World) on(ctx context.Context, c call, effect func(*machine) error) error {
	return w.do(ctx, c, func() error {
		m := w.machines[c.server]
		if m == nil {
			return fmt.Errorf("no server %s", c.server)
		}
		return effect(m)
	})
}

// with carries out a call on one slot.
func (w *World) with(ctx context.Context, c call, effect func(*machine, *slot) error) error {
	return w.on(ctx, c, func(m *machine) error {
		s := m.slots[c.slot]
		if s == nil {
			return fmt.Errorf("no slot %s on %s", c.slot, c.server)
		}
		return effect(m, s)
	})
}

// serving is the slot that answers; nil: none.
func (m *machine) serving() *slot {
	for _, s := range m.slots {
		if s.Serves() {
			return s
		}
	}
	return nil
}

// Slots reads the slots.
func (w *World) Slots(ctx context.Context, server string) (out []canary.Slot, err error) {
	err = w.on(ctx, call{op: "slots", server: server}, func(m *machine) error {
		out = m.list()
		return nil
	})
	return out, err
}

// Stage creates a slot.
func (w *World) Stage(ctx context.Context, server string, r canary.Release) error {
	return w.on(ctx, call{"stage", server, r.Slot}, func(m *machine) error {
		if s := m.slots[r.Slot]; s != nil && s.Digest != r.Digest {
			return fmt.Errorf("%s is there with other files", r.Slot)
		} else if s == nil {
			m.slots[r.Slot] = &slot{Slot: canary.Slot{Name: r.Slot, Site: canary.Stopped, Pool: canary.Stopped, Digest: r.Digest, Version: r.Version}}
		}
		return nil
	})
}

// Start starts a slot, cold. A sin: beside another one.
func (w *World) Start(ctx context.Context, server, name string) error {
	return w.with(ctx, call{"start", server, name}, func(m *machine, s *slot) error {
		if s.Serves() {
			return nil
		}
		for _, other := range m.slots {
			if other != s && other.Runs() {
				w.sin("%s: %s started beside %s", server, name, other.Name)
			}
		}
		w.pid++
		s.Site, s.Pool, s.Workers, s.asked = canary.Started, canary.Started, []int{w.pid}, 0
		return nil
	})
}

// Stop stops a slot. A sin: while users come.
func (w *World) Stop(ctx context.Context, server, name string) error {
	return w.with(ctx, call{"stop", server, name}, func(m *machine, s *slot) error {
		if s.Serves() && w.busy(m) {
			w.sin("%s: %s stopped while users were on it", server, name)
		}
		s.Site, s.Pool, s.Workers, s.asked = canary.Stopped, canary.Stopped, nil, 0
		return nil
	})
}

// busy reports whether users come to a server: it is in, or has left too short a time ago.
func (w *World) busy(m *machine) bool {
	for _, t := range m.Targets {
		since, moved := m.moved[t]
		if m.in[t] || moved && !m.never[t] && time.Since(since) < w.Linger {
			return true
		}
	}
	return false
}

// Own sets flags.
func (w *World) Own(ctx context.Context, server string, boot map[string]bool) error {
	return w.on(ctx, call{op: "own", server: server}, func(m *machine) error {
		for name, on := range boot {
			s := m.slots[name]
			if s == nil {
				return fmt.Errorf("no slot %s on %s", name, server)
			}
			s.SiteBoot, s.PoolBoot = on, on
		}
		return nil
	})
}

// Probe sends requests; they warm the slot and take their time.
func (w *World) Probe(ctx context.Context, server string, p canary.Probe) (out []canary.Answered, err error) {
	var took time.Duration
	err = w.with(ctx, call{"probe", server, p.Slot}, func(_ *machine, s *slot) error {
		for i := range p.Requests + 1 {
			a := s.answer(w.Config)
			if limit := p.Each; i > 0 && a.Took > limit || i == 0 && a.Took > p.First {
				a = canary.Answered{Err: "no answer in time", Took: limit}
			}
			took += a.Took
			out = append(out, a)
			if a.Status == 0 {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, rest(ctx, took)
}

func (s *slot) answer(c Config) canary.Answered {
	if !s.Serves() {
		return canary.Answered{Err: "connection refused"}
	}
	s.asked++
	a := canary.Answered{Status: 200, Took: fast, Version: s.Version, Worker: s.Workers[0]}
	switch {
	case s.asked == 1:
		a.Took = c.Cold
	case s.sluggish || s.asked <= c.Slow+1:
		a.Took = slow
	}
	return a
}

// warm reports whether the next request is fast.
func (s *slot) warm(c Config) bool { return s.asked > c.Slow }

// Hold holds.
func (w *World) Hold(ctx context.Context, server string) error {
	return w.on(ctx, call{op: "hold", server: server}, func(*machine) error { return nil })
}

// Requests counts what is in flight.
func (w *World) Requests(ctx context.Context, server, name string) (n int, err error) {
	err = w.with(ctx, call{"requests", server, name}, func(m *machine, s *slot) error {
		if s.Serves() && w.busy(m) {
			n = 1
		}
		return nil
	})
	return n, err
}

// Prune removes idle slots, but none that was made by hand.
func (w *World) Prune(ctx context.Context, server string, keep []string) (gone []string, err error) {
	err = w.on(ctx, call{op: "prune", server: server}, func(m *machine) error {
		for _, s := range m.list() {
			if s.Made() && !slices.Contains(keep, s.Name) && !s.Runs() && !s.SiteBoot && !s.PoolBoot {
				delete(m.slots, s.Name)
				gone = append(gone, s.Name)
			}
		}
		return nil
	})
	return gone, err
}
