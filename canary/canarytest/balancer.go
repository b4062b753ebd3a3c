package canarytest

import (
	"context"
	"fmt"
	"time"

	"iiscanary/canary"
)

// health is a target's state at this moment.
func (w *World) health(m *machine, t canary.Target) canary.TargetHealth {
	h := canary.TargetHealth{Target: t}
	since, moved := m.moved[t]
	switch {
	case !m.in[t] && (!moved || m.never[t] || time.Since(since) >= w.Delay):
		h.State, h.Reason = canary.Unused, "Target.NotRegistered"
	case !m.in[t]:
		h.State, h.Reason = canary.Draining, "Target.DeregistrationInProgress"
	case moved && time.Since(since) < w.Healthy:
		h.State, h.Reason = canary.Initial, "Elb.RegistrationInProgress"
	case m.serving() == nil:
		h.State, h.Reason = canary.Unhealthy, "Target.Timeout"
	default:
		h.State = canary.Healthy
	}
	return h
}

func (w *World) owner(t canary.Target) (*machine, error) {
	for _, m := range w.machines {
		for _, own := range m.Targets {
			if own == t {
				return m, nil
			}
		}
	}
	return nil, fmt.Errorf("no target %+v", t)
}

// Health reads states.
func (w *World) Health(ctx context.Context, targets []canary.Target) (out []canary.TargetHealth, err error) {
	err = w.do(ctx, call{op: "health"}, func() error {
		for _, t := range targets {
			m, err := w.owner(t)
			if err != nil {
				return err
			}
			out = append(out, w.health(m, t))
		}
		return nil
	})
	return out, err
}

// Spare checks the floor.
func (w *World) Spare(ctx context.Context, targets []canary.Target, floor int) error {
	return w.do(ctx, call{op: "spare"}, func() error { return w.spare(targets, floor) })
}

func (w *World) spare(targets []canary.Target, floor int) error {
	for _, t := range targets {
		m, err := w.owner(t)
		if err != nil {
			return err
		}
		all := w.serving(t.Group)
		if w.health(m, t).State == canary.Healthy && all-1 < floor {
			return &canary.NoSpareError{Group: t.Group, Healthy: all, Left: all - 1, Need: floor, Why: "min_healthy"}
		}
	}
	return nil
}

// serving is how many targets of a group are healthy.
func (w *World) serving(group string) int {
	n := 0
	for _, m := range w.machines {
		for _, t := range m.Targets {
			if t.Group == group && w.health(m, t).State == canary.Healthy {
				n++
			}
		}
	}
	return n
}

// Deregister takes targets out. A sin: below the floor.
func (w *World) Deregister(ctx context.Context, targets []canary.Target, floor int) error {
	return w.do(ctx, w.targeted("deregister", targets), func() error {
		if err := w.spare(targets, floor); err != nil {
			return err
		}
		for _, t := range targets {
			m, err := w.owner(t)
			if err != nil {
				return err
			}
			if !m.in[t] {
				continue
			}
			cost := w.health(m, t).State == canary.Healthy
			m.in[t], m.moved[t] = false, time.Now()
			if left := w.serving(t.Group); cost && left < w.Floor {
				w.sin("%s left %d healthy, the floor is %d", m.Name, left, w.Floor)
			}
		}
		return nil
	})
}

// Register puts targets in.
func (w *World) Register(ctx context.Context, targets []canary.Target) error {
	return w.do(ctx, w.targeted("register", targets), func() error {
		for _, t := range targets {
			m, err := w.owner(t)
			if err != nil {
				return err
			}
			if !m.in[t] {
				m.in[t], m.moved[t] = true, time.Now()
			}
		}
		return nil
	})
}

func (w *World) targeted(op string, targets []canary.Target) call {
	c := call{op: op}
	for _, t := range targets {
		if m, err := w.owner(t); err == nil {
			c.server = m.Name
		}
	}
	return c
}

// Judge asks Verdict.
func (w *World) Judge(ctx context.Context, on []string) (v canary.Verdict, err error) {
	err = w.do(ctx, call{op: "judge"}, func() error {
		if w.Verdict == nil {
			v = canary.Verdict{Answer: canary.Pass, Reason: "0 of 1,000 bad"}
			return nil
		}
		v, err = w.Verdict(on)
		return err
	})
	return v, err
}
