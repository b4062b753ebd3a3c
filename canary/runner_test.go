package canary_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

func TestAStepThatHangsBreaksWithItsBudget(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "start", Server: "web-01", Kind: canarytest.Hangs})
		err := st.run()
		hung, is := errors.AsType[*canary.HungError](err)
		if !is || hung.After != 5*time.Minute || !strings.Contains(err.Error(), "start app-2 on web-01: hung: no end after 5m0s") {
			t.Fatalf("it ends as %v", err)
		}
		st.world.Heal()
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func TestAReleaseThatNeverGetsFastReachesNoUser(t *testing.T) {
	bubble(t, func(st *stage) {
		st.watch = func(e canary.Event) {
			if e.Step == "wave1/web-01/stage" || e.Step == "wave1/web-01/start" {
				st.world.Sluggish(newSlot)
			}
		}
		err := st.run()
		refused, is := errors.AsType[*canary.RefusedError](err)
		if !is || !strings.Contains(refused.Verdict.Reason, "0 of 6 under 100ms") {
			t.Fatalf("it ends as %v", err)
		}
		if slices.Contains(st.told(canary.Began), "wave1/web-01/admit") {
			t.Error("it was admitted")
		}
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func TestABadReleaseIsTakenBackFromEveryServer(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Verdict = func(on []string) (canary.Verdict, error) {
			if len(on) >= 3 {
				return canary.Verdict{Answer: canary.Fail, Reason: "31 of 612 bad"}, nil
			}
			return canary.Verdict{Answer: canary.Pass}, nil
		}
		err := st.run()
		refused, is := errors.AsType[*canary.RefusedError](err)
		if !is || refused.Step.ID != "wave3/bake" {
			t.Fatalf("it ends as %v", err)
		}
		back := st.back()
		if n := len(back.Waves[0].Lanes); n != 3 || back.Waves[0].Parallel != 2 {
			t.Errorf("%d servers go back, %d at a time", n, back.Waves[0].Parallel)
		}
		st.must(st.revert())
		st.all(oldSlot)
		if again := st.back(); len(again.Waves) != 1 {
			t.Errorf("the plan of the revert changes with its run")
		}
	})
}

func TestTheServerInHandGoesBackFirst(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "own", Server: "web-03", Kind: canarytest.Fails})
		if err := st.run(); err == nil {
			t.Fatal("nothing broke")
		}
		lanes := st.back().Waves[0].Lanes
		if lanes[0][0].Server != "web-03" || lanes[1][0].Server != "web-02" || lanes[2][0].Server != "web-01" {
			t.Errorf("the order is %s, %s, %s", lanes[0][0].Server, lanes[1][0].Server, lanes[2][0].Server)
		}
		var kinds []string
		for _, s := range lanes[1] {
			kinds = append(kinds, s.Action.Kind())
		}
		if got := strings.Join(kinds, " "); got != "drain own stop start warm admit" {
			t.Errorf("the way back is %s", got)
		}
	})
}

func TestNothingBegunIsNothingToPutBack(t *testing.T) {
	bubble(t, func(st *stage) {
		if back := st.back(); len(back.Waves) != 0 || !back.Revert {
			t.Errorf("%d waves", len(back.Waves))
		}
		was := st.world.Remember()
		st.must(st.revert())
		if was != st.world.Remember() {
			t.Error("the fleet changed")
		}
	})
}

func TestWhatCannotBeTidiedDoesNotTakeTheReleaseBack(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Alter("web-01", "app-0", made)
		s := wanted(2)
		s.Keep = 0
		st.replan(s)
		st.world.Break(canarytest.Fault{Op: "prune", Kind: canarytest.Fails})
		st.must(st.run())
		if broke := st.told(canary.Broke); !slices.Equal(broke, []string{"tidy/web-01/tidy"}) {
			t.Errorf("broken: %v", broke)
		}
		st.all(newSlot)
	})
}

func TestASiteMadeByHandIsNeverTidiedAway(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Alter("web-01", "app-0", func(*canary.Slot) {})
		st.world.Alter("web-01", "app-0.1", made)
		s := wanted(2)
		s.Keep = 0
		st.replan(s)
		st.must(st.run())
		if broke := st.told(canary.Broke); len(broke) > 0 {
			t.Errorf("broken: %v", broke)
		}
		_, hand := st.world.SlotOn("web-01", "app-0")
		_, spare := st.world.SlotOn("web-01", "app-0.1")
		if !hand || spare {
			t.Errorf("the site made by hand is there: %v; the slot that nobody needs: %v", hand, spare)
		}
	})
}

// made gives a slot a release, as this program does.
func made(s *canary.Slot) { s.Digest = "digest of " + s.Name }

// deafJournal has one server that takes no copy of what begins on it.
type deafJournal struct {
	*canarytest.Journal
	server string
}

func (j deafJournal) Append(e canary.Event) error {
	if e.Type == canary.Began && e.Server == j.server {
		return canary.ErrUnreachable
	}
	return j.Journal.Append(e)
}

func TestAServerThatTakesNoNoteBreaksItsLaneAndNotTheJournal(t *testing.T) {
	bubble(t, func(st *stage) {
		r := st.runner()
		r.Journal = deafJournal{st.journal, "web-02"}
		err := r.Run(st.t.Context(), st.plan)
		if !is[*canary.StepError](err) || is[*canary.JournalError](err) || !errors.Is(err, canary.ErrUnreachable) {
			t.Fatalf("it ends as %v", err)
		}
		if gone := canary.Fold(st.plan, st.journal.Events()).Gone; !slices.Equal(gone, []string{"web-02"}) {
			t.Errorf("unreachable: %v", gone)
		}
		if s, staged := st.world.SlotOn("web-02", newSlot); staged {
			t.Errorf("a change was made that was not written down: %+v", s)
		}
	})
}
