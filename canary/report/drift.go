package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"iiscanary/canary"
)

// Assess says where each server stands, what is not as it should be, and what to type. It is a pure function.
func Assess(s Survey, typed Typed) Fleet {
	a := assessor{Survey: s, typed: typed, fleet: Fleet{Version: FormatVersion, App: s.App, At: s.At.UTC(), Servers: []Standing{}, Drift: []Drift{},
		InFlight: []string{}, Unfinished: []RunLine{}}}
	a.leases()
	a.runs()
	for _, seen := range s.Seen {
		st := a.stand(seen)
		a.fleet.Servers = append(a.fleet.Servers, st)
		a.leftover(st)
		for _, o := range seen.Omens {
			a.add(DriftPort, st.Name, o.What, o.Next)
		}
		if len(seen.Found.Problems) > 0 {
			for _, p := range seen.Found.Problems {
				a.add(DriftUnread, st.Name, sentence(p), "mend that, then: "+typed("status", ""))
			}
			if len(seen.Found.Slots) == 0 {
				continue
			}
		}
		before := len(a.fleet.Drift)
		a.running(seen.Found, st)
		for i := before; i < len(a.fleet.Drift) && seen.Changed != ""; i++ {
			a.fleet.Drift[i].What += "; " + seen.Changed
		}
		a.rotation(st)
	}
	a.lost()
	a.mixed()
	a.next()
	return a.fleet
}

// assessor owns an assessment in the making.
type assessor struct {
	Survey
	typed Typed
	fleet Fleet
	open  []Run // the unfinished ones
}

func (a *assessor) add(kind DriftKind, server, what, next string) {
	a.fleet.Drift = append(a.fleet.Drift, Drift{kind, server, what, next})
}

// leases takes note of who is at work.
func (a *assessor) leases() {
	for _, seen := range a.Seen {
		if l := seen.Lease; l != nil && !l.Over && !slices.Contains(a.fleet.InFlight, l.Run) {
			a.fleet.InFlight = append(a.fleet.InFlight, l.Run)
		}
	}
}

// runs keeps those that can still be taken up: neither over, nor at work, nor overtaken by a release that they do not know.
func (a *assessor) runs() {
	for _, r := range a.Runs {
		flies := slices.Contains(a.fleet.InFlight, r.Run)
		switch {
		case flies, over(r), a.overtook(r):
		case r.Outcome == Underway:
			a.fleet.InFlight = append(a.fleet.InFlight, r.Run)
		default:
			a.open = append(a.open, r)
			a.fleet.Unfinished = append(a.fleet.Unfinished, r.Line())
		}
	}
}

func over(r Run) bool { return r.Outcome == Deployed || r.Outcome == Reverted }

func (a *assessor) overtook(r Run) bool {
	return len(r.Steps) > 0 && slices.ContainsFunc(a.Seen, func(s Sighting) bool {
		return slices.ContainsFunc(s.Found.Running(), func(slot canary.Slot) bool {
			return slot.Name != r.New.Slot && !slices.Contains(r.Old, slot.Name)
		})
	})
}

func (a *assessor) stand(seen Sighting) Standing {
	f := seen.Found
	st := Standing{Name: f.Name, Running: []string{}, Boots: []string{}, Idle: []string{}, Targets: []TargetState{}, Lease: seen.Lease,
		Loads: append([]Load{}, seen.Loads...)}
	for _, slot := range f.Slots {
		if slot.Runs() {
			st.Running = append(st.Running, slot.Name)
			st.Release, st.Digest = slot.Version, slot.Digest
		} else {
			st.Idle = append(st.Idle, slot.Name)
		}
		if slot.SiteBoot || slot.PoolBoot {
			st.Boots = append(st.Boots, slot.Name)
		}
	}
	if len(st.Running) > 1 {
		st.Release, st.Digest = "", ""
	}
	healthy := 0
	for _, h := range f.Health {
		group := h.Group
		for _, g := range a.Groups {
			if g.ARN == h.Group {
				group = cmp.Or(g.Name, group)
			}
		}
		if h.State == canary.Healthy {
			healthy++
		}
		st.Targets = append(st.Targets, TargetState{group, h.Port, h.State, h.Reason, h.Description})
	}
	switch {
	case healthy == 0:
		st.Rotation = "out"
	case healthy < len(f.Health):
		st.Rotation = "in part"
	default:
		st.Rotation = "in"
	}
	return st
}

// leftover tells of a lease that nobody gave back, unless its run is told of anyway.
func (a *assessor) leftover(st Standing) {
	l := st.Lease
	if l == nil || !l.Over || slices.ContainsFunc(a.Runs, func(r Run) bool { return r.Run == l.Run }) {
		return
	}
	a.add(DriftLeftover, st.Name, fmt.Sprintf("run %s by %s died and left its lease, until %s", l.Run, l.Owner, moment(l.Until)), a.takeUp(l.Run))
}

// lost finds servers that a run has in hand and that no target group lists any more.
func (a *assessor) lost() {
	for _, r := range a.open {
		for _, s := range r.Servers {
			listed := slices.ContainsFunc(a.Seen, func(seen Sighting) bool { return seen.Found.Name == s.Name })
			if !listed && s.State == InHand {
				a.add(DriftLost, s.Name, fmt.Sprintf("it is in no target group: run %s took it out of rotation", r.Run), a.takeUp(r.Run))
			}
		}
	}
}

