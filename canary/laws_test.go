package canary_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

var errInterrupted = errors.New("second interrupt")

// bubble runs a test on a fleet of four, of which two must stay, in virtual time.
func bubble(t *testing.T, test func(*stage)) {
	t.Helper()
	t.Parallel()
	bubble1(t, test)
}

func TestLaw1LookNoteActLook(t *testing.T) {
	bubble(t, func(st *stage) {
		before := ""
		st.watch = func(e canary.Event) {
			switch {
			case e.Type == canary.Began && e.Server != "":
				before = st.world.Remember()
			case e.Type == canary.Planned:
				before = ""
			}
		}
		st.world.Break(canarytest.Fault{Op: "stop", Server: "web-01", Kind: canarytest.Fails})
		if err := st.run(); err == nil {
			t.Fatal("a stop that fails goes unnoticed")
		}
		var began canary.Event
		for e := range st.journal.Events() {
			if e.Type == canary.Began && strings.HasSuffix(e.Step, "/stop") {
				began = e
			}
		}
		if began.Before["runs"] != "true" || before != st.world.Remember() {
			t.Errorf("before the stop was noted the look saw %v", began.Before)
		}
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func TestLaw2TheFirstLookWins(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "stop", Kind: canarytest.HalfDone, Times: 1})
		if err := st.run(); err == nil {
			t.Fatal("half a stop goes unnoticed")
		}
		st.must(st.run())
		var seen []string
		for e := range st.journal.Events() {
			if e.Type == canary.Began && e.Step == "wave1/web-01/stop" {
				seen = append(seen, e.Before["runs"])
			}
		}
		if !slices.Equal(seen, []string{"true", "false"}) {
			t.Fatalf("the looks saw %v", seen)
		}
		if got := canary.Fold(st.plan, st.journal.Events()).Before["wave1/web-01/stop"]["runs"]; got != "true" {
			t.Errorf("the fold says that the old slot's running was %s", got)
		}
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func TestLaw3DoneIsSeenNotBelieved(t *testing.T) {
	for _, op := range []string{"stage", "deregister", "stop", "start", "own", "register"} {
		t.Run(op, func(t *testing.T) {
			bubble(t, func(st *stage) {
				st.world.Break(canarytest.Fault{Op: op, Server: "web-02", Kind: canarytest.Lies})
				err := st.run()
				if _, broke := errors.AsType[*canary.StepError](err); !broke {
					t.Fatalf("a %s that lies ends as %v", op, err)
				}
				st.world.Heal()
				st.must(st.revert())
				st.all(oldSlot)
			})
		})
	}
}

func TestLaw4AJournalThatCannotBeWrittenStopsTheRun(t *testing.T) {
	for _, lines := range []int{0, 1, 7, 12, 20} {
		bubble1(t, func(st *stage) {
			st.journal.FillAfter(lines)
			err := st.run()
			lost, is := errors.AsType[*canary.JournalError](err)
			if !is || !errors.Is(lost, canarytest.ErrFull) {
				t.Fatalf("with %d lines the run ends as %v", lines, err)
			}
			was := st.world.Remember()
			if err := st.run(); !errors.Is(err, canarytest.ErrFull) || was != st.world.Remember() {
				t.Errorf("with a full journal the fleet is still changed: %v", err)
			}
			st.blameless()
		})
	}
}

// bubble1 is bubble for a table without subtests.
func bubble1(t *testing.T, test func(*stage)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { test(newStage(t, fleetOf(4, 2), wanted(2))) })
}

// stopWhen closes Stop at the first event of this type and step.
func (st *stage) stopWhen(kind canary.EventType, step string) {
	done := false
	st.watch = func(e canary.Event) {
		if !done && e.Type == kind && e.Step == step {
			done = true
			close(st.stop)
		}
	}
}

func TestLaw5StopIsBetweenSteps(t *testing.T) {
	for _, at := range []string{"stage/web-03/stage", "wave2/web-02/drain", "wave2/web-02/warm", "wave2/bake"} {
		bubble1(t, func(st *stage) {
			st.stopWhen(canary.Began, at)
			if err := st.run(); !errors.Is(err, canary.ErrStopped) {
				t.Fatalf("stopped at %s the run ends as %v", at, err)
			}
			if broke := st.told(canary.Broke); len(broke) > 0 {
				t.Errorf("stopped at %s: broken %v", at, broke)
			}
			for _, server := range st.world.Servers {
				if !st.world.InRotation(server) {
					t.Errorf("stopped at %s: %s is out", at, server)
				}
			}
			if slices.Contains(st.told(canary.Ended), "wave2/bake") || slices.Contains(st.told(canary.Began), "wave3/web-03/drain") {
				t.Errorf("stopped at %s the run goes on", at)
			}
			st.blameless()
			st.stop, st.watch = make(chan struct{}), nil
			st.must(st.run())
			st.all(newSlot)
		})
	}
}

func TestLaw5CancelIsNow(t *testing.T) {
	bubble(t, func(st *stage) {
		ctx, cancel := context.WithCancelCause(st.t.Context())
		var at time.Time
		st.watch = func(e canary.Event) {
			if e.Type == canary.Began && e.Step == "wave2/web-02/start" {
				at = time.Now()
				cancel(errInterrupted)
			}
		}
		if err := st.runUnder(ctx); !errors.Is(err, errInterrupted) {
			t.Fatalf("the run ends as %v", err)
		}
		if took := time.Since(at); took > time.Second {
			t.Errorf("it took %s", took)
		}
		if halted := st.told(canary.Halted); len(halted) != 1 {
			t.Errorf("halted %d times", len(halted))
		}
		if broke := st.told(canary.Broke); len(broke) > 0 {
			t.Errorf("an abandoned step counts as broken: %v", broke)
		}
		st.must(st.run())
		st.all(newSlot)
	})
}

func TestLaw6UnsureIsNotPass(t *testing.T) {
	unsure := func([]string) (canary.Verdict, error) {
		return canary.Verdict{Answer: canary.Unsure, Reason: "no requests"}, nil
	}
	errs := func([]string) (canary.Verdict, error) { return canary.Verdict{}, errors.New("503 from the log store") }
	zero := func([]string) (canary.Verdict, error) { return canary.Verdict{}, nil }
	for _, answer := range []func([]string) (canary.Verdict, error){unsure, errs, zero} {
		for policy, check := range map[string]func(error) bool{
			"":         is[*canary.HeldError],
			"hold":     is[*canary.HeldError],
			"revert":   is[*canary.RefusedError],
			"continue": func(err error) bool { return err == nil },
		} {
			synctest.Test(t, func(t *testing.T) {
				s := wanted(3)
				s.Bake.OnUnsure = policy
				st := newStage(t, fleetOf(4, 3), s)
				st.world.Verdict = answer
				if err := st.run(); !check(err) {
					t.Errorf("unsure under %q ends as %v", policy, err)
				}
				st.blameless()
			})
		}
	}
}

func is[E error](err error) bool {
	_, ok := errors.AsType[E](err)
	return ok
}

func TestLaw7ALaneThatFailsDoesNotCutItsNeighboursShort(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := wanted(2)
		s.Waves, s.Parallel = []canary.Size{{Count: 1}}, 2
		st := newStage(t, fleetOf(5, 2), s)
		st.world.Break(canarytest.Fault{Op: "start", Server: "web-02", Kind: canarytest.Fails})
		err := st.run()
		if !is[*canary.StepError](err) || !errors.Is(err, canarytest.ErrFault) {
			t.Fatalf("the run ends as %v", err)
		}
		ended, began := st.told(canary.Ended), st.told(canary.Began)
		if !slices.Contains(ended, "wave2/web-03/admit") {
			t.Error("the neighbour was cut short")
		}
		if slices.Contains(began, "wave2/web-04/drain") && slices.Contains(began, "wave2/web-05/drain") {
			t.Error("new lanes started")
		}
		st.world.Heal()
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func TestLaw8NeverRevertARevert(t *testing.T) {
	bubble(t, func(st *stage) {
		st.must(st.run())
		st.world.Break(canarytest.Fault{Op: "start", Server: "web-02", Slot: oldSlot, Kind: canarytest.Fails})
		back := st.back()
		err := st.revert()
		broken, is := errors.AsType[*canary.StepError](err)
		if !is || broken.Step.Server != "web-02" {
			t.Fatalf("the revert ends as %v", err)
		}
		for _, what := range st.world.Wrong(oldSlot) {
			if !strings.HasPrefix(what, "web-02") {
				t.Errorf("the others are not back: %s", what)
			}
		}
		if again := canary.Revert(back, canary.Fold(back, st.journal.Events())); !again.Revert || len(again.Waves) != 1 {
			t.Error("the revert of a revert is another plan")
		}
		if err := st.run(); !isPlanError(err) {
			t.Errorf("after a revert the roll ends as %v", err)
		}
		st.world.Heal()
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func isPlanError(err error) bool { return is[*canary.PlanError](err) }

func TestLaw9NothingIrreversibleBeforeTheLastGate(t *testing.T) {
	bubble(t, func(st *stage) {
		st.must(st.run())
		ended, tidied := st.told(canary.Ended), false
		for _, step := range ended {
			tidied = tidied || strings.HasSuffix(step, "/tidy")
			if tidied && !strings.HasSuffix(step, "/tidy") {
				t.Errorf("%s comes after something was removed", step)
			}
		}
		early := st.plan
		early.Waves = slices.Clone(st.plan.Waves)
		slices.Reverse(early.Waves)
		hidden := st.plan
		hidden.Waves = slices.Clone(st.plan.Waves)
		hidden.Waves[len(hidden.Waves)-1].Final = false
		for _, p := range []canary.Plan{early, hidden} {
			if err := (&canary.Runner{World: st.world, Journal: &canarytest.Journal{}}).Run(st.t.Context(), p); !isPlanError(err) {
				t.Errorf("it ends as %v", err)
			}
		}
	})
}

func TestLaw10TheJournalIsSelfContained(t *testing.T) {
	bubble(t, func(st *stage) {
		st.must(st.run())
		var first canary.Event
		for e := range st.journal.Events() {
			first = e
			break
		}
		if first.Type != canary.Planned || first.Tool != "test" || first.Plan.Spec != "config" || first.Seq != 1 {
			t.Fatalf("the first record is %+v", first)
		}
		was := st.world.Remember()
		fresh := &canary.Runner{World: st.world, Journal: st.journal}
		st.must(fresh.Run(st.t.Context(), canary.Revert(*first.Plan, canary.Fold(*first.Plan, st.journal.Events()))))
		st.all(oldSlot)
		if was == st.world.Remember() {
			t.Error("nothing was put back")
		}
		other := st.plan
		other.Run = "run-2"
		if err := fresh.Run(st.t.Context(), other); !isPlanError(err) {
			t.Errorf("a journal of another run ends as %v", err)
		}
	})
	var step canary.Step
	err := json.Unmarshal([]byte(`{"id":"wave1/web-01/explode","kind":"explode","action":{}}`), &step)
	if !is[*canary.UnknownKindError](err) {
		t.Errorf("an unknown kind ends as %v", err)
	}
	if err := json.Unmarshal([]byte(`{"id":"a","kind":"stop","action":{"server":"w","slot":"s","force":true}}`), &step); err == nil {
		t.Error("a setting that is not known is dropped")
	}
}

func TestLaw11UnreachableIsNotFailedAndNotDone(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "probe", Server: "web-02", Kind: canarytest.Unreachable})
		err := st.run()
		if !errors.Is(err, canary.ErrUnreachable) {
			t.Fatalf("the run ends as %v", err)
		}
		progress := canary.Fold(st.plan, st.journal.Events())
		if !slices.Equal(progress.Gone, []string{"web-02"}) || progress.Ended("wave2/web-02/warm") || !slices.Equal(progress.InHand, []string{"web-02"}) {
			t.Errorf("unreachable %v, in hand %v", progress.Gone, progress.InHand)
		}
		if err := st.revert(); !errors.Is(err, canary.ErrUnreachable) {
			t.Errorf("the revert ends as %v", err)
		}
		if what := st.world.Wrong(oldSlot); slices.ContainsFunc(what, func(s string) bool { return !strings.HasPrefix(s, "web-02") }) {
			t.Errorf("the others are not back: %v", what)
		}
		st.world.Heal()
		st.must(st.revert())
		st.all(oldSlot)
		if gone := canary.Fold(st.plan, st.journal.Events()).Gone; len(gone) > 0 {
			t.Errorf("%v count as unreachable for ever", gone)
		}
	})
}

func TestAServerThatCannotBeReachedIsNotTakenOutOfRotation(t *testing.T) {
	bubble(t, func(st *stage) {
		st.must(st.run())
		st.world.Break(canarytest.Fault{Op: "slots", Server: "web-03", Kind: canarytest.Unreachable})
		if err := st.revert(); !errors.Is(err, canary.ErrUnreachable) {
			st.t.Fatalf("the revert ends as %v", err)
		}
		if what := st.world.Wrong(oldSlot); slices.ContainsFunc(what, func(s string) bool { return !strings.HasPrefix(s, "web-03") }) {
			st.t.Errorf("the others are not back: %v", what)
		}
		i := slices.IndexFunc(st.plan.Servers, func(s canary.Server) bool { return s.Name == "web-03" })
		health, err := st.world.Health(st.t.Context(), st.plan.Servers[i].Targets)
		if err != nil || !health[0].In() {
			st.t.Errorf("it was taken out all the same: %v %v", health, err)
		}
	})
}
