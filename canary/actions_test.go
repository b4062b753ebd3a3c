package canary_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// everyAction is every step of a roll and of its revert.
func everyAction(t *testing.T) []canary.Step {
	t.Helper()
	var out []canary.Step
	synctest.Test(t, func(t *testing.T) {
		st := killFleet(t)
		st.must(st.run())
		for s := range st.plan.Steps() {
			out = append(out, s)
		}
		for s := range st.back().Steps() {
			out = append(out, s)
		}
	})
	return out
}

func TestEveryActionIsAValueThatSurvivesJSON(t *testing.T) {
	kinds := map[string]bool{}
	for _, s := range everyAction(t) {
		kinds[s.Action.Kind()] = true
		b, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var back canary.Step
		if err := json.Unmarshal(b, &back); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, back); diff != "" {
			t.Error(diff)
		}
	}
	for _, kind := range []string{"stage", "spare", "drain", "stop", "start", "warm", "own", "admit", "bake", "tidy"} {
		if !kinds[kind] {
			t.Errorf("a roll and its revert have no %s", kind)
		}
	}
}

func TestEveryActionDescribesItselfInOneLineAndIsBounded(t *testing.T) {
	for _, s := range everyAction(t) {
		words := s.Action.Describe()
		if words == "" || strings.ContainsAny(words, "\n\r") {
			t.Errorf("%s describes itself as %q", s.ID, words)
		}
		if s.Server != "" && !strings.Contains(words, s.Server) {
			t.Errorf("%q does not name %s", words, s.Server)
		}
		if b := s.Action.Budget(); b <= 0 || b > 24*time.Hour {
			t.Errorf("%s may take %s", s.ID, b)
		}
	}
}

func TestOneOtherServerIsOne(t *testing.T) {
	for floor, want := range map[int]string{0: ": 0 others stay healthy", 1: ": 1 other stays healthy", 2: ": 2 others stay healthy"} {
		if words := (canary.Spare{Server: "web-01", Floor: floor}).Describe(); !strings.HasSuffix(words, want) {
			t.Errorf("floor %d: %s", floor, words)
		}
	}
}

func TestALookChangesNothingAndDoingTwiceIsDoingOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := killFleet(t)
		for s := range st.plan.Steps() {
			c, ok := s.Action.(canary.Change)
			if !ok {
				if _, err := s.Action.(canary.Question).Ask(t.Context(), st.world); err != nil {
					t.Fatalf("%s: %v", s.ID, err)
				}
				continue
			}
			was := st.world.Remember()
			look(t, st, s, c)
			if diff := cmp.Diff(was, st.world.Remember()); diff != "" {
				t.Errorf("%s: a look changes the fleet: %s", s.ID, diff)
			}
			st.must(c.Do(t.Context(), st.world))
			once := st.world.Remember()
			if !look(t, st, s, c).Done {
				t.Errorf("%s: done, and not seen", s.ID)
			}
			st.must(c.Do(t.Context(), st.world))
			if diff := cmp.Diff(once, st.world.Remember()); diff != "" {
				t.Errorf("%s: twice is not once: %s", s.ID, diff)
			}
		}
		st.all(newSlot)
	})
}

func look(t *testing.T, st *stage, s canary.Step, c canary.Change) canary.Seen {
	t.Helper()
	seen, err := c.Look(t.Context(), st.world)
	if err != nil {
		t.Fatalf("%s: %v", s.ID, err)
	}
	return seen
}

// web01 is the only server of a small fleet, and its rotation.
func web01(t *testing.T, floor int) (*stage, canary.Rotation) {
	st := newStage(t, fleetOf(2, 0), wanted(0))
	r := canary.Rotation{Targets: st.plan.Servers[0].Targets, Floor: floor, Policy: canary.ObservedDrain, Settle: 20 * time.Second,
		Delay: 5 * time.Minute, Deadline: time.Minute, Wait: 10 * time.Minute, Poll: 5 * time.Second}
	return st, r
}

func TestADrainWaitsAsItsPolicySays(t *testing.T) {
	for policy, want := range map[string][2]time.Duration{
		canary.FullDrain:     {5 * time.Minute, 5*time.Minute + 10*time.Second},
		canary.ObservedDrain: {20 * time.Second, 40 * time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			st, r := web01(t, 1)
			r.Policy = policy
			began := time.Now()
			st.must(canary.Drain{Server: "web-01", Rotation: r, Slot: oldSlot}.Do(t.Context(), st.world))
			if took := time.Since(began); took < want[0] || took > want[1] {
				t.Errorf("%s took %s, want %s to %s", policy, took, want[0], want[1])
			}
		})
	}
}

func TestADrainThatCannotCountRequestsWaitsOutTheDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, r := web01(t, 1)
		st.world.Break(canarytest.Fault{Op: "requests", Kind: canarytest.Unreachable})
		began := time.Now()
		st.must(canary.Drain{Server: "web-01", Rotation: r, Slot: oldSlot}.Do(t.Context(), st.world))
		if took := time.Since(began); took < 5*time.Minute || took > 6*time.Minute {
			t.Errorf("it took %s", took)
		}
	})
}

func TestSpareIsUnsureAfterItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, r := web01(t, 2)
		v, err := canary.Spare{Server: "web-01", Targets: r.Targets, Floor: 2, Wait: time.Minute, Poll: time.Second}.Ask(t.Context(), st.world)
		if err != nil || v.Answer != canary.Unsure || !strings.Contains(v.Reason, "2 healthy and would have 1") {
			t.Errorf("spare answers %+v, %v", v, err)
		}
	})
}

func TestTheUndoOfADrainRegistersWhatWasRegistered(t *testing.T) {
	a, b, c := canary.Target{Group: "g1", ID: "i-1", Port: 443}, canary.Target{Group: "g2", ID: "i-1", Port: 443}, canary.Target{Group: "g3", ID: "i-1", Port: 443}
	d := canary.Drain{Server: "web-01", Rotation: canary.Rotation{Targets: []canary.Target{a, b, c}}}
	got := d.Undo(canary.State{"g1 i-1:443": "healthy", "g2 i-1:443": "unused", "g3 i-1:443": "unhealthy", "rotation": "mixed"})
	want := []canary.Action{
		canary.Admit{Server: "web-01", Rotation: canary.Rotation{Targets: []canary.Target{a}}},
		canary.Admit{Server: "web-01", Rotation: canary.Rotation{Targets: []canary.Target{c}}, Listed: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestAnAdmissionThatFailsSaysWhatTheBalancerSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, r := web01(t, 0)
		st.world.Alter("web-01", oldSlot, func(s *canary.Slot) { s.Site = canary.Stopped })
		err := canary.Admit{Server: "web-01", Rotation: r, Slot: oldSlot}.Do(t.Context(), st.world)
		sick, is := errors.AsType[*canary.NotHealthyError](err)
		if !is || len(sick.Targets) != 2 || !strings.Contains(err.Error(), "i-0001 in web-1 is unhealthy, Target.Timeout") {
			t.Errorf("it fails with %v", err)
		}
	})
}

func TestASlotIsNotStartedBesideAnother(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _ := web01(t, 0)
		st.must(st.world.Stage(t.Context(), "web-01", wanted(0).New))
		err := canary.Start{Server: "web-01", Slot: newSlot}.Do(t.Context(), st.world)
		if err == nil || !strings.Contains(err.Error(), "app-1 still runs") {
			t.Errorf("it answers %v", err)
		}
		st.blameless()
	})
}

func TestASlotIsNotStartedBesideOneOfWhichNobodyKnows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, _ := web01(t, 0)
		st.must(st.world.Stage(t.Context(), "web-01", wanted(0).New))
		st.world.Alter("web-01", oldSlot, func(s *canary.Slot) { s.Site, s.Pool, s.Workers = canary.Stopped, canary.Unknown, nil })
		err := canary.Start{Server: "web-01", Slot: newSlot}.Do(t.Context(), st.world)
		if err == nil || !strings.Contains(err.Error(), "IIS does not say whether app-1 runs (site stopped, pool unknown)") {
			t.Errorf("it answers %v", err)
		}
	})
}

// Right after a slot was created IIS may not know it yet: a way back that left it running would start two.
func TestTheUndoOfAStartStopsWhatNobodyKnowsToHaveRun(t *testing.T) {
	start := canary.Start{Server: "web-01", Slot: newSlot}
	for _, c := range []struct {
		before canary.State
		stops  bool
	}{
		{canary.State{"site": "stopped", "pool": "stopped", "workers": "0", "runs": "false"}, true},
		{canary.State{"site": "stopped", "pool": "unknown", "workers": "0", "runs": "true"}, true},
		{canary.State{"site": "unknown", "pool": "unknown", "workers": "0", "runs": "true"}, true},
		{canary.State{"site": "started", "pool": "started", "workers": "1", "runs": "true"}, false},
	} {
		if got := start.Undo(c.before); (len(got) == 1) != c.stops {
			t.Errorf("%v: %v", c.before, got)
		}
	}
}