// running compares what runs with what should, and with what a reboot would bring.
func (a *assessor) running(f canary.Found, st Standing) {
	if dark := untold(f); len(dark) > 0 {
		a.add(DriftUnknown, st.Name, "IIS does not tell the state of "+strings.Join(dark, " and ")+": its services are stopped, or on their way",
			"Start-Service WAS, W3SVC on that server, then: "+a.typed("status", ""))
		return
	}
	switch alive := f.Running(); {
	case len(alive) == 0:
		a.add(DriftNothing, st.Name, "no slot of the app is running", a.repair())
		return
	case len(alive) > 1:
		a.add(DriftTwice, st.Name, strings.Join(st.Running, " and ")+" are running, only one may be", a.repair())
		return
	case !alive[0].Serves():
		a.add(DriftHalf, st.Name, fmt.Sprintf("%s runs in part: site %s, pool %s", alive[0].Name, alive[0].Site, alive[0].Pool), a.repair())
	}
	slot := f.Running()[0]
	if slices.Equal(st.Boots, st.Running) && slot.Boots() {
		return
	}
	would := strings.Join(st.Boots, " and ")
	if would == "" {
		would = "nothing"
	}
	if slices.Equal(st.Boots, st.Running) {
		would = "only a part of it"
	}
	a.add(DriftBoot, st.Name, fmt.Sprintf("after a reboot %s would start instead of %s", would, slot.Name), a.repair())
}

// untold is the slots of which nobody knows whether they run.
func untold(f canary.Found) []string {
	var out []string
	for _, s := range f.Slots {
		if (s.Site == canary.Unknown || s.Pool == canary.Unknown) && len(s.Workers) == 0 {
			out = append(out, s.Name)
		}
	}
	return out
}

// rotation says why a server gets no requests.
func (a *assessor) rotation(st Standing) {
	if st.Rotation == "in" && len(st.Targets) > 0 {
		return
	}
	var states []string
	for _, t := range st.Targets {
		if t.State == canary.Healthy {
			continue
		}
		text := fmt.Sprintf("%s:%d is %s", t.Group, t.Port, t.State)
		if t.Reason != "" {
			text += ", " + t.Reason
		}
		if t.Description != "" {
			text += " (" + t.Description + ")"
		}
		states = append(states, text)
	}
	if len(states) == 0 {
		states = []string{"it is in no target group"}
	}
	a.add(DriftOut, st.Name, "out of rotation: "+strings.Join(states, "; "), a.admit(st))
}

// admit is what brings a server back into rotation.
func (a *assessor) admit(st Standing) string {
	if len(a.fleet.Unfinished) > 0 || a.busy() {
		return a.repair()
	}
	states := map[canary.HealthState]bool{}
	for _, t := range st.Targets {
		states[t.State] = true
	}
	switch {
	case states[canary.Draining]:
		return "somebody deregistered it: register it again in the target group when its work on it is over"
	case states[canary.Initial]:
		return "wait: its first health checks are running"
	case states[canary.Unused]:
		return "the balancer sends nothing there: look whether a listener's rule forwards to the group, and whether the server's zone is enabled"
	}
	return "look at the health check's path on that server and at the site's log; the balancer takes it back by itself when it answers"
}

// repair is what to do about a server that a run may have left so.
func (a *assessor) repair() string {
	switch {
	case a.busy():
		return "wait for the run in flight"
	case len(a.fleet.Unfinished) > 0:
		return a.takeUp(a.fleet.Unfinished[0].Run)
	}
	return "no run is known that left it so: mend it by hand in IIS, or deploy again"
}

func (a *assessor) busy() bool { return len(a.fleet.InFlight) > 0 }

func (a *assessor) takeUp(run string) string {
	return a.typed("resume", run) + ", or " + a.typed("revert", run)
}

// mixed compares the servers with each other.
func (a *assessor) mixed() {
	on, files := map[string][]string{}, map[string]map[string]bool{}
	for _, st := range a.fleet.Servers {
		if len(st.Running) != 1 {
			continue
		}
		slot := st.Running[0]
		on[slot] = append(on[slot], st.Name)
		if files[slot] == nil {
			files[slot] = map[string]bool{}
		}
		files[slot][st.Digest] = true
	}
	slots := slices.Sorted(maps.Keys(on))
	if len(slots) > 1 {
		var parts []string
		for _, slot := range slots {
			parts = append(parts, slot+" on "+strings.Join(on[slot], ", "))
		}
		a.add(DriftMixed, "", "the fleet is mixed: "+strings.Join(parts, "; "), a.repair())
	}
	for _, slot := range slots {
		if len(files[slot]) > 1 {
			a.add(DriftFiles, "", fmt.Sprintf("%s does not hold the same files on every server", slot), "deploy the release again into a new slot")
		}
	}
}

// next is what to type about runs.
func (a *assessor) next() {
	if a.busy() {
		run := a.fleet.InFlight[0]
		a.fleet.Next = []string{"wait for run " + run + "; only when its process is dead: " + a.takeUp(run)}
		return
	}
	if len(a.fleet.Unfinished) > 0 {
		a.fleet.Next = a.fleet.Unfinished[0].Next
	}
}
