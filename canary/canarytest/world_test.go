package canarytest_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

func fleet() *canarytest.World {
	return canarytest.New(canarytest.Config{Servers: []string{"web-01", "web-02"}, Old: "app-1", Floor: 1, Call: time.Millisecond, Linger: 5 * time.Second,
		Delay: time.Minute, Healthy: 10 * time.Second, Power: time.Second, Cold: 5 * time.Second, Slow: 2})
}

// targets of a server, as a survey finds them.
func targets(w *canarytest.World, server string) []canary.Target {
	for _, f := range w.Inventory().Servers {
		if f.Name == server {
			return f.Targets
		}
	}
	return nil
}

// step does one thing to a fleet.
type step func(context.Context, *canarytest.World) error

func leave(server string) step {
	return func(ctx context.Context, w *canarytest.World) error { return w.Deregister(ctx, targets(w, server), 0) }
}

func join(server string) step {
	return func(ctx context.Context, w *canarytest.World) error { return w.Register(ctx, targets(w, server)) }
}

func stage(server string) step {
	return func(ctx context.Context, w *canarytest.World) error {
		return w.Stage(ctx, server, canary.Release{Slot: "app-2", Version: "2", Digest: "d"})
	}
}

func start(server, slot string) step {
	return func(ctx context.Context, w *canarytest.World) error { return w.Start(ctx, server, slot) }
}

func stop(server, slot string) step {
	return func(ctx context.Context, w *canarytest.World) error { return w.Stop(ctx, server, slot) }
}

func warm(server, slot string) step {
	return func(ctx context.Context, w *canarytest.World) error {
		_, err := w.Probe(ctx, server, canary.Probe{Slot: slot, First: time.Minute, Each: time.Second, Requests: 6})
		return err
	}
}

func wait(d time.Duration) step {
	return func(ctx context.Context, w *canarytest.World) error { return w.Wait(ctx, d) }
}

// A judge that overlooks a sin is worth nothing, and one that sees sins where there are none is believed by nobody.
func TestWhatNoRunMayDoIsWrittenDown(t *testing.T) {
	for name, c := range map[string]struct {
		steps []step
		sin   string // empty: none
	}{
		"a server is rolled as it should be": {[]step{stage("web-01"), leave("web-01"), wait(5 * time.Second), stop("web-01", "app-1"), start("web-01", "app-2"), warm("web-01", "app-2"),
			join("web-01"), wait(time.Minute)}, ""},
		"stopped while users are on it":         {[]step{stop("web-01", "app-1")}, "app-1 stopped while users were on it"},
		"stopped too soon after it left":        {[]step{leave("web-01"), wait(time.Second), stop("web-01", "app-1")}, "app-1 stopped while users were on it"},
		"started beside another":                {[]step{stage("web-01"), start("web-01", "app-2")}, "app-2 started beside app-1"},
		"admitted cold":                         {[]step{stage("web-01"), leave("web-01"), wait(time.Minute), stop("web-01", "app-1"), start("web-01", "app-2"), join("web-01")}, "web-01 serves app-2 cold"},
		"admitted with nothing running":         {[]step{leave("web-01"), wait(time.Minute), stop("web-01", "app-1"), join("web-01")}, "web-01 is in rotation and nothing runs"},
		"one more taken out than the floor has": {[]step{leave("web-01"), leave("web-02")}, "web-02 left 0 healthy, the floor is 1"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := fleet()
				for i, s := range c.steps {
					if err := s(t.Context(), w); err != nil {
						t.Fatalf("step %d: %v", i+1, err)
					}
				}
				sins := strings.Join(w.Sins(), "; ")
				if c.sin == "" && sins != "" || !strings.Contains(sins, c.sin) {
					t.Errorf("sins: %q, want %q", sins, c.sin)
				}
				if c.sin == "" {
					if wrong := w.Wrong("app-1"); len(wrong) == 0 {
						t.Error("half a fleet on another slot is not wrong")
					}
				}
			})
		})
	}
}

func TestAFaultDoesWhatItsNameSays(t *testing.T) {
	for _, c := range []struct {
		kind    canarytest.FaultKind
		effect  bool
		wrapped error // nil: success
	}{
		{canarytest.Fails, false, canarytest.ErrFault}, {canarytest.HalfDone, true, canarytest.ErrFault}, {canarytest.Unreachable, false, canary.ErrUnreachable},
		{canarytest.Lies, false, nil}, {canarytest.Hangs, false, context.DeadlineExceeded},
	} {
		t.Run(string(c.kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := fleet()
				w.Break(canarytest.Fault{Op: "own", Server: "web-02", Kind: c.kind, After: 1, Times: 1})
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				own := func(server string, on bool) error { return w.Own(ctx, server, map[string]bool{"app-1": on}) }
				boots := func(server string) bool {
					s, _ := w.SlotOn(server, "app-1")
					return s.Boots()
				}
				if err := errors.Join(own("web-01", false), own("web-02", true)); err != nil || boots("web-01") {
					t.Fatalf("it strikes another server, or too early: %v", err)
				}
				if err := own("web-02", false); !errors.Is(err, c.wrapped) || (err == nil) != (c.wrapped == nil) || boots("web-02") == c.effect {
					t.Errorf("%v, boots %t", err, boots("web-02"))
				}
				if c.kind == canarytest.Hangs {
					return // the time is over
				}
				if err := own("web-02", false); err != nil || boots("web-02") {
					t.Errorf("it strikes once more: %v", err)
				}
			})
		})
	}
}

func TestAProcessThatDiedDoesNothingMore(t *testing.T) {
	for _, after := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			w := fleet()
			life := &canarytest.Life{DieAtTouch: 2, After: after}
			w.Life = life
			j := &canarytest.Journal{Life: life}
			if err := errors.Join(stage("web-01")(t.Context(), w), j.Append(canary.Event{Seq: 1})); err != nil {
				t.Fatal(err)
			}
			if err := stage("web-02")(t.Context(), w); !errors.Is(err, canarytest.ErrDied) || !life.Dead() {
				t.Errorf("the touch at which it dies: %v", err)
			}
			if _, there := w.SlotOn("web-02", "app-2"); there != after {
				t.Errorf("the touch has its effect: %t, want %t", there, after)
			}
			if err := errors.Join(j.Append(canary.Event{Seq: 2}), w.Wait(t.Context(), time.Second)); !errors.Is(err, canarytest.ErrDied) {
				t.Errorf("it lives on: %v", err)
			}
			lines := 0
			for range j.Events() {
				lines++
			}
			if lines != 1 {
				t.Errorf("%d lines, want 1", lines)
			}
			life.Revive()
			if err := w.Wait(t.Context(), time.Second); err != nil {
				t.Errorf("the next process: %v", err)
			}
		})
	}
}

func TestAJournalThatIsFullSaysSo(t *testing.T) {
	var j canarytest.Journal
	j.FillAfter(1)
	if err := j.Append(canary.Event{Seq: 1}); err != nil {
		t.Error(err)
	}
	if err := j.Append(canary.Event{Seq: 2}); !errors.Is(err, canarytest.ErrFull) {
		t.Errorf("got %v", err)
	}
}
