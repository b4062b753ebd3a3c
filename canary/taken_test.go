package canary_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// fencedJournal is that of a run whose server has been taken over when this kind of event of a step comes.
type fencedJournal struct {
	*canarytest.Journal
	kind canary.EventType
	step string
	then func()
}

func (j fencedJournal) Append(e canary.Event) error {
	if err := j.Journal.Append(e); err != nil || e.Type != j.kind || e.Step != j.step {
		return err
	}
	j.then()
	return fmt.Errorf("write the journal on %s: %w", e.Server, canary.ErrTaken)
}

// wayOf is the way forward, or the way back after a whole run.
func wayOf(st *stage, back bool) canary.Plan {
	if !back {
		return st.plan
	}
	st.must(st.run())
	return st.back()
}

// A note that is refused because another process took the server over ends the run there, on both ways and on every lane.
func TestARefusedNoteEndsBothWaysAtOnce(t *testing.T) {
	for name, c := range map[string]struct {
		back bool
		kind canary.EventType
		step string
	}{
		"the beginning of a step of the way forward": {false, canary.Began, "wave2/web-02/drain"},
		"the end of a step of the way forward":       {false, canary.Ended, "wave2/web-02/drain"},
		"the beginning of a step of the way back":    {true, canary.Began, "revert/wave3/web-03/admit/1-drain"},
		"the end of a step of the way back":          {true, canary.Ended, "revert/wave3/web-03/admit/1-drain"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(st *stage) {
				plan := wayOf(st, c.back)
				then, finished := "", len(st.told(canary.Finished))
				r := st.runner()
				r.Journal = fencedJournal{st.journal, c.kind, c.step, func() { then = st.world.Remember() }}
				err := r.Run(st.t.Context(), plan)
				if !errors.Is(err, canary.ErrTaken) || is[*canary.JournalError](err) {
					t.Fatalf("it ends as %v", err)
				}
				if then == "" || then != st.world.Remember() {
					t.Errorf("the fleet was\n%s\nand is\n%s", then, st.world.Remember())
				}
				if st.lastHalt().Halt != canary.HaltAbandoned || len(st.told(canary.Finished)) != finished {
					t.Errorf("the journal says %+v", st.lastHalt())
				}
			})
		})
	}
}

// Changes at the balancer carry no fence: the lease is asked for just before them.
func TestNoServerLeavesOrEntersRotationThatAnotherProcessTook(t *testing.T) {
	for name, c := range map[string]struct {
		back bool
		held int
		step string
	}{
		"drain, forward": {false, 0, "wave1/web-01/drain"},
		"admit, forward": {false, 1, "wave1/web-01/admit"},
		"drain, back":    {true, 0, "revert/wave1/web-01/admit/1-drain"},
		"admit, back":    {true, 1, "revert/wave1/web-01/drain/1-admit"},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(st *stage) {
				plan := wayOf(st, c.back)
				st.world.Break(canarytest.Fault{Op: "hold", Server: "web-01", Kind: canarytest.Taken, After: c.held})
				before := ""
				r := st.runner()
				r.Watch = func(e canary.Event) {
					if e.Type == canary.Began && e.Step == c.step {
						before = place(st, "web-01")
					}
				}
				if err := r.Run(st.t.Context(), plan); !errors.Is(err, canary.ErrTaken) {
					t.Fatalf("it ends as %v", err)
				}
				if before == "" || before != place(st, "web-01") {
					t.Errorf("web-01 was %q and is %q", before, place(st, "web-01"))
				}
			})
		})
	}
}

// place is what there is to know of a server.
func place(st *stage, server string) string {
	for line := range strings.Lines(st.world.Remember()) {
		if strings.HasPrefix(line, server) {
			return line
		}
	}
	return ""
}

// A server that only cannot be reached is no reason to keep it from its customers.
func TestAServerThatCannotBeReachedIsRegisteredAgain(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "stop", Server: "web-01", Kind: canarytest.Unreachable})
		st.world.Break(canarytest.Fault{Op: "hold", Server: "web-01", Kind: canarytest.Unreachable, After: 1})
		if err := st.run(); !errors.Is(err, canary.ErrUnreachable) {
			t.Fatalf("it ends as %v", err)
		}
		st.must(st.revert())
		st.all(oldSlot)
	})
}

// What breaks in a final wave is no failure; that the servers are another's is one there too.
func TestARunThatIsTakenOverInItsFinalWaveIsNotFinished(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Alter("web-02", "app-0", made)
		s := wanted(2)
		s.Keep = 0
		st.replan(s)
		st.world.Break(canarytest.Fault{Op: "prune", Kind: canarytest.Fails})
		r, then := st.runner(), ""
		r.Journal = fencedJournal{st.journal, canary.Broke, "tidy/web-02/tidy", func() { then = st.world.Remember() }}
		if err := r.Run(st.t.Context(), st.plan); !errors.Is(err, canary.ErrTaken) {
			t.Errorf("it ends as %v", err)
		}
		if then == "" || then != st.world.Remember() {
			t.Errorf("the fleet was\n%s\nand is\n%s", then, st.world.Remember())
		}
		if st.lastHalt().Halt != canary.HaltAbandoned || len(st.told(canary.Finished)) > 0 {
			t.Errorf("the journal says %+v, finished %v", st.lastHalt(), st.told(canary.Finished))
		}
	})
}
