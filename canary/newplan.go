package canary

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// stageParallel is how many servers are staged at the same time.
const stageParallel = 8

// NewPlan says everything that a run will do, or everything that forbids it: the error joins one *Problem for each
// reason. It is a pure function. A plan without waves means that there is nothing to do.
func NewPlan(spec Spec, inv Inventory) (Plan, error) {
	d := draft{spec: spec, inv: inv, ps: spec.check(inv), fleet: spec.ordered(inv.Servers)}
	d.floor = spec.MinHealthy.Of(len(inv.Servers))
	p := Plan{
		Run: spec.Run, App: spec.App, New: spec.New, Floor: d.floor,
		Spec: spec.Digest, Made: inv.At, Seen: inv.Digest(),
	}
	var work []Found
	for _, f := range d.fleet {
		p.Servers = append(p.Servers, f.Server)
		for _, slot := range f.Running() {
			if slot.Name != spec.New.Slot && !slices.Contains(p.Old, slot.Name) {
				p.Old = append(p.Old, slot.Name)
			}
		}
		if len(d.lane(f, "")) > 0 {
			work = append(work, f)
		}
	}
	checkFloor(&d.ps, inv, slices.DeleteFunc(slices.Clone(work), d.stays), d.floor)
	if len(d.ps) > 0 {
		return Plan{}, errors.Join(d.ps...)
	}
	if len(work) > 0 {
		p.Waves = d.waves(work)
	}
	return p, nil
}

