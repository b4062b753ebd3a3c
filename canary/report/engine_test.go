package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// rolled is the journal of a real runner over a fleet in memory, killed at a touch of the world and taken up again or put back.
func rolled(t *testing.T, dieAt int, answer canary.Answer, then string) []canary.Event {
	t.Helper()
	var events []canary.Event
	synctest.Test(t, func(t *testing.T) {
		life := &canarytest.Life{DieAtTouch: dieAt}
		w := canarytest.New(canarytest.Config{Servers: []string{"web-01", "web-02", "web-03"}, Groups: 2, Old: "app-1", Floor: 1, Call: 100 * time.Millisecond,
			Linger: 5 * time.Second, Delay: time.Minute, Healthy: 10 * time.Second, Power: time.Second, Cold: 5 * time.Second, Slow: 2})
		w.Life = life
		w.Verdict = func([]string) (canary.Verdict, error) { return canary.Verdict{Answer: answer, Reason: "so"}, nil }
		j := &canarytest.Journal{Life: life}
		plan, err := canary.NewPlan(canary.Spec{Run: "run-1", App: "app", MinHealthy: canary.Size{Count: 1},
			New:   canary.Release{Slot: "app-2", Version: "app-2", Digest: "digest of app-2", Files: 1, Bytes: 1},
			Drain: canary.DrainSpec{Policy: canary.ObservedDrain, Settle: 10 * time.Second, Poll: time.Second},
			Warm:  canary.WarmSpec{Path: "/", First: time.Minute, Requests: 3, Under: 100 * time.Millisecond, Status: 200},
			Admit: canary.AdmitSpec{Poll: time.Second, Grace: 30 * time.Second},
			Bake:  canary.BakeSpec{For: 10 * time.Second, AtMost: 20 * time.Second, Poll: 5 * time.Second, OnUnsure: "hold"}}, w.Inventory())
		if err != nil {
			t.Fatal(err)
		}
		r := canary.Runner{World: w, Journal: j, Tool: "test"}
		failed := r.Run(t.Context(), plan)
		life.Revive()
		switch {
		case then == "revert" || then == "resume" && failed != nil && answer == canary.Fail:
			_ = r.Run(t.Context(), canary.Revert(plan, canary.Fold(plan, j.Events())))
		case then == "resume":
			_ = r.Run(t.Context(), plan)
		}
		events = slices.Collect(j.Events())
	})
	return events
}

func TestWhereverARunDiesItsStoryIsTrue(t *testing.T) {
	for dieAt := 1; dieAt <= 181; dieAt += 12 {
		for _, then := range []string{"nothing", "resume", "revert"} {
			t.Run(fmt.Sprintf("%d then %s", dieAt, then), func(t *testing.T) {
				events := rolled(t, dieAt, canary.Pass, then)
				r := Tell(Record{Events: events}, typed)
				whole(t, r, events)
				died := events[len(events)-1].Type != canary.Finished
				want := map[string]Result{"nothing": Unfinished, "resume": Deployed, "revert": Reverted}[then]
				if !died && then == "nothing" {
					want = Deployed // it ended before it could die
				}
				if then == "revert" && r.Outcome == Unfinished && died {
					return // nothing had begun, so nothing was put back or noted
				}
				if r.Outcome != want {
					t.Errorf("%s: %s, want %s", r.Outcome, r.Why, want)
				}
				for _, s := range r.Servers {
					if want == Deployed && s.State != OnNew || want == Reverted && s.State == InHand {
						t.Errorf("%s is %s after %s", s.Name, s.State, want)
					}
					if want == Deployed && s.Rotation != placeIn {
						t.Errorf("%s is %s of rotation", s.Name, s.Rotation)
					}
				}
			})
		}
	}
}

