package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
	"iiscanary/canary/report"
	"iiscanary/iis"
)

// rolledOut executes a small plan on a fleet in memory on which something goes wrong.
func rolledOut(t *testing.T, wrong func(*canarytest.World), watch func(canary.Event, chan struct{})) (w *canarytest.World, end ending, headline string) {
	t.Helper()
	w = canarytest.New(canarytest.Config{Servers: []string{"web-01", "web-02"}, Old: "app-1", Floor: 1, Call: time.Millisecond,
		Healthy: time.Second, Power: time.Second, Cold: time.Second})
	p, err := canary.NewPlan(canary.Spec{
		Run: "run-1", App: "app", Digest: "config", MinHealthy: canary.Size{Count: 1},
		New:   canary.Release{Slot: "app-2", Version: "app-2", Digest: "digest of new"},
		Drain: canary.DrainSpec{Policy: canary.ObservedDrain, Settle: time.Second, Poll: time.Second},
		Warm:  canary.WarmSpec{Path: "/warm", First: time.Minute, Requests: 2, Under: 100 * time.Millisecond, Status: 200, Tries: 2},
		Admit: canary.AdmitSpec{Poll: time.Second, Grace: 10 * time.Second},
		Bake:  canary.BakeSpec{For: 2 * time.Second, AtMost: 4 * time.Second, Poll: time.Second, OnUnsure: "hold"},
	}, w.Inventory())
	if err != nil {
		t.Fatal(err)
	}
	wrong(w)
	stop := make(chan struct{})
	r := &roll{world: w, journal: &canarytest.Journal{Life: &canarytest.Life{}}, stop: stop,
		watch: func(e canary.Event) { watch(e, stop) }, onRefuse: "revert"}
	end = r.forward(t.Context(), p)
	var text strings.Builder
	o := report.Outcome{Outcome: end.outcome, Exit: int(end.code), Old: "app-1", New: "app-2"}
	if err := report.Summary(&text, o, report.Story{Cause: end.cause, Why: fmt.Sprint(end.why)}); err != nil {
		t.Fatal(err)
	}
	headline, _, _ = strings.Cut(text.String(), "\n")
	return w, end, headline
}

func TestAReleaseIsCalledRefusedOnlyWhenItWasRefused(t *testing.T) {
	for _, c := range []struct {
		name  string
		wrong func(*canarytest.World)
		code  exit
		words string
	}{
		{"a verdict says no", func(w *canarytest.World) {
			w.Verdict = func([]string) (canary.Verdict, error) {
				return canary.Verdict{Answer: canary.Fail, Reason: "errors"}, nil
			}
		}, exitReverted, "reverted: app-2 was refused"},
		{"a disk is full while the files travel", func(w *canarytest.World) {
			w.Break(canarytest.Fault{Op: "stage", Server: "web-02", Kind: canarytest.Fails})
		}, exitPreflight, "not begun: app-2 could not be brought to every server"},
		{"a site does not start", func(w *canarytest.World) {
			w.Break(canarytest.Fault{Op: "start", Slot: "app-2", Kind: canarytest.Fails})
		}, exitReverted, "reverted: app-2 could not be rolled out"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, end, headline := rolledOut(t, c.wrong, func(canary.Event, chan struct{}) {})
				if end.code != c.code || end.outcome != report.Reverted || !strings.Contains(headline, c.words) {
					t.Errorf("exit code %d, %s; want %d, %q\n%v", end.code, headline, c.code, c.words, end.why)
				}
			})
		})
	}
}

// The operator interrupts while the first server is out of rotation, and then its new slot never gets warm.
func TestAServerInHandServesAgainWhenTheReleaseFailsAfterAnInterrupt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end, _ := rolledOut(t, func(w *canarytest.World) {
			w.Break(canarytest.Fault{Op: "probe", Slot: "app-2", Kind: canarytest.Fails})
		}, func(e canary.Event, stop chan struct{}) {
			if e.Type == canary.Ended && strings.HasSuffix(e.Step, "/drain") && !closed(stop) {
				close(stop)
			}
		})
		if end.code != exitReverted {
			t.Errorf("exit code %d, want %d: %v, then %v", end.code, exitReverted, end.why, end.back)
		}
		for _, server := range []string{"web-01", "web-02"} {
			if !w.InRotation(server) {
				t.Errorf("%s was left out of rotation", server)
			}
		}
		if wrong := w.Wrong("app-1"); len(wrong) > 0 {
			t.Errorf("%v", wrong)
		}
	})
}

