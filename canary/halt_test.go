package canary_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// lastHalt is the newest Halted event.
func (st *stage) lastHalt() canary.Event {
	st.t.Helper()
	var last canary.Event
	for e := range st.journal.Events() {
		if e.Type == canary.Halted {
			last = e
		}
	}
	return last
}

func TestTheJournalSaysWhyARunHalted(t *testing.T) {
	answer := func(a canary.Answer) func([]string) (canary.Verdict, error) {
		return func([]string) (canary.Verdict, error) { return canary.Verdict{Answer: a, Reason: "so"}, nil }
	}
	for want, arrange := range map[canary.Halt]func(*stage, context.CancelCauseFunc){
		canary.HaltAbandoned: func(st *stage, cancel context.CancelCauseFunc) {
			st.watch = func(e canary.Event) {
				if e.Step == "wave1/web-01/drain" {
					cancel(errInterrupted)
				}
			}
		},
		canary.HaltStopped: func(st *stage, _ context.CancelCauseFunc) {
			st.watch = func(e canary.Event) {
				if e.Step == "wave1/web-01/drain" && e.Type == canary.Began {
					close(st.stop)
				}
			}
		},
		canary.HaltHeld:    func(st *stage, _ context.CancelCauseFunc) { st.world.Verdict = answer(canary.Unsure) },
		canary.HaltRefused: func(st *stage, _ context.CancelCauseFunc) { st.world.Verdict = answer(canary.Fail) },
		canary.HaltBroke: func(st *stage, _ context.CancelCauseFunc) {
			st.world.Break(canarytest.Fault{Op: "own", Server: "web-01", Kind: canarytest.Fails})
		},
	} {
		t.Run(string(want), func(t *testing.T) {
			bubble(t, func(st *stage) {
				ctx, cancel := context.WithCancelCause(st.t.Context())
				defer cancel(nil)
				arrange(st, cancel)
				if err := st.runUnder(ctx); err == nil {
					t.Fatal("it came to its end")
				}
				if got := st.lastHalt(); got.Halt != want || got.Err == "" {
					t.Errorf("the journal says %q: %s", got.Halt, got.Err)
				}
			})
		})
	}
}

func TestTheJournalSaysWhereARunWasTakenUpAgain(t *testing.T) {
	bubble(t, func(st *stage) {
		st.life.DieAtTouch = 20
		if err := st.run(); !errors.Is(err, canarytest.ErrDied) {
			t.Fatalf("it ends as %v", err)
		}
		var lines int
		for e := range st.journal.Events() {
			lines = e.Seq
			if e.Resumed {
				t.Errorf("line %d says that a fresh run was taken up again", e.Seq)
			}
		}
		st.life.Revive()
		st.must(st.run())
		for e := range st.journal.Events() {
			if want := e.Seq == lines+1; e.Resumed != want || want && e.Tool != "test" {
				t.Errorf("line %d of %d before: resumed %t by %q", e.Seq, lines, e.Resumed, e.Tool)
			}
		}
	})
}

func TestAnAbandonedStepNamesItsCauseOnce(t *testing.T) {
	bubble(t, func(st *stage) {
		ctx, cancel := context.WithCancelCause(st.t.Context())
		defer cancel(nil)
		st.watch = func(e canary.Event) {
			if e.Step == "wave1/web-01/drain" {
				cancel(errors.New("abandoned by a second interrupt"))
			}
		}
		err := st.runUnder(ctx)
		if err == nil || strings.Count(err.Error(), "abandoned") != 1 || !strings.Contains(err.Error(), "drain web-01") {
			t.Errorf("it ends as %v", err)
		}
	})
}