func TestARefusedRunOfTheEngineIsToldAsReverted(t *testing.T) {
	r := Tell(Record{Events: rolled(t, 0, canary.Fail, "revert")}, typed)
	if r.Outcome != Reverted || !strings.Contains(r.Why, ": fail, so") || r.ServersPutBack() != 1 {
		t.Errorf("%s: %s, %d put back", r.Outcome, r.Why, r.ServersPutBack())
	}
	r = Tell(Record{Events: rolled(t, 0, canary.Unsure, "nothing")}, typed)
	if i := slices.IndexFunc(r.Steps, func(s RunStep) bool { return s.ID == "wave1/bake" }); r.Outcome != Held || r.Steps[i].Outcome != Doubted {
		t.Errorf("%s: %+v", r.Outcome, r.Steps[i])
	}
}

// whole demands what is true of every story.
func whole(t interface{ Errorf(string, ...any) }, r Run, events []canary.Event) {
	for _, s := range r.Steps {
		began := slices.ContainsFunc(events, func(e canary.Event) bool { return e.Step == s.ID })
		if began == (s.Outcome == NotBegun) {
			t.Errorf("%s is %s, in the journal: %t", s.ID, s.Outcome, began)
		}
		if s.Seconds < 0 || s.Tries < 0 || (s.Tries == 0) != (s.Outcome == NotBegun) {
			t.Errorf("%s: %f s in %d tries", s.ID, s.Seconds, s.Tries)
		}
	}
	if over := r.Outcome == Deployed || r.Outcome == Reverted; !over && len(r.Next) == 0 {
		t.Errorf("%s, and nothing to type", r.Outcome)
	}
	for _, write := range []func(io.Writer) error{r.Text, r.JSON, r.JUnit} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Errorf("%v", err)
		}
		if strings.ContainsAny(b.String(), "\x00\x1b\x07") {
			t.Errorf("control characters in %q", b.String())
		}
		switch text := b.String(); {
		case strings.HasPrefix(text, "<?xml"):
			var x suites
			if err := xml.Unmarshal(b.Bytes(), &x); err != nil {
				t.Errorf("%v in\n%s", err, text)
			}
		case strings.HasPrefix(text, "{"):
			if !json.Valid(b.Bytes()) {
				t.Errorf("no JSON:\n%s", text)
			}
		}
	}
}

func TestAnyOrderOfEventsIsTold(t *testing.T) {
	source := append(refusedRun(t).events, brokenBack(t).events...)
	rapid.Check(t, func(t *rapid.T) {
		events := rapid.SliceOfN(rapid.SampledFrom(source), 0, 60).Draw(t, "events")
		for i := range events {
			events[i].Resumed = rapid.Bool().Draw(t, "resumed")
		}
		r := Tell(Record{Events: events, Alive: rapid.Bool().Draw(t, "alive")}, typed)
		if r.Seconds.Total < 0 {
			t.Errorf("%f s", r.Seconds.Total)
		}
		for _, s := range r.Steps {
			if s.Seconds < 0 {
				t.Errorf("%s: %f s", s.ID, s.Seconds)
			}
		}
	})
}

func FuzzStory(f *testing.F) {
	for _, s := range []*scribe{refusedRun(f), brokenBack(f), heldRun(f)} {
		var lines bytes.Buffer
		e := json.NewEncoder(&lines)
		for _, event := range s.events {
			if err := e.Encode(event); err != nil {
				f.Fatal(err)
			}
		}
		f.Add(lines.Bytes())
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var events []canary.Event
		for line := range bytes.Lines(b) {
			var e canary.Event
			if json.Unmarshal(line, &e) == nil {
				events = append(events, e)
			}
		}
		r := Tell(Record{Events: events}, typed)
		for _, write := range []func(io.Writer) error{r.Text, r.JUnit} {
			var out bytes.Buffer
			if err := write(&out); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(out.String(), "<?xml") {
				var x suites
				if err := xml.Unmarshal(out.Bytes(), &x); err != nil {
					t.Fatalf("%v in\n%s", err, out.String())
				}
			}
			if strings.ContainsAny(out.String(), "\x00\x1b\x07\u009b") {
				t.Fatalf("control characters in %q", out.String())
			}
		}
	})
}
