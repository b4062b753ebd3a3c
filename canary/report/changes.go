package report

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"iiscanary/canary"
)

// servers says of each server what was changed on it, what was put back, and how far it came.
func (t *teller) servers() {
	var names []string
	for _, s := range t.story.Steps {
		if s.Server != "" && !slices.Contains(names, s.Server) {
			names = append(names, s.Server)
		}
	}
	actions := t.places.actions
	final := t.final()
	for _, name := range names {
		out := RunServer{Name: name, Rotation: t.places.Of(name), Changed: []RunChange{}, PutBack: []RunChange{}}
		var forward, back []RunStep
		for _, s := range t.story.Steps {
			if s.Server != name {
				continue
			}
			change, is := actions[s.ID].(canary.Change)
			if is && s.Outcome != NotBegun && !(s.Outcome == FoundDone && !s.Revert) {
				made := RunChange{Step: s.ID, What: changed(change), At: s.Ended, Outcome: s.Outcome}
				if s.Revert {
					out.PutBack = append(out.PutBack, made)
				} else {
					out.Changed = append(out.Changed, made)
				}
			}
			switch {
			case s.Revert:
				back = append(back, s)
			case !final[s.ID]:
				forward = append(forward, s)
			}
		}
		if out.State = Unplanned; t.forward != nil {
			out.State = stateOf(forward, back, actions)
		}
		t.story.Servers = append(t.story.Servers, out)
	}
}

// final is the steps that stand after the last gate: a server is done before them.
func (t *teller) final() map[string]bool {
	out := map[string]bool{}
	if t.forward == nil {
		return out
	}
	for _, w := range t.forward.Waves {
		for _, l := range w.Lanes {
			for _, s := range l {
				out[s.ID] = w.Final
			}
		}
	}
	return out
}

// stateOf is how far a server came.
func stateOf(forward, back []RunStep, actions map[string]canary.Action) ServerState {
	ended := func(s RunStep) bool { return s.Outcome == Done || s.Outcome == FoundDone || s.Outcome == Waived }
	all := func(steps []RunStep) bool {
		return len(steps) > 0 && !slices.ContainsFunc(steps, func(s RunStep) bool { return !ended(s) })
	}
	stages := func(s RunStep) bool {
		_, is := actions[s.ID].(canary.Stage)
		return is
	}
	rolled := slices.ContainsFunc(forward, func(s RunStep) bool {
		_, change := actions[s.ID].(canary.Change)
		return change && !stages(s) && s.Outcome != NotBegun
	})
	switch {
	case all(back):
		return PutBack
	case len(back) > 0:
		return InHand
	case all(forward) && slices.ContainsFunc(forward, func(s RunStep) bool { return !stages(s) }):
		return OnNew
	case rolled:
		return InHand
	case slices.ContainsFunc(forward, func(s RunStep) bool { return stages(s) && ended(s) }):
		return Staged
	}
	return Untouched
}

// changed is what a change came to on its server, in a few words.
func changed(c canary.Change) string {
	switch a := c.(type) {
	case canary.Stage:
		return "staged " + a.Release.Slot
	case canary.Drain:
		return "out of rotation"
	case canary.Stop:
		return "stopped " + a.Slot
	case canary.Start:
		return "started " + a.Slot
	case canary.Own:
		var boots []string
		for _, name := range slices.Sorted(maps.Keys(a.Boot)) {
			if a.Boot[name] {
				boots = append(boots, name)
			}
		}
		if len(boots) == 0 {
			boots = []string{"nothing"}
		}
		return "boots " + strings.Join(boots, ", ")
	case canary.Admit:
		return "into rotation"
	case canary.Tidy:
		return fmt.Sprintf("removed old slots but %s", strings.Join(a.Keep, ", "))
	}
	return c.Describe()
}
