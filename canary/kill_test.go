package canary_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// death is one moment at which the process dies.
type death struct {
	touch, line int
	after       bool
}

func (d death) String() string {
	when := "before"
	if d.after {
		when = "after"
	}
	if d.line > 0 {
		return fmt.Sprintf("%s line %d", when, d.line)
	}
	return fmt.Sprintf("%s touch %d", when, d.touch)
}

func (d death) strike(l *canarytest.Life) {
	l.DieAtTouch, l.DieAtLine, l.After = d.touch, d.line, d.after
}

// deaths is every moment of a run that goes well. To die after a line is to die before the touch that follows it.
func deaths(touches, lines int) []death {
	var out []death
	for n := range touches {
		out = append(out, death{touch: n + 1}, death{touch: n + 1, after: true})
	}
	for n := range lines {
		out = append(out, death{line: n + 1})
	}
	return out
}

// killFleet is small, so that every moment of it can be tried: three servers, the last two side by side.
func killFleet(t *testing.T) *stage {
	c := fleetOf(3, 1)
	c.Groups, c.Healthy, c.Slow = 1, 5*time.Second, 0
	s := wanted(1)
	s.Waves, s.Parallel = []canary.Size{{Count: 1}}, 2
	s.Bake.For, s.Bake.Poll = 10*time.Second, 10*time.Second
	return newStage(t, c, s)
}

// moments is how many touches and lines a run of killFleet has, and how many with its revert.
func moments(t *testing.T, revert bool) (out []death) {
	defer func() { t.Logf("%d moments", len(out)) }()
	synctest.Test(t, func(t *testing.T) {
		st := killFleet(t)
		st.must(st.run())
		touches, lines := st.life.Touches()
		if revert {
			st.must(st.revert())
			allTouches, allLines := st.life.Touches()
			for _, d := range deaths(allTouches, allLines) {
				if d.touch > touches || d.line > lines {
					out = append(out, d)
				}
			}
			return
		}
		out = deaths(touches, lines)
	})
	return out
}

func TestKilledAnywhereThenResumedThenReverted(t *testing.T) {
	t.Parallel()
	for _, d := range moments(t, false) {
		synctest.Test(t, func(t *testing.T) {
			st := killFleet(t)
			d.strike(st.life)
			died(t, st.run())
			st.life.Revive()
			st.must(st.run())
			st.all(newSlot)
			st.must(st.revert())
			st.all(oldSlot)
			tell(t, d)
		})
	}
}

func TestKilledAnywhereThenRevertedAtOnce(t *testing.T) {
	t.Parallel()
	for _, d := range moments(t, false) {
		synctest.Test(t, func(t *testing.T) {
			st := killFleet(t)
			d.strike(st.life)
			died(t, st.run())
			st.life.Revive()
			st.must(st.revert())
			st.all(oldSlot)
			tell(t, d)
		})
	}
}

func TestARevertKilledAnywhereIsCarriedOnWith(t *testing.T) {
	t.Parallel()
	for _, d := range moments(t, true) {
		synctest.Test(t, func(t *testing.T) {
			st := killFleet(t)
			st.must(st.run())
			d.strike(st.life)
			died(t, st.revert())
			st.life.Revive()
			st.must(st.revert())
			st.all(oldSlot)
			tell(t, d)
		})
	}
}

func tell(t *testing.T, d death) {
	t.Helper()
	if t.Failed() {
		t.Fatalf("after a death %s", d)
	}
}

// The three laws below are broken on purpose; kill-anywhere must notice each.

// lateJournal breaks law 1: it keeps Began to itself until the step is at its end.
type lateJournal struct {
	*canarytest.Journal
	held []canary.Event
}

func (j *lateJournal) Append(e canary.Event) error {
	if e.Type == canary.Began {
		j.held = append(j.held, e)
		return nil
	}
	if e.Type == canary.Ended || e.Type == canary.Broke {
		if i := slices.IndexFunc(j.held, func(b canary.Event) bool { return b.Step == e.Step }); i >= 0 {
			if err := j.Journal.Append(j.held[i]); err != nil {
				return err
			}
			j.held = slices.Delete(j.held, i, i+1)
		}
	}
	return j.Journal.Append(e)
}

// believer breaks law 3: what was done is believed to be so.
type believer struct {
	canary.Change
	did *bool
}

func (b believer) MarshalJSON() ([]byte, error) { return json.Marshal(b.Change) }

func (b believer) Do(ctx ctx, w canary.World) error {
	*b.did = true
	return b.Change.Do(ctx, w)
}

func (b believer) Look(ctx ctx, w canary.World) (canary.Seen, error) {
	seen, err := b.Change.Look(ctx, w)
	seen.Done = seen.Done || *b.did
	return seen, err
}

func TestOfTheTestABrokenLaw1IsCaught(t *testing.T) {
	t.Parallel()
	caught := false
	for _, d := range moments(t, false) {
		if caught {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			st := killFleet(t)
			d.strike(st.life)
			r := st.runner()
			r.Journal = &lateJournal{Journal: st.journal}
			died(t, r.Run(t.Context(), st.plan))
			st.life.Revive()
			if st.revert() != nil || len(st.world.Wrong(oldSlot))+len(st.world.Sins()) > 0 {
				caught = true
			}
		})
	}
	if !caught {
		t.Error("a runner that acts before it notes gets through")
	}
}

func TestOfTheTestABrokenLaw2IsCaught(t *testing.T) {
	t.Parallel()
	caught := false
	for _, d := range moments(t, false) {
		if caught {
			return
		}
		synctest.Test(t, func(t *testing.T) {
			st := killFleet(t)
			d.strike(st.life)
			died(t, st.run())
			st.life.Revive()
			st.must(st.run())
			progress := canary.Fold(st.plan, st.journal.Events())
			for e := range st.journal.Events() {
				if e.Type == canary.Began {
					progress.Before[e.Step] = e.Before // the last look wins
				}
			}
			err := st.runner().Run(t.Context(), canary.Revert(st.plan, progress))
			if err != nil || len(st.world.Wrong(oldSlot))+len(st.world.Sins()) > 0 {
				caught = true
			}
		})
	}
	if !caught {
		t.Error("a fold that believes the last look gets through")
	}
}

func TestOfTheTestABrokenLaw3IsCaught(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := killFleet(t)
		st.world.Break(canarytest.Fault{Op: "deregister", Kind: canarytest.Lies})
		for _, w := range st.plan.Waves {
			for _, l := range w.Lanes {
				for i, s := range l {
					if c, ok := s.Action.(canary.Change); ok {
						l[i].Action = believer{c, new(bool)}
					}
				}
			}
		}
		st.must(st.run())
		if len(st.world.Sins()) == 0 {
			t.Error("a runner that believes what it is told gets through")
		}
	})
}
