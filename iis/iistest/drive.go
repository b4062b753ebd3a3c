package iistest

import (
	"cmp"
	"context"
	"strconv"
	"time"
)

// aim is a state that a slot's site or pool is to come into.
type aim struct {
	slot, part, wanted string
	began              time.Time     // of the operation
	limit              time.Duration // 0: the agent's patience
}

func (a aim) verb() string {
	if a.wanted == started {
		return "start"
	}
	return "stop"
}

func (a aim) step() string { return a.verb() + " the " + a.part }

// darkLimit is how long a state may be unknown before the agent asks why.
const darkLimit = 15 * time.Second

// drive brings a site or pool into a state: asks for it, and looks until it is there.
func (m *machine) drive(ctx context.Context, a aim) error {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(a.limit, m.config.Patience))
	defer cancel()
	dark, firsts, accepted, seen := time.Now(), map[int32]time.Time{}, 0, ""
	for {
		if m.trouble.read().Halted {
			return m.iisStopped().at(a.step())
		}
		seen, _ = m.look(a.slot, a.part)
		if seen != unknown {
			dark = time.Now()
		}
		switch {
		case seen == a.wanted:
			return nil
		case seen == absent:
			return refuse("not_found", "%s has no %s", a.slot, a.part).at(a.step())
		case seen == unknown && time.Since(dark) > m.patient(darkLimit):
			return silent(a)
		case seen == unknown || moving(seen):
		case a.wanted == started && (accepted >= 3 || accepted > 0 && m.written(a.slot, a.began) != ""):
			return m.poolFailed(a.slot, a.began, a.step())
		default:
			code := thrownBy(a, m.act(a.slot, a.part, a.verb()))
			if code == 0 {
				accepted++
			} else if err := m.bear(a, code, firsts); err != nil {
				return err
			}
		}
		if !pause(ctx, m.config.Settle) {
			r := refuse("unsettled", "%s is %s instead of %s", a.slot, seen, a.wanted)
			return r.at(a.step())
		}
	}
}

// patient scales one of the agent's limits as the model's patience is.
func (m *machine) patient(limit time.Duration) time.Duration {
	return time.Duration(float64(limit) * m.config.Patience.Seconds() / 60)
}

// bear looks a refusal of WAS up; nil: it passes.
func (m *machine) bear(a aim, code int32, firsts map[int32]time.Time) error {
	r := ruleOf(a.verb(), code)
	if r.reaction == done {
		return nil
	}
	if _, seen := firsts[code]; !seen {
		firsts[code] = time.Now()
	}
	if r.reaction == again && time.Since(firsts[code]) < m.patient(r.limit) {
		return nil
	}
	no := r.refusal(code, m.explain(a.slot, r, code)).at(a.step())
	return no
}

// explain is the message of a refusal of WAS.
func (m *machine) explain(slot string, r rule, code int32) string {
	if r.class != "port_taken" {
		return slot + ": " + text(code)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if code == sharing && m.foreign {
		return "another program listens on the port of " + slot + ": " + foreignName + ", process " + strconv.Itoa(foreignPID) + ", service " + foreignService
	}
	if code == sharing {
		return "another program listens on the port of " + slot
	}
	return "another started site owns the binding of " + slot
}

func silent(a aim) *refusal {
	r := refuse("unsettled", "IIS does not say what state %s is in", a.slot).at(a.step())
	r.Hint = "look at its pool, its bindings and the System log, source WAS"
	return r
}

func (m *machine) iisStopped() *refusal {
	if m.trouble.read().startType() == "disabled" {
		r := refuse("iis_stopped", "the service WAS is disabled")
		r.Hint = "set its start type to automatic, then: net start w3svc"
		return r
	}
	r := refuse("iis_stopped", "the service WAS is stopped")
	r.Hint = "start it with: net start w3svc"
	return r
}

// poolFailed is the refusal for a pool that stopped by itself.
func (m *machine) poolFailed(name string, began time.Time, step string) error {
	why := m.written(name, began)
	if why == "" {
		why = "the pool of " + name + " stopped by itself, and the event log does not say why"
	}
	return refuse("pool_failed", "%s", why).at(step)
}