func TestWarmNeedsASeriesThatIsFastAndRightFromOneWorker(t *testing.T) {
	ok := canary.Answered{Status: 200, Took: 20 * time.Millisecond, Version: "2", Worker: 7}
	with := func(change func(*canary.Answered)) canary.Answered { a := ok; change(&a); return a }
	slow := with(func(a *canary.Answered) { a.Took = 300 * time.Millisecond })
	for name, c := range map[string]struct {
		series  [][]canary.Answered
		patient bool
		want    canary.Answer
		reason  string
	}{
		"fast at once":                  {[][]canary.Answered{{slow, ok, ok}}, false, canary.Pass, "in series 1"},
		"fast later":                    {[][]canary.Answered{{slow, slow, ok}, {ok, ok, ok}}, false, canary.Pass, "in series 2"},
		"never fast":                    {[][]canary.Answered{{ok, slow, slow}, {ok, slow, ok}, {ok, ok, slow}}, false, canary.Fail, "1 of 2 under 100ms"},
		"never fast, as before the run": {[][]canary.Answered{{ok, slow, slow}, {ok, slow, ok}, {ok, ok, slow}}, true, canary.Pass, "as before the run"},
		"the wrong status":              {[][]canary.Answered{{ok, ok, with(func(a *canary.Answered) { a.Status = 503 })}}, true, canary.Fail, "status 503, not 200"},
		"the wrong version":             {[][]canary.Answered{{ok, with(func(a *canary.Answered) { a.Version = "1" }), ok}}, false, canary.Fail, `X-Version says "1"`},
		"another worker":                {[][]canary.Answered{{ok, ok, with(func(a *canary.Answered) { a.Worker = 8 })}}, false, canary.Fail, "the pool recycled"},
		"no worker":                     {[][]canary.Answered{{with(func(a *canary.Answered) { a.Worker = 0 }), ok, ok}}, false, canary.Fail, "no worker process"},
		"no answer":                     {[][]canary.Answered{{{Err: "refused"}}}, true, canary.Fail, "no answer: refused"},
		"too few answers":               {[][]canary.Answered{{ok, ok}}, false, canary.Fail, "2 answers to 3 requests"},
		"no answers":                    {[][]canary.Answered{{}}, false, canary.Fail, "0 answers to 3 requests"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &scripted{World: canarytest.New(fleetOf(1, 0)), series: c.series}
				a := canary.Warm{Server: "web-01", Slot: newSlot, Version: "2", Patient: c.patient, WarmSpec: wanted(0).Warm}
				a.Requests = 2
				v, err := a.Ask(t.Context(), w)
				if err != nil || v.Answer != c.want || !strings.Contains(v.Reason, c.reason) {
					t.Errorf("%+v, %v", v, err)
				}
			})
		})
	}
}

// scripted answers probes from a script; its last series is repeated.
type scripted struct {
	*canarytest.World
	series [][]canary.Answered
}

func (w *scripted) Probe(ctx, string, canary.Probe) ([]canary.Answered, error) {
	s := w.series[0]
	if len(w.series) > 1 {
		w.series = w.series[1:]
	}
	return s, nil
}

func TestABakeEndsAtOnceOnFailAndNeverEarlyOnPass(t *testing.T) {
	bake := canary.Bake{New: newSlot, On: []string{"web-01"}, For: 2 * time.Minute, AtMost: 10 * time.Minute, Poll: 5 * time.Second}
	start := time.Time{}
	for name, c := range map[string]struct {
		verdict func() (canary.Verdict, error)
		want    canary.Answer
		from    time.Duration
		to      time.Duration
	}{
		"pass": {func() (canary.Verdict, error) { return canary.Verdict{Answer: canary.Pass}, nil }, canary.Pass, 2 * time.Minute, 3 * time.Minute},
		"fail": {func() (canary.Verdict, error) { return canary.Verdict{Answer: canary.Fail}, nil }, canary.Fail, 0, time.Second},
		"fail after a minute": {func() (canary.Verdict, error) {
			if time.Since(start) < time.Minute {
				return canary.Verdict{Answer: canary.Pass}, nil
			}
			return canary.Verdict{Answer: canary.Fail}, nil
		}, canary.Fail, time.Minute, 70 * time.Second},
		"late logs": {func() (canary.Verdict, error) {
			return canary.Verdict{Answer: canary.Pass, Until: time.Now().Add(-time.Minute)}, nil
		}, canary.Pass, 3 * time.Minute, 4 * time.Minute},
		"logs that stand still": {func() (canary.Verdict, error) { return canary.Verdict{Answer: canary.Pass, Until: start}, nil }, canary.Unsure, 10 * time.Minute, 11 * time.Minute},
		"unsure for ever":       {func() (canary.Verdict, error) { return canary.Verdict{Answer: canary.Unsure}, nil }, canary.Unsure, 10 * time.Minute, 11 * time.Minute},
		"errors for ever":       {func() (canary.Verdict, error) { return canary.Verdict{}, errors.New("503") }, canary.Unsure, 10 * time.Minute, 11 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := canarytest.New(fleetOf(1, 0))
				w.Verdict = func([]string) (canary.Verdict, error) { return c.verdict() }
				start = time.Now()
				v, err := bake.Ask(t.Context(), w)
				if took := time.Since(start); err != nil || v.Answer != c.want || took < c.from || took > c.to {
					t.Errorf("after %s: %+v, %v", took, v, err)
				}
			})
		})
	}
}

func TestAJudgeThatHangsMakesTheBakeUnsure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := canarytest.New(fleetOf(1, 0))
		w.Break(canarytest.Fault{Op: "judge", Kind: canarytest.Hangs})
		v, err := canary.Bake{New: newSlot, On: []string{"web-01"}, For: time.Minute, AtMost: 2 * time.Minute, Poll: 5 * time.Second}.Ask(t.Context(), w)
		if err != nil || v.Answer != canary.Unsure {
			t.Errorf("%+v, %v", v, err)
		}
	})
}
