package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

// shown is a screen on a terminal, and what stands on it.
func shown(t *testing.T) (*screen, func() string) {
	t.Helper()
	var terminal bytes.Buffer
	s := &screen{w: &terminal, live: true, width: func() int { return 120 }, height: func() int { return 24 }, started: time.Now(), rows: map[string]serverRow{}, places: report.NewPlaces(), stop: make(chan struct{})}
	return s, func() string {
		blocks := strings.Split(terminal.String(), "\x1b[J")
		return blocks[len(blocks)-1]
	}
}

// oneLane is a plan that takes web-01 out, watches users and lets it in again; web-02 is left alone.
func oneLane() canary.Plan {
	targets := []canary.Target{{Group: "g", ID: "i-1", Port: 443}}
	lane := canary.Lane{
		{ID: "drain", Server: "web-01", Action: canary.Drain{Server: "web-01", Rotation: canary.Rotation{Targets: targets}}},
		{ID: "warm", Server: "web-01", Action: canary.Warm{Server: "web-01", Slot: "app-2"}},
		{ID: "admit", Server: "web-01", Action: canary.Admit{Server: "web-01", Rotation: canary.Rotation{Targets: targets}}},
	}
	gate := canary.Lane{{ID: "bake", Action: canary.Bake{New: "app-2", On: []string{"web-01"}}}}
	return canary.Plan{Run: "run-1", New: canary.Release{Slot: "app-2"}, Servers: []canary.Server{{Name: "web-01"}, {Name: "web-02"}},
		Waves: []canary.Wave{{Name: "wave1", Lanes: []canary.Lane{lane}, Gate: gate}}}
}

func TestTheBlockSaysOfEachServerWhetherItIsInRotation(t *testing.T) {
	s, text := shown(t)
	s.Begin(oneLane(), func(func(canary.Event) bool) {})
	for i, c := range []struct {
		step string
		kind canary.EventType
		want string
	}{
		{"drain", canary.Began, `◌ web-01 +leaving +drain`},
		{"drain", canary.Ended, `✔ web-01 +out +done: drain`},
		{"warm", canary.Broke, `✖ web-01 +out +broke: warm`},
		{"admit", canary.Began, `◌ web-01 +entering +admit`},
		{"admit", canary.Ended, `✔ web-01 +in +done: admit`},
	} {
		s.Event(canary.Event{Seq: i + 2, Run: "run-1", Type: c.kind, Step: c.step, Server: "web-01"})
		if !regexp.MustCompile(c.want).MatchString(text()) {
			t.Errorf("after %s %s the block is\n%s", c.step, c.kind, text())
		}
	}
	if !strings.Contains(text(), "• web-02") {
		t.Errorf("a server that nothing happens on is not shown:\n%s", text())
	}
}

func TestARunThatIsTakenUpShowsWhereItsServersStand(t *testing.T) {
	s, text := shown(t)
	s.Begin(oneLane(), func(yield func(canary.Event) bool) {
		yield(canary.Event{Seq: 1, Run: "run-1", Type: canary.Ended, Step: "drain", Server: "web-01"})
	})
	s.Event(canary.Event{Seq: 2, Run: "run-1", Type: canary.Began, Step: "warm", Server: "web-01"})
	if !regexp.MustCompile(`◌ web-01 +out +warm`).MatchString(text()) {
		t.Errorf("the block is\n%s", text())
	}
}

func TestOnlyVerdictsOnUsersAreShownAsTraffic(t *testing.T) {
	s, text := shown(t)
	s.Begin(oneLane(), func(func(canary.Event) bool) {})
	warm := canary.Event{Seq: 2, Run: "run-1", Type: canary.Ended, Step: "warm", Server: "web-01", Verdict: &canary.Verdict{Answer: canary.Pass, Reason: "6 requests under 200ms"}}
	s.Event(warm)
	if strings.Contains(text(), "traffic: 6 requests") {
		t.Errorf("a warm-up is shown as users' traffic:\n%s", text())
	}
	s.Event(canary.Event{Seq: 3, Run: "run-1", Type: canary.Ended, Step: "bake", Verdict: &canary.Verdict{Answer: canary.Unsure, Reason: "no lines\nhave come"}})
	if !strings.Contains(text(), "traffic: no lines have come") {
		t.Errorf("the verdict on users is not shown:\n%s", text())
	}
}

