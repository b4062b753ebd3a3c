package canary_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
)

// waiting is a way back that finds two of its four servers out for good, so that no other can be spared.
func waiting(st *stage) (back canary.Plan, told *[]canary.Waiting, r *canary.Runner) {
	st.must(st.run())
	for _, name := range []string{"web-03", "web-04"} {
		st.world.TakeOut(name)
	}
	told, r = &[]canary.Waiting{}, st.runner()
	r.Waits = func(w canary.Waiting) { *told = append(*told, w) }
	back = st.back()
	back.Waves[0].Lanes = slices.DeleteFunc(back.Waves[0].Lanes, func(l canary.Lane) bool { return l[0].Server == "web-03" || l[0].Server == "web-04" })
	return back, told, r
}

func TestAWayBackSaysWhatItWaitsForAndGivesUpOnce(t *testing.T) {
	bubble(t, func(st *stage) {
		back, told, r := waiting(st)
		wait, began := drainOf(back).Wait, time.Now()
		err := r.Run(st.t.Context(), back)
		if !is[*canary.NoSpareError](err) {
			t.Fatalf("it ends as %v", err)
		}
		if took := time.Since(began); took < wait || took > wait+time.Minute {
			t.Errorf("two servers were waited for %s, want %s", took, wait)
		}
		if len(*told) == 0 || (*told)[0].For.Need != 2 || (*told)[0].AtMost != wait {
			t.Errorf("told %+v", *told)
		}
		if began := st.told(canary.Began); slices.ContainsFunc(began, func(s string) bool { return strings.HasPrefix(s, "revert/") }) {
			t.Errorf("a step is said to have begun: %v", began)
		}
	})
}

func TestAnInterruptEndsAWaitInWhichNothingIsInHand(t *testing.T) {
	bubble(t, func(st *stage) {
		back, told, r := waiting(st)
		was, began := st.world.Remember(), time.Now()
		r.Waits = func(w canary.Waiting) {
			if *told = append(*told, w); len(*told) == 1 {
				close(st.stop)
			}
		}
		if err := r.Run(st.t.Context(), back); !errors.Is(err, canary.ErrStopped) {
			t.Fatalf("it ends as %v", err)
		}
		if took := time.Since(began); took > 10*time.Second || was != st.world.Remember() {
			t.Errorf("it took %s, the fleet was\n%s\nand is\n%s", took, was, st.world.Remember())
		}
		if hand := canary.Fold(back, st.journal.Events()).InHand; len(hand) > 0 {
			t.Errorf("in hand are %v", hand)
		}
	})
}

// A server that comes back is worth as long a wait as the first.
func TestAWaitBeginsAnewWithEachServerThatComesBack(t *testing.T) {
	bubble(t, func(st *stage) {
		st.must(st.run())
		st.world.TakeOut("web-04")
		back := st.back() // two at a time, and one can be spared
		back.Waves[0].Lanes = slices.DeleteFunc(back.Waves[0].Lanes, func(l canary.Lane) bool { return l[0].Server == "web-04" })
		for _, l := range back.Waves[0].Lanes {
			d := l[0].Action.(canary.Drain)
			d.Wait = 3 * time.Minute // two turns of another server are longer
			l[0].Action = d
		}
		st.must(st.runner().Run(st.t.Context(), back))
	})
}

// A World that says of a question that hangs only that its context is over is told as hung all the same.
func TestAQuestionAboutSpareCapacityThatHangsIsToldAsThat(t *testing.T) {
	bubble(t, func(st *stage) {
		back, _, r := waiting(st)
		r.World = deafWorld{r.World}
		err := r.Run(st.t.Context(), back)
		if !is[*canary.HungError](err) {
			t.Errorf("it ends as %v", err)
		}
	})
}

// deafWorld never says whether a server can be spared.
type deafWorld struct{ canary.World }

func (deafWorld) Spare(ctx context.Context, _ []canary.Target, _ int) error {
	<-ctx.Done()
	return ctx.Err()
}

// Whoever goes when capacity came from elsewhere, and late, needs as long as any: the others wait for it.
func TestAWaitBeginsAnewWhenAnotherServerCanGo(t *testing.T) {
	bubble(t, func(st *stage) {
		back, _, r := waiting(st)
		const wait = 3 * time.Minute // two turns of a server are longer
		for _, l := range back.Waves[0].Lanes {
			d := l[0].Action.(canary.Drain)
			d.Wait = wait
			l[0].Action = d
		}
		i := slices.IndexFunc(st.plan.Servers, func(s canary.Server) bool { return s.Name == "web-03" })
		late := time.AfterFunc(wait-30*time.Second, func() { _ = st.world.Register(st.t.Context(), st.plan.Servers[i].Targets) })
		defer late.Stop()
		st.must(r.Run(st.t.Context(), back))
		st.blameless()
	})
}

func drainOf(p canary.Plan) canary.Drain { return p.Waves[0].Lanes[0][0].Action.(canary.Drain) }
