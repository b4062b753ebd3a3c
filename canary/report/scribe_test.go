package report

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"iiscanary/canary"
)

// scribe writes journals as the runner would.
type scribe struct {
	t      testing.TB
	now    time.Time
	events []canary.Event
	plan   canary.Plan
	takes  map[string]time.Duration
}

func newScribe(t testing.TB) *scribe {
	return &scribe{t: t, now: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), plan: rolledPlan(), takes: map[string]time.Duration{
		"stage": 12 * time.Second, "spare": 100 * time.Millisecond, "drain": 35 * time.Second, "stop": 4 * time.Second, "start": 3 * time.Second,
		"warm": 26 * time.Second, "own": 500 * time.Millisecond, "admit": 21 * time.Second, "bake": 2 * time.Minute, "tidy": time.Second,
	}}
}

// rolledPlan is a roll over two servers.
func rolledPlan() canary.Plan {
	p := canary.Plan{
		Run: "20261121-120000-ab12", App: "app.domain.com", Old: []string{oldSlot}, Floor: 1, Made: time.Date(2026, 11, 21, 11, 59, 58, 0, time.UTC),
		New: canary.Release{Slot: newSlot, Version: "2.14.0", Digest: "0123456789abcdef", Files: 1204, Bytes: 48_400_000},
	}
	stage := canary.Wave{Name: "stage", Parallel: 8}
	tidy := canary.Wave{Name: "tidy", Parallel: 8, Final: true}
	var rolls []canary.Wave
	var on []string
	for i, name := range []string{"web-01", "web-02"} {
		p.Servers = append(p.Servers, canary.Server{Name: name})
		targets := []canary.Target{{Group: group, ID: fmt.Sprintf("i-%d", i+1), Port: 443}}
		rotation := canary.Rotation{Targets: targets, Floor: 1, Policy: canary.ObservedDrain, Settle: 20 * time.Second, Delay: 5 * time.Minute,
			Deadline: time.Minute, Wait: 10 * time.Minute, Poll: 5 * time.Second}
		warm := canary.WarmSpec{Path: "/warm", First: 3 * time.Minute, Requests: 6, Under: 100 * time.Millisecond, Status: 200}
		wave := fmt.Sprintf("wave%d", i+1)
		at := func(w string, a canary.Action) canary.Step {
			return canary.Step{ID: w + "/" + name + "/" + a.Kind(), Server: name, Action: a}
		}
		stage.Lanes = append(stage.Lanes, canary.Lane{at("stage", canary.Stage{Server: name, Release: p.New})})
		tidy.Lanes = append(tidy.Lanes, canary.Lane{at("tidy", canary.Tidy{Server: name, Keep: []string{newSlot, oldSlot}})})
		on = append(on, name)
		rolls = append(rolls, canary.Wave{Name: wave, Parallel: 1, Lanes: []canary.Lane{{
			at(wave, canary.Spare{Server: name, Targets: targets, Floor: 1, Wait: 10 * time.Minute}),
			at(wave, canary.Drain{Server: name, Rotation: rotation, Slot: oldSlot}),
			at(wave, canary.Stop{Server: name, Slot: oldSlot, Warm: warm}),
			at(wave, canary.Start{Server: name, Slot: newSlot}),
			at(wave, canary.Warm{Server: name, Slot: newSlot, WarmSpec: warm}),
			at(wave, canary.Own{Server: name, Boot: map[string]bool{newSlot: true, oldSlot: false}}),
			at(wave, canary.Admit{Server: name, Rotation: rotation, Slot: newSlot}),
		}}, Gate: canary.Lane{{ID: wave + "/bake", Action: canary.Bake{New: newSlot, On: slices.Clone(on), For: 2 * time.Minute, AtMost: 10 * time.Minute}}}})
	}
	p.Waves = append(append([]canary.Wave{stage}, rolls...), tidy)
	return p
}

