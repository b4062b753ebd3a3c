package rehearsal_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/cmd/iis-canary/rehearsal/traffic"
)

func TestOnlyTheRightOrderOfStepsFailsNoCustomer(t *testing.T) {
	t.Parallel()
	c := muster(t, rehearsal.Options{Servers: 3, Speed: 15, Traffic: 10})
	plan := c.plan(t)
	for i, o := range []struct {
		name   string
		mutate func(canary.Lane) canary.Lane
		rate   float64
		wait   time.Duration // how long customers wait; 0: longer than any application takes to start
		kinds  []string      // of failures that customers must meet
	}{
		{"the right order", asPlanned, 60, 0, nil},
		{"admit before warm", before("admit", "warm"), 60, time.Second, []string{"timeout"}},
		{"stop before drain", before("stop", "drain"), 200, 0, []string{"status 502", "status 503"}},
	} {
		t.Run(o.name, func(t *testing.T) {
			customers := c.more(t, o.rate, o.wait)
			after(t, customers, 20)
			if err := c.roll(t, only(plan, i, o.mutate)); err != nil {
				t.Error(err)
			}
			seen := after(t, customers, 40)
			if len(o.kinds) == 0 {
				unharmed(t, seen)
				unharmed(t, c.Customers())
				if seen.BySlot[rehearsal.NewSlot].Requests == 0 {
					t.Errorf("nobody met the new release: %+v", seen.BySlot)
				}
			} else if n := count(seen, o.kinds); n == 0 {
				t.Errorf("nobody met %v, so the fleet is no judge of this order: %d of %d failed, %+v", o.kinds, seen.Failed, seen.Requests, seen.Errors)
			}
		})
	}
}

// count is how many customers met one of these failures.
func count(seen traffic.Report, kinds []string) int {
	n := 0
	for _, k := range kinds {
		n += seen.Errors[k].Count
	}
	return n
}

func TestAReleaseThatStaysColdMeetsCustomersOnlyInTheWrongOrder(t *testing.T) {
	t.Parallel()
	c := muster(t, rehearsal.Options{Servers: 3, Speed: 30, Traffic: 60, Faults: []string{"cold"}})
	c.spec.Warmup.Tries, c.spec.Warmup.Under = 1, 200*time.Millisecond
	c.spec.Rollout.MinHealthy.Count, c.spec.Rollout.MinHealthy.Percent = 1, 0 // each run leaves a server out
	plan := c.plan(t)
	for i, o := range []struct {
		name   string
		mutate func(canary.Lane) canary.Lane
		met    bool
	}{
		{"the right order", asPlanned, false},
		{"admit before warm", before("admit", "warm"), true},
	} {
		t.Run(o.name, func(t *testing.T) {
			err := c.roll(t, only(plan, i, o.mutate))
			if r, is := errors.AsType[*canary.RefusedError](err); !is || r.Step.Action.Kind() != "warm" {
				t.Errorf("the warm-up did not refuse the release: %v", err)
			}
			seen := after(t, c, 40)
			unharmed(t, seen)
			if n := seen.BySlot[rehearsal.NewSlot]; n.Requests > 0 != o.met {
				t.Errorf("customers met it: %+v", n)
			}
		})
	}
}

func asPlanned(l canary.Lane) canary.Lane { return l }

// before carries one step out before another that it should follow, and ends there.
func before(early, late string) func(canary.Lane) canary.Lane {
	kind := func(k string) func(canary.Step) bool { return func(s canary.Step) bool { return s.Action.Kind() == k } }
	return func(l canary.Lane) canary.Lane {
		from, to := slices.IndexFunc(l, kind(early)), slices.IndexFunc(l, kind(late))
		out := slices.DeleteFunc(slices.Clone(l[:to]), kind(early))
		return append(out, l[from], l[to])
	}
}

// only is the part of a plan that rolls the i-th server, with its steps changed.
func only(p canary.Plan, i int, mutate func(canary.Lane) canary.Lane) canary.Plan {
	first := slices.IndexFunc(p.Waves, func(w canary.Wave) bool { return len(w.Gate) > 0 })
	w := p.Waves[first+i]
	w.Lanes = []canary.Lane{mutate(w.Lanes[0])}
	p.Waves = append(slices.Clone(p.Waves[:first]), w)
	return p
}
