package canarytest

import (
	"fmt"
	"slices"
	"time"

	"iiscanary/canary"
)

func (w *World) sin(text string, args ...any) {
	if s := fmt.Sprintf(text, args...); !slices.Contains(w.sins, s) {
		w.sins = append(w.sins, s)
	}
}

// look writes down what users would notice at this moment.
func (w *World) look() {
	for _, m := range w.machines {
		for _, t := range m.Targets {
			if !m.in[t] {
				continue
			}
			switch s := m.serving(); {
			case s == nil:
				w.sin("%s is in rotation and nothing runs", m.Name)
			case !s.warm(w.Config):
				w.sin("%s serves %s cold", m.Name, s.Name)
			}
		}
	}
	for g := range w.Groups {
		w.fewest = min(w.fewest, w.serving(group(g)))
	}
}

// Sins is what no run may ever do and this one did.
func (w *World) Sins() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.sins)
}

// Fewest is the fewest healthy targets that any group ever had.
func (w *World) Fewest() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fewest
}

// Wrong says in what a fleet differs from one on which only slot serves, warm and booting, on every server that serves at
// all; empty: in nothing.
func (w *World) Wrong(slot string) []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for _, name := range w.Servers {
		for _, what := range w.wrong(w.machines[name], slot) {
			out = append(out, name+": "+what)
		}
	}
	return out
}

func (w *World) wrong(m *machine, want string) []string {
	var out []string
	for _, t := range m.Targets {
		if h := w.health(m, t); !m.never[t] && h.State != canary.Healthy {
			out = append(out, "target is "+string(h.State))
		}
	}
	for _, s := range m.slots {
		if s.Runs() != (s.Name == want) || s.Boots() != (s.Name == want) {
			out = append(out, fmt.Sprintf("%s runs: %v, boots: %v", s.Name, s.Runs(), s.Boots()))
		}
		if s.Name == want && !s.warm(w.Config) {
			out = append(out, s.Name+" is cold")
		}
	}
	return out
}

// Remember is everything about the fleet that a look must not change, as text.
func (w *World) Remember() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out string
	for _, name := range w.Servers {
		m := w.machines[name]
		out += fmt.Sprintf("%s %+v", name, m.list())
		for _, t := range m.Targets {
			out += fmt.Sprintf(" %v", m.in[t])
		}
		out += "\n"
	}
	return out
}

// Sluggish makes a slot never fast, on every server that has it.
func (w *World) Sluggish(slot string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range w.machines {
		if s := m.slots[slot]; s != nil {
			s.sluggish = true
		}
	}
}

// TakeOut has a server out of rotation since long before the run.
func (w *World) TakeOut(server string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.machines[server]
	for _, t := range m.Targets {
		m.in[t], m.never[t] = false, true
		m.moved[t] = time.Now()
	}
}

// Alter changes a slot behind the run's back; a slot that is not there is created, stopped.
func (w *World) Alter(server, name string, change func(*canary.Slot)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.machines[server]
	if m.slots[name] == nil {
		m.slots[name] = &slot{Slot: canary.Slot{Name: name, Site: canary.Stopped, Pool: canary.Stopped}}
	}
	change(&m.slots[name].Slot)
}

// SlotOn is what a server has of a slot.
func (w *World) SlotOn(server, name string) (canary.Slot, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := w.machines[server].slots[name]
	if s == nil {
		return canary.Slot{}, false
	}
	return s.Slot, true
}

// InRotation reports whether a server is registered in every group.
func (w *World) InRotation(server string) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	m := w.machines[server]
	return !slices.ContainsFunc(m.Targets, func(t canary.Target) bool { return !m.in[t] })
}

// Forget lets the counting of the fewest begin now.
func (w *World) Forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fewest, w.sins = len(w.Servers), nil
}