// An interrupt that comes when the fleet is being put back already stops that: the server in hand serves, and the rest can be gone on with.
func TestAnInterruptOnTheWayBackIsObeyed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, end, _ := rolledOut(t, func(w *canarytest.World) {
			w.Verdict = func(on []string) (canary.Verdict, error) {
				if len(on) > 1 {
					return canary.Verdict{Answer: canary.Fail, Reason: "errors"}, nil
				}
				return canary.Verdict{Answer: canary.Pass}, nil
			}
		}, func(e canary.Event, stop chan struct{}) {
			if e.Type == canary.Began && strings.HasPrefix(e.Step, "revert/") && !closed(stop) {
				close(stop)
			}
		})
		if end.code != exitStopped || end.outcome != report.Stopped {
			t.Errorf("exit code %d, want %d: %v, then %v", end.code, exitStopped, end.why, end.back)
		}
		if !w.InRotation("web-01") || !w.InRotation("web-02") {
			t.Error("a server was left out of rotation")
		}
	})
}

func TestARunWhoseJournalCannotBeBegunHasTouchedNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := canarytest.New(canarytest.Config{Servers: []string{"web-01", "web-02"}, Old: "app-1", Floor: 1})
		p, err := canary.NewPlan(canary.Spec{Run: "run-1", App: "app", Digest: "config", MinHealthy: canary.Size{Count: 1},
			New: canary.Release{Slot: "app-2", Version: "app-2", Digest: "digest of new"}, Drain: canary.DrainSpec{Policy: canary.FullDrain},
			Bake: canary.BakeSpec{OnUnsure: "hold"}}, w.Inventory())
		if err != nil {
			t.Fatal(err)
		}
		full := &canarytest.Journal{Life: &canarytest.Life{}}
		full.FillAfter(0)
		r := &roll{world: w, journal: full, stop: make(chan struct{}), watch: func(canary.Event) {}, onRefuse: "revert"}
		if end := r.forward(t.Context(), p); end.code != exitPreflight || end.cause != report.BeforeRoll {
			t.Errorf("exit code %d, want %d: %v", end.code, exitPreflight, end.why)
		}
	})
}

// An operator's own way back obeys the operator: it can be gone on with. One whose lease is lost is nobody's to go on with.
func TestAWayBackThatIsStoppedCanBeGoneOnWith(t *testing.T) {
	for name, c := range map[string]struct {
		lost bool
		code exit
	}{"by the operator": {false, exitStopped}, "by a lost lease": {true, exitMixed}} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancelCause(t.Context())
			defer leave(nil)
			stop := make(chan struct{})
			if c.lost {
				leave(&iis.LeaseLostError{Server: "web-01", Err: errors.New("another run has it")})
			} else {
				close(stop)
			}
			w := canarytest.New(canarytest.Config{Servers: []string{"web-01"}, Old: "app-1"})
			drain := canary.Step{ID: "drain", Server: "web-01", Action: canary.Drain{Server: "web-01"}}
			start := canary.Step{ID: "start", Server: "web-01", Action: canary.Start{Server: "web-01", Slot: "app-2"}}
			p := canary.Plan{Run: "run-1", App: "app", Servers: []canary.Server{{Name: "web-01"}}, Waves: []canary.Wave{{Name: "wave1", Lanes: []canary.Lane{{drain, start}}}}}
			j := &canarytest.Journal{Life: &canarytest.Life{}}
			for i, e := range []canary.Event{{Type: canary.Planned, Plan: &p}, {Type: canary.Began, Step: "start", Server: "web-01", Before: canary.State{"runs": "false"}}} {
				e.Seq, e.Run = i+1, p.Run
				if err := j.Append(e); err != nil {
					t.Fatal(err)
				}
			}
			r := &roll{world: w, journal: j, stop: stop, watch: func(canary.Event) {}, onRefuse: "revert"}
			if end := r.backward(ctx, p, ending{}, r.stop); end.code != c.code {
				t.Errorf("exit code %d, want %d: %v", end.code, c.code, end.back)
			}
		})
	}
}