func TestAnInterruptSaysWhatIsInHand(t *testing.T) {
	for want, done := range map[string][]canary.Event{
		"stopping: no server is in hand; interrupt again to abandon": nil,
		"stopping: web-01 is in hand and is finished first, so that it serves; interrupt again to abandon": {
			{Type: canary.Began, Step: "drain"}},
	} {
		s, text := shown(t)
		s.Begin(oneLane(), func(func(canary.Event) bool) {})
		for i, e := range done {
			e.Seq, e.Run, e.Server = i+2, "run-1", "web-01"
			s.Event(e)
		}
		s.Stopping()
		if !strings.Contains(text(), want) {
			t.Errorf("it does not say %q:\n%s", want, text())
		}
	}
	for name, kinds := range map[string][2]canary.EventType{"over": {canary.Ended, canary.Ended}, "broken": {canary.Ended, canary.Broke}} {
		s, text := shown(t)
		s.Begin(oneLane(), func(func(canary.Event) bool) {})
		for i, e := range []canary.Event{{Type: kinds[0], Step: "drain"}, {Type: kinds[0], Step: "warm"}, {Type: kinds[1], Step: "admit"}} {
			e.Seq, e.Run, e.Server = i+2, "run-1", "web-01"
			s.Event(e)
		}
		if s.Stopping(); !strings.Contains(text(), "no server is in hand") {
			t.Errorf("a lane that is %s is in hand:\n%s", name, text())
		}
	}
}

func TestAWaitForSpareCapacityIsShown(t *testing.T) {
	s, text := shown(t)
	s.Begin(oneLane(), func(func(canary.Event) bool) {})
	s.Waits(canary.Waiting{Step: canary.Step{ID: "drain", Server: "web-01"}, AtMost: 8 * time.Minute,
		For: &canary.NoSpareError{Group: "web-443", Healthy: 3, Left: 2, Need: 3, Why: "min_healthy"}})
	for _, want := range []string{"◌ waits  web-01: waiting for spare capacity: web-443 has 3 healthy and would have 2, min_healthy asks for 3; at most 8m0s"} {
		if !strings.Contains(text(), want) {
			t.Errorf("it does not say %q:\n%s", want, text())
		}
	}
}

func TestTheWayBackIsShownAsThat(t *testing.T) {
	var b bytes.Buffer
	s := newScreen(streams{err: &b, errTTY: true, width: func() int { return 80 }, height: func() int { return 24 }, getenv: func(string) string { return "" }}, false)
	defer s.Close()
	plan := canary.Plan{Run: "run-1", New: canary.Release{Slot: "app-2"}, Revert: true}
	s.Event(canary.Event{Seq: 1, Run: "run-1", Type: canary.Planned, Plan: &plan})
	if shown := b.String(); !strings.Contains(shown, "run-1  back from app-2  ") || strings.Contains(shown, "nothing judged yet") {
		t.Errorf("shown: %q", shown)
	}
}

// A block that is higher than the terminal cannot be erased: its upper lines are out of the cursor's reach.
func TestTheBlockIsNeverHigherThanTheTerminal(t *testing.T) {
	const many = 60
	plan := canary.Plan{Run: "run-1", New: canary.Release{Slot: "app-2"}}
	wave := canary.Wave{Name: "wave1"}
	for i := range many {
		name := fmt.Sprintf("web-%02d", i+1)
		plan.Servers = append(plan.Servers, canary.Server{Name: name})
		wave.Lanes = append(wave.Lanes, canary.Lane{{ID: name + "/start", Server: name, Action: canary.Start{Server: name, Slot: "app-2"}},
			{ID: name + "/warm", Server: name, Action: canary.Warm{Server: name, Slot: "app-2"}}})
	}
	plan.Waves = []canary.Wave{wave}
	for _, c := range []struct{ rows, lines, left int }{{24, 23, 40}, {63, 62, 0}, {62, 61, 2}, {10, 9, 54}, {3, 2, 0}} {
		s, text := shown(t)
		s.height = func() int { return c.rows }
		s.Begin(plan, func(func(canary.Event) bool) {})
		s.Event(canary.Event{Seq: 2, Run: "run-1", Type: canary.Broke, Step: "web-40/start", Server: "web-40"})
		s.Event(canary.Event{Seq: 3, Run: "run-1", Type: canary.Ended, Step: "web-50/start", Server: "web-50"}) // its lane is not at its end
		s.Event(canary.Event{Seq: 4, Run: "run-1", Type: canary.Began, Step: "web-60/start", Server: "web-60"})
		block := text()
		if n := strings.Count(block, "\n"); n != c.lines {
			t.Errorf("on %d rows it has %d lines, want %d:\n%s", c.rows, n, c.lines, block)
		}
		if more := fmt.Sprintf("and %d more", c.left); strings.Contains(block, "more") != (c.left > 0) || c.left > 0 && !strings.Contains(block, more) {
			t.Errorf("on %d rows it does not say %q:\n%s", c.rows, more, block)
		}
		for _, want := range []string{"✖ web-40", "✔ web-50", "◌ web-60"} {
			if c.rows >= 10 && !strings.Contains(block, want) {
				t.Errorf("on %d rows %s is left out:\n%s", c.rows, want, block)
			}
		}
		if c.left > 0 && !regexp.MustCompile(`(?s)web-40.*web-50.*web-60.*web-01`).MatchString(block) {
			t.Errorf("on %d rows others come before those in hand and in trouble:\n%s", c.rows, block)
		}
	}
}