// note writes one event at the scribe's time.
func (s *scribe) note(e canary.Event) {
	e.Seq, e.At, e.Run = len(s.events)+1, s.now, s.plan.Run
	if e.Step != "" {
		e.Server = s.find(e.Step).Server
	}
	s.events = append(s.events, e)
}

func (s *scribe) find(id string) canary.Step {
	s.t.Helper()
	for step := range s.plan.Steps() {
		if step.ID == id {
			return step
		}
	}
	s.t.Fatalf("the plan has no step %s", id)
	return canary.Step{}
}

func (s *scribe) planned() {
	p := s.plan
	s.note(canary.Event{Type: canary.Planned, Plan: &p, Tool: "1.2.3"})
	s.now = s.now.Add(time.Second)
}

// begin begins a step as it is found before a roll, and lets its time pass.
func (s *scribe) begin(id string) {
	step := s.find(id)
	e := canary.Event{Type: canary.Began, Step: id}
	switch a := step.Action.(type) {
	case canary.Stage:
		e.Before = canary.State{"runs": "false", "site": "absent"}
	case canary.Drain:
		e.Before = canary.State{"rotation": "in", a.Targets[0].Group + " " + a.Targets[0].ID + ":443": "healthy"}
	case canary.Stop:
		e.Before = canary.State{"runs": "true"}
	case canary.Start:
		e.Before = canary.State{"runs": "false"}
	case canary.Own:
		e.Before = canary.State{"boot " + newSlot: "false", "boot " + oldSlot: "true"}
	case canary.Admit:
		e.Before = canary.State{"rotation": "out", a.Targets[0].Group + " " + a.Targets[0].ID + ":443": "unused"}
	case canary.Tidy:
		e.Before = canary.State{"slots": oldSlot + " " + newSlot}
	}
	s.note(e)
	s.now = s.now.Add(s.takes[step.Action.Kind()])
}

// end ends a step well.
func (s *scribe) end(id string) {
	e := canary.Event{Type: canary.Ended, Step: id}
	switch s.find(id).Action.Kind() {
	case "spare":
		e.Verdict = &canary.Verdict{Answer: canary.Pass, Reason: "it can be spared: at least 1 other stays healthy"}
	case "warm":
		e.Verdict = &canary.Verdict{Answer: canary.Pass, Reason: "6 requests under 100ms, slowest 46ms, in series 2"}
	case "bake":
		e.Verdict = s.weighed(canary.Pass, 3, 0.4)
	}
	s.note(e)
}

// weighed is a verdict on users with its evidence.
func (s *scribe) weighed(a canary.Answer, bad int64, odds float64) *canary.Verdict {
	reason := fmt.Sprintf("errors: %d of 600 requests failed, the old version had 2 of 2,900 in the same seconds", bad)
	return &canary.Verdict{Answer: a, Reason: reason, Until: s.now.Add(-4 * time.Second), Lag: 3200 * time.Millisecond, Evidence: []canary.Sample{
		{Metric: "errors", Answer: a, Limit: "1.5 x old + 0.1%", New: canary.Count{Requests: 600, Bad: bad}, Old: canary.Count{Requests: 2900, Bad: 2},
			Odds: odds, Need: 9.2, Reason: reason},
		{Metric: "slow", Answer: canary.Pass, Limit: "1.2 x old + 1%", New: canary.Count{Requests: 600, Bad: 31}, Old: canary.Count{Requests: 2900, Bad: 150},
			Odds: -1.25, Need: 9.2, Reason: "slow: 31 of 600"},
	}}
}

// well carries steps out, from one id to another, both included.
func (s *scribe) well(from, to string) {
	on := false
	for step := range s.plan.Steps() {
		on = on || step.ID == from
		if on {
			s.begin(step.ID)
			s.end(step.ID)
		}
		if step.ID == to {
			return
		}
	}
	s.t.Fatalf("the plan has no steps from %s to %s", from, to)
}

