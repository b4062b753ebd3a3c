package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"iiscanary/canary"
	"iiscanary/canary/report"
	"iiscanary/iis"
)

// roomTimes is how much room a package needs: once while it arrives, once as the new slot, and once to spare.
const roomTimes = 3

// weighServers judges what the servers have said, together with the package.
func (pf *preflight) weighServers() {
	for i, survey := range pf.read {
		if pf.isClear(pf.servers[i].Name, checkAgent) && pf.states(checkAgent, pf.servers[i].Name) != nil {
			pf.disk(pf.found[i])
		}
		pf.equipment(i)
		if survey != nil {
			pf.ports(pf.servers[i].Name, *survey)
			pf.oldSite(pf.found[i])
			pf.lock(pf.servers[i].Name, survey)
		}
	}
}

func (pf *preflight) disk(f canary.Found) {
	if pf.release == nil {
		return
	}
	staged := slices.ContainsFunc(f.Slots, func(s canary.Slot) bool { return s.Name == pf.named.Slot && s.Digest == pf.named.Digest })
	need := roomTimes * pf.release.Bytes
	switch {
	case staged:
		pf.pass(checkDisk, f.Name, "the release is there already")
	case f.DiskFree < 0:
		pf.warn(checkDisk, f.Name, "it does not say how much room the disk of "+pf.ses.spec.Site.Root+" has")
	case f.DiskFree < need:
		pf.fail(checkDisk, f.Name, fmt.Sprintf("the disk of %s has %s free, and %s are needed", pf.ses.spec.Site.Root, report.Size(f.DiskFree), report.Size(need)))
	default:
		pf.pass(checkDisk, f.Name, report.Size(f.DiskFree)+" free")
	}
}

// oldSite demands that a server in rotation serves what the names of the sites let one expect.
func (pf *preflight) oldSite(f canary.Found) {
	in := slices.ContainsFunc(f.Health, canary.TargetHealth.In)
	running := f.Running()
	switch {
	case len(running) > 0:
		pf.pass(checkOldSite, f.Name, running[0].Name)
	case !in:
		pf.pass(checkOldSite, f.Name, "none runs, and it is out of rotation")
	default:
		var there []string
		for _, s := range f.Slots {
			there = append(there, s.Name)
		}
		pf.fail(checkOldSite, f.Name, fmt.Sprintf("it is in rotation, and no slot of %s runs (there: %s)", pf.ses.spec.App,
			cmp.Or(strings.Join(there, ", "), "none")))
	}
}

// lock tells of a run that holds the server.
func (pf *preflight) lock(server string, s *iis.Survey) {
	if s.Lease == nil || !s.Lease.Until.After(pf.now.Add(s.ClockOff)) {
		pf.pass(checkLock, server, "")
		return
	}
	l := s.Lease
	f := shelf(pf.ses.spec, pf.ses.path).fate(l.Run, l.Owner)
	pf.holding[l.Run] = f
	do, next := ways(f, pf.ses.path, l.Run)
	pf.add(finding{check: checkLock, server: server, state: failed,
		what: fmt.Sprintf("run %s of %s holds it (%s); %s", l.Run, l.Owner, l.Reason, f), do: do, next: next})
}

// holders is who holds servers, in words.
func (pf *preflight) holders() string {
	var out []string
	for _, f := range pf.findings {
		if f.check == checkLock && f.state == failed && !slices.Contains(out, f.what) {
			out = append(out, f.what)
		}
	}
	return strings.Join(out, "; ")
}

// inventory is what was read, as a plan wants it.
func (pf *preflight) inventory() canary.Inventory {
	return canary.Inventory{At: pf.now, Groups: pf.survey.Groups, Servers: pf.found}
}

// makePlan lets the domain say what forbids a plan. Servers that could not be read are taken for ones that have to be rolled.
func (pf *preflight) makePlan() {
	plan, err := canary.NewPlan(pf.wanted(), pf.inventory())
	pf.plan = plan
	for _, problem := range problemsOf(err) {
		id := cmp.Or(rowOf(problem.Kind), checkGroup) // nothing that forbids a plan goes unsaid
		if found := []checkID{checkRegistered, checkNames, checkOrder, checkInstance}; slices.Contains(found, id) && slices.Contains(pf.states(id, problem.Server), failed) {
			continue // said already, in the words of that row
		}
		pf.add(finding{check: id, server: problem.Server, state: failed, what: problem.What, do: problem.Remedy})
	}
	for i, survey := range pf.read {
		if survey != nil {
			pf.passUnless(checkOneSlot, pf.servers[i].Name, "")
			if pf.release != nil {
				pf.passUnless(checkSlotFree, pf.servers[i].Name, "")
			}
		}
	}
	if len(pf.servers) > 0 {
		pf.passUnless(checkFloor, "", "")
	}
}

// problemsOf is every problem that NewPlan has joined.
func problemsOf(err error) []*canary.Problem {
	if joined, is := err.(interface{ Unwrap() []error }); is {
		var out []*canary.Problem
		for _, e := range joined.Unwrap() {
			out = append(out, problemsOf(e)...)
		}
		return out
	}
	if problem, is := errors.AsType[*canary.Problem](err); is {
		return []*canary.Problem{problem}
	}
	return nil
}

// rowOf is the row that a problem of the plan belongs to. The first four are looked for before a plan is tried.
func rowOf(kind canary.ProblemKind) checkID {
	switch kind {
	case canary.NoServers:
		return checkRegistered
	case canary.NameTaken:
		return checkNames
	case canary.OrderUnknown:
		return checkOrder
	case canary.NotRollable:
		return checkInstance
	case canary.SeveralRun, canary.HalfStarted:
		return checkOneSlot
	case canary.SlotTaken:
		return checkSlotFree
	case canary.FloorTooHigh:
		return checkFloor
	case canary.SpecWrong, canary.GroupUnknown: // what was surveyed does not fit what was asked for
		return checkGroup
	}
	return ""
}

// lookForUnfinished reads the notes of the newest run, once every server could be read.
func (pf *preflight) lookForUnfinished(ctx context.Context) {
	if len(pf.read) == 0 || slices.Contains(pf.read, nil) {
		return
	}
	err := pf.ses.unfinished(ctx, pf.inventory(), pf.order.abandon)
	if err == nil {
		pf.pass(checkUnfinished, "", "")
		return
	}
	f := finding{check: checkUnfinished, state: failed, what: err.Error()}
	if left, is := errors.AsType[*leftError](err); is {
		its, held := pf.holding[left.run]
		f.do, f.next = ways(dead, pf.ses.path, left.run)
		switch {
		case its == living:
			f.state, f.what, f.do, f.next = unchecked, "run "+left.run+" is in progress", "", nil
		case held: // the row of its lease says what to type
			f.do, f.next = "as for "+string(checkLock), nil
		default:
			f.do += "; --abandon " + left.run + " begins all the same and leaves its servers as they are"
		}
	}
	pf.add(f)
}

// compareReleases says where not all servers run the same now: a revert gives each of them back what it had.
func (pf *preflight) compareReleases() {
	on := map[string]int{}
	for _, f := range pf.found {
		for _, slot := range f.Running() {
			on[slot.Name]++
		}
	}
	if len(on) < 2 {
		return
	}
	var parts []string
	for _, slot := range slices.Sorted(maps.Keys(on)) {
		parts = append(parts, fmt.Sprintf("%s on %d", slot, on[slot]))
	}
	pf.doubts = append(pf.doubts, "not every server runs the same release now ("+strings.Join(parts, ", ")+"): a revert gives each one back its own")
}
