package main

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

// truth reads the fleet again after a run: what runs where, who is in rotation, and who answers fast. Troubles names the
// servers that could not be read, or that run more than one slot.
func (ses *session) truth(ctx context.Context, servers []canary.Server) (found []report.Server, troubles []string) {
	found = make([]report.Server, len(servers))
	why := make([]string, len(servers))
	var all sync.WaitGroup
	for i, s := range servers {
		all.Go(func() { found[i], why[i] = ses.state(ctx, s) })
	}
	all.Wait()
	for i, w := range why {
		if w != "" {
			troubles = append(troubles, servers[i].Name+": "+w)
		}
	}
	return found, troubles
}

// state reads one server.
func (ses *session) state(ctx context.Context, s canary.Server) (r report.Server, trouble string) {
	r.Name = s.Name
	r.Unread = []string{report.UnreadSlot, report.UnreadRotation, report.UnreadWarm}
	health, err := ses.elb.Health(ctx, s.Targets)
	if err != nil {
		return r, err.Error()
	}
	r.Unread = []string{report.UnreadSlot, report.UnreadWarm}
	r.InRotation = len(health) > 0
	for _, h := range health {
		r.InRotation = r.InRotation && h.State == canary.Healthy
	}
	slots, err := ses.hosts.Slots(ctx, s.Name)
	if err != nil {
		return r, err.Error()
	}
	r.Unread = nil
	var running []string
	for _, slot := range slots {
		if slot.Runs() {
			running = append(running, slot.Name)
		}
	}
	if len(running) != 1 {
		return r, oneShouldRun(running)
	}
	r.Slot = running[0]
	r.Warm = ses.warm(ctx, s.Name, r.Slot)
	return r, ""
}

// oneShouldRun is what is wrong with a server on which not just one slot is alive.
func oneShouldRun(running []string) string {
	if len(running) == 0 {
		return "no slot is running"
	}
	return strings.Join(running, " and ") + " are running, only one may be"
}

// warm sends a few requests; the best of those after the first tells, so that a pause elsewhere is not taken for coldness.
func (ses *session) warm(ctx context.Context, server, slot string) bool {
	w := ses.spec.Warmup
	answers, err := ses.hosts.Probe(ctx, server, canary.Probe{Slot: slot, Path: w.Path, Host: w.Host,
		First: w.Under * 10, Each: w.Under * 10, Requests: 3})
	if err != nil {
		return false
	}
	for _, a := range answers[min(1, len(answers)):] {
		if a.Status == w.Status && a.Took <= w.Under {
			return true
		}
	}
	return false
}

// whole says which servers do not serve the slot that they should. Warmth was proven by the run itself, before each server was
// admitted: a slow answer now is shown, and is no reason to wake somebody.
func whole(servers []report.Server, slotOf func(name string) string) []string {
	var out []string
	for _, s := range servers {
		want := slotOf(s.Name)
		switch {
		case s.Slot != want:
			out = append(out, fmt.Sprintf("%s runs %q, it should run %s", s.Name, s.Slot, want))
		case !s.InRotation:
			out = append(out, fmt.Sprintf("%s is not in rotation", s.Name))
		}
	}
	return out
}