// ordered is the fleet in rolling order: as asked, then by name; servers out of rotation last, so that the first one,
// the canary, has users.
func (s Spec) ordered(servers []Found) []Found {
	place := func(f Found) int {
		if i := slices.Index(s.Order, f.Name); i >= 0 {
			return i
		}
		return len(s.Order)
	}
	out := slices.Clone(servers)
	slices.SortStableFunc(out, func(a, b Found) int {
		if d := boolOrder(len(a.in()) == 0, len(b.in()) == 0); d != 0 {
			return d
		}
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// boolOrder puts false before true.
func boolOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// draft is a plan in the making.
type draft struct {
	spec  Spec
	inv   Inventory
	fleet []Found
	floor int
	ps    problems
}

// stays reports whether a server keeps its place in or out of rotation throughout.
func (d *draft) stays(f Found) bool { return f.running() == d.spec.New.Slot || len(f.in()) == 0 }

func (d *draft) waves(work []Found) []Wave {
	var out []Wave
	if stage := d.stageWave(work); len(stage.Lanes) > 0 {
		out = append(out, stage)
	}
	serving := 0
	var on []string
	for _, f := range d.fleet {
		if len(f.in()) > 0 {
			serving++
			if f.running() == d.spec.New.Slot {
				on = append(on, f.Name)
			}
		}
	}
	parallel := max(1, min(max(1, d.spec.Parallel), serving-d.floor))
	for i, group := range d.groups(work) {
		w := Wave{Name: fmt.Sprintf("wave%d", i+1), Parallel: min(parallel, len(group))}
		before := len(on)
		for _, f := range group {
			w.Lanes = append(w.Lanes, d.lane(f, w.Name))
			if len(f.in()) > 0 && f.running() != d.spec.New.Slot {
				on = append(on, f.Name)
			}
		}
		if len(on) > before {
			w.Gate = Lane{d.step(w.Name, "", d.bake(slices.Clone(on)))}
		}
		out = append(out, w)
	}
	return append(out, d.tidyWave())
}

// groups cuts the work into waves by the cumulative sizes of the spec.
func (d *draft) groups(work []Found) [][]Found {
	if len(d.spec.Waves) == 0 {
		return slices.Collect(slices.Chunk(work, 1))
	}
	var out [][]Found
	done := 0
	for _, size := range append(slices.Clone(d.spec.Waves), Size{Percent: 100}) {
		if upto := size.Of(len(work)); upto > done {
			out = append(out, work[done:upto])
			done = upto
		}
	}
	return out
}

func (d *draft) stageWave(work []Found) Wave {
	w := Wave{Name: "stage", Parallel: stageParallel}
	for _, f := range work {
		if f.running() != d.spec.New.Slot {
			w.Lanes = append(w.Lanes, Lane{d.step(w.Name, f.Name, Stage{f.Name, d.spec.New})})
		}
	}
	return w
}

func (d *draft) tidyWave() Wave {
	w := Wave{Name: "tidy", Parallel: stageParallel, Final: true}
	for _, f := range d.fleet {
		w.Lanes = append(w.Lanes, Lane{d.step(w.Name, f.Name, Tidy{f.Name, d.keep(f)})})
	}
	return w
}

func (d *draft) step(wave, server string, a Action) Step {
	id := wave + "/" + a.Kind()
	if server != "" {
		id = wave + "/" + server + "/" + a.Kind()
	}
	return Step{ID: id, Server: server, Action: a}
}

// lane is everything that one server needs to run the new slot; empty when it does already.
func (d *draft) lane(f Found, wave string) Lane {
	var out Lane
	add := func(a Action) { out = append(out, d.step(wave, f.Name, a)) }
	own, old := d.own(f), f.running()
	if old == d.spec.New.Slot {
		if own != nil {
			add(*own)
		}
		return out
	}
	in := f.in()
	if len(in) > 0 {
		r := d.rotation(in)
		add(Spare{f.Name, in, d.floor, r.Wait, r.Poll})
		add(Drain{Server: f.Name, Rotation: r, Slot: old})
	}
	if old != "" {
		add(Stop{f.Name, old, d.spec.Warm})
	}
	add(Start{f.Name, d.spec.New.Slot})
	add(Warm{Server: f.Name, Slot: d.spec.New.Slot, Version: d.spec.New.Version, WarmSpec: d.spec.Warm})
	if own != nil {
		add(*own)
	}
	if len(in) > 0 {
		add(Admit{Server: f.Name, Rotation: d.rotation(in), Slot: d.spec.New.Slot, Checks: d.healthChecks(in)})
	}
	return out
}

// own makes the new slot the only one of the app that boots; nil when it is.
func (d *draft) own(f Found) *Own {
	boot, differs := map[string]bool{d.spec.New.Slot: true}, true
	for _, s := range f.Slots {
		if s.Name == d.spec.New.Slot {
			differs = !s.Boots()
		}
	}
	for _, s := range f.Slots {
		if s.Name != d.spec.New.Slot && (s.SiteBoot || s.PoolBoot) {
			boot[s.Name] = false
			differs = true
		}
	}
	if !differs {
		return nil
	}
	return &Own{f.Name, boot}
}

// rotation is how these targets leave and come back, with the slowest of their groups.
func (d *draft) rotation(targets []Target) Rotation {
	r := Rotation{Targets: targets, Floor: d.floor, Policy: d.spec.Drain.Policy, Settle: d.spec.Drain.Settle, Poll: d.spec.Drain.Poll}
	for _, t := range targets {
		for _, g := range d.inv.Groups {
			if g.ARN == t.Group {
				r.Delay = max(r.Delay, g.Delay)
				r.Deadline = max(r.Deadline, time.Duration(g.HealthyAfter)*(g.Interval+g.Timeout))
			}
		}
	}
	r.Deadline += d.spec.Admit.Grace
	if r.Poll <= 0 {
		r.Poll = d.spec.Admit.Poll
	}
	warm := Warm{WarmSpec: d.spec.Warm}
	r.Wait = r.Delay + r.Settle + r.Deadline + warm.Budget() // what another server may need to come back
	return r
}

func (d *draft) bake(on []string) Bake {
	b := d.spec.Bake
	return Bake{New: d.spec.New.Slot, On: on, For: b.For, AtMost: b.AtMost, Poll: b.Poll, OnUnsure: b.OnUnsure}
}

// keep is the new slot, the one that served before, and the newest others by number. What was made by hand stays anyway, and takes no place.
func (d *draft) keep(f Found) []string {
	keep := []string{d.spec.New.Slot}
	if old := f.running(); old != "" && old != d.spec.New.Slot {
		keep = append(keep, old)
	}
	var rest []string
	for _, s := range f.Slots {
		if s.Made() && !slices.Contains(keep, s.Name) {
			rest = append(rest, s.Name)
		}
	}
	slices.SortFunc(rest, func(a, b string) int { return byNumber(b, a) })
	return append(keep, rest[:min(max(d.spec.Keep, 0), len(rest))]...)
}