// resume is the first event of another process, some time later.
func (s *scribe) resume(after time.Duration, id string) {
	s.now = s.now.Add(after)
	s.begin(id)
	last := &s.events[len(s.events)-1]
	last.Resumed, last.Tool = true, "1.2.4"
}

func (s *scribe) halt(why canary.Halt, text string) {
	s.note(canary.Event{Type: canary.Halted, Halt: why, Err: text})
}

// back turns to the plan that puts the fleet back.
func (s *scribe) back() {
	s.plan = canary.Revert(s.plan, canary.Fold(s.plan, slices.Values(s.events)))
	s.planned()
}

func goodRun(t testing.TB) *scribe {
	s := newScribe(t)
	s.planned()
	s.well("stage/web-01/stage", "tidy/web-02/tidy")
	s.note(canary.Event{Type: canary.Finished})
	return s
}

func refusedRun(t testing.TB) *scribe {
	s := newScribe(t)
	s.planned()
	s.well("stage/web-01/stage", "wave2/web-02/admit")
	s.begin("wave2/bake")
	v := s.weighed(canary.Fail, 31, 11.7)
	s.note(canary.Event{Type: canary.Broke, Step: "wave2/bake", Verdict: v, Err: v.Reason})
	s.halt(canary.HaltRefused, "wave2: watch users of "+newSlot+" on 2 servers for 2m0s, at most 10m0s: fail, "+v.Reason)
	s.back()
	first, last := "", ""
	for step := range s.plan.Steps() {
		if first == "" {
			first = step.ID
		}
		last = step.ID
	}
	s.well(first, last)
	s.note(canary.Event{Type: canary.Finished})
	return s
}

// killedRun ends in the middle of a drain.
func killedRun(t testing.TB) *scribe {
	s := newScribe(t)
	s.planned()
	s.well("stage/web-01/stage", "wave2/web-02/spare")
	s.begin("wave2/web-02/drain")
	return s
}

func resumedRun(t testing.TB) *scribe {
	s := killedRun(t)
	s.resume(time.Hour, "wave2/web-02/spare")
	s.end("wave2/web-02/spare")
	s.well("wave2/web-02/drain", "tidy/web-02/tidy")
	s.note(canary.Event{Type: canary.Finished})
	return s
}

func heldRun(t testing.TB) *scribe {
	s := newScribe(t)
	s.planned()
	s.well("stage/web-01/stage", "wave1/web-01/admit")
	s.begin("wave1/bake")
	v := &canary.Verdict{Answer: canary.Unsure, Reason: "no answer in 10m0s: errors: no logs for 60s\nslow: no logs for 60s"}
	s.note(canary.Event{Type: canary.Halted, Halt: canary.HaltHeld, Step: "wave1/bake", Verdict: v,
		Err: "wave1: watch users of " + newSlot + " on web-01 for 2m0s, at most 10m0s: unsure: " + v.Reason})
	return s
}

// brokenBack is a run whose way back broke on one server.
func brokenBack(t testing.TB) *scribe {
	s := newScribe(t)
	s.planned()
	s.well("stage/web-01/stage", "wave1/web-01/start")
	s.begin("wave1/web-01/warm")
	v := &canary.Verdict{Answer: canary.Fail, Reason: "not warm after 3 series: request 2 of 7: status 500, not 200"}
	s.note(canary.Event{Type: canary.Broke, Step: "wave1/web-01/warm", Verdict: v, Err: v.Reason})
	s.halt(canary.HaltRefused, "wave1: warm: fail, "+v.Reason)
	s.back()
	s.begin("revert/wave1/web-01/start/1-stop")
	s.end("revert/wave1/web-01/start/1-stop")
	s.begin("revert/wave1/web-01/stop/1-start")
	broke := "start the pool:\n  access denied.\x1b[31m"
	s.note(canary.Event{Type: canary.Broke, Step: "revert/wave1/web-01/stop/1-start", Err: broke})
	s.halt(canary.HaltBroke, "revert: start "+oldSlot+" on web-01: "+broke)
	return s
}
