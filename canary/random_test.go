package canary_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"pgregory.net/rapid"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// story is one random fleet and what happens to it.
type story struct {
	servers, floor, parallel int
	waves                    []canary.Size
	policy                   string
	out                      []int // servers out of rotation before the run
	faults                   []canarytest.Fault
	stopAt, cancelAt, dieAt  int // event or touch; 0: never
	bad                      int // servers on the new slot at which the judge says no; 0: never
}

func draw(t *rapid.T) story {
	n := rapid.IntRange(1, 6).Draw(t, "servers")
	s := story{servers: n, parallel: rapid.IntRange(1, 4).Draw(t, "parallel"),
		floor:  rapid.IntRange(0, n-1).Draw(t, "floor"),
		policy: rapid.SampledFrom([]string{canary.FullDrain, canary.ObservedDrain}).Draw(t, "policy"),
		bad:    rapid.IntRange(-n, n).Draw(t, "bad at")}
	for range rapid.IntRange(0, 3).Draw(t, "waves") {
		s.waves = append(s.waves, canary.Size{Count: rapid.IntRange(0, n).Draw(t, "wave")})
	}
	if n-1 > s.floor && rapid.Bool().Draw(t, "one out") {
		s.out = []int{rapid.IntRange(0, n-1).Draw(t, "out")}
	}
	for range rapid.IntRange(0, 3).Draw(t, "faults") {
		f := canarytest.Fault{
			Op:     rapid.SampledFrom([]string{"stage", "deregister", "register", "stop", "start", "own", "probe", "slots", "requests", "prune", "health", "judge"}).Draw(t, "op"),
			Server: fmt.Sprintf("web-%02d", rapid.IntRange(1, n).Draw(t, "on")),
			Kind:   rapid.SampledFrom([]canarytest.FaultKind{canarytest.Fails, canarytest.Hangs, canarytest.HalfDone, canarytest.Unreachable, canarytest.Lies}).Draw(t, "kind"),
			After:  rapid.IntRange(0, 4).Draw(t, "after"), Times: rapid.IntRange(1, 3).Draw(t, "times"),
		}
		if reads := []string{"slots", "health", "probe", "requests", "judge"}; f.Kind == canarytest.Lies && slices.Contains(reads, f.Op) {
			f.Kind = canarytest.Fails // no look can tell a lie of a look
		}
		s.faults = append(s.faults, f)
	}
	switch rapid.IntRange(0, 3).Draw(t, "ends by") {
	case 1:
		s.stopAt = rapid.IntRange(1, 60).Draw(t, "stop at")
	case 2:
		s.cancelAt = rapid.IntRange(1, 60).Draw(t, "cancel at")
	case 3:
		s.dieAt = rapid.IntRange(1, 200).Draw(t, "die at")
	}
	return s
}

// set is the stage of a story.
func (s story) set(t *testing.T) *stage {
	c := fleetOf(s.servers, s.floor)
	c.Groups = 1
	spec := wanted(s.floor)
	spec.Waves, spec.Parallel, spec.Drain.Policy = s.waves, s.parallel, s.policy
	life := &canarytest.Life{DieAtTouch: s.dieAt}
	st := &stage{t: t, life: life, world: canarytest.New(c), journal: &canarytest.Journal{Life: life}, stop: make(chan struct{})}
	st.world.Life = life
	for _, i := range s.out {
		st.world.TakeOut(c.Servers[i])
	}
	st.world.Forget()
	st.replan(spec)
	for _, f := range s.faults {
		st.world.Break(f)
	}
	st.world.Verdict = func(on []string) (canary.Verdict, error) {
		if s.bad > 0 && len(on) >= s.bad {
			return canary.Verdict{Answer: canary.Fail, Reason: "40 of 1,000 bad"}, nil
		}
		return canary.Verdict{Answer: canary.Pass}, nil
	}
	return st
}

// play runs the story as an operator would: roll, and where that ends badly, take it up again or put it back.
func (s story) play(st *stage) {
	ctx, cancel := context.WithCancelCause(st.t.Context())
	defer cancel(nil)
	seen := 0
	st.watch = func(canary.Event) {
		if seen++; seen == s.stopAt {
			close(st.stop)
		} else if seen == s.cancelAt {
			cancel(errInterrupted)
		}
	}
	err := st.runUnder(ctx)
	s.invariants(st)
	st.life.Revive()
	st.watch, st.stop = nil, nil
	if err == nil {
		return
	}
	if is[*canary.RefusedError](err) || is[*canary.StepError](err) {
		_ = st.revert() // faults may be left; what matters is what it does to users
		s.invariants(st)
		st.world.Heal()
		if again := st.revert(); again != nil {
			st.t.Errorf("on a sound fleet the revert after %q ends as: %v", err, again)
		}
		s.at(st, oldSlot)
		return
	}
	if errors.Is(err, canary.ErrStopped) {
		s.inPlace(st)
	}
	st.world.Heal()
	again := st.run()
	if is[*canary.RefusedError](again) {
		st.must(st.revert())
		s.at(st, oldSlot)
		return
	}
	if s.bad <= 0 && again != nil {
		st.t.Errorf("on a sound fleet the run after %q ends as: %v", err, again)
	}
	if again == nil {
		s.at(st, newSlot)
	}
}

// at demands one slot everywhere, and every server where it was.
func (s story) at(st *stage, slot string) {
	for _, what := range st.world.Wrong(slot) {
		st.t.Error(what)
	}
	s.inPlace(st)
	s.invariants(st)
}

// inPlace demands that every server is in rotation, or out of it, as it was before the run.
func (s story) inPlace(st *stage) {
	for i, server := range st.world.Servers {
		if st.world.InRotation(server) == slices.Contains(s.out, i) {
			st.t.Errorf("%s is in rotation: %v", server, st.world.InRotation(server))
		}
	}
}

func (s story) invariants(st *stage) {
	for _, sin := range st.world.Sins() {
		st.t.Error("sin:", sin)
	}
	place, last := map[string]int{}, map[string]int{}
	gates := 0
	for i, step := range slices.Collect(st.plan.Steps()) {
		place[step.ID] = i
		if step.Action.Kind() == "bake" {
			gates++
		}
	}
	ended := map[string]bool{}
	for e := range st.journal.Events() {
		if e.Plan != nil && e.Plan.Revert {
			return
		}
		at, known := place[e.Step]
		if !known {
			continue
		}
		if e.Type == canary.Ended {
			ended[e.Step] = true
			if strings.HasSuffix(e.Step, "/bake") {
				gates--
			}
			if !ended[e.Step] || e.Server != "" && last[e.Server] > at+1 && !strings.HasSuffix(e.Step, "/spare") && !strings.HasSuffix(e.Step, "/warm") {
				st.t.Errorf("%s ended after a later step", e.Step)
			}
			last[e.Server] = at + 1
		}
		if e.Type == canary.Began && strings.HasSuffix(e.Step, "/tidy") && gates > 0 {
			st.t.Errorf("%s began before %d gates passed", e.Step, gates)
		}
	}
}

func TestRandomFleetsAndWhatHappensToThem(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := draw(rt)
		if s.servers-len(s.out)-1 < s.floor {
			s.floor = max(0, s.servers-len(s.out)-1)
		}
		failed := false
		ok := t.Run("story", func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { s.play(s.set(t)) })
			failed = t.Failed()
		})
		if !ok || failed {
			rt.Fatalf("story %+v", s)
		}
	})
}
