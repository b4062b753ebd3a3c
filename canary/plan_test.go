package canary_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// planned is the plan for a fleet after some change to it.
func planned(t *testing.T, n, floor int, s canary.Spec, change func(*canarytest.World)) (plan canary.Plan, err error) {
	t.Helper()
	synctest.Test(t, func(*testing.T) {
		w := canarytest.New(fleetOf(n, floor))
		if change != nil {
			change(w)
		}
		time.Sleep(time.Hour)
		plan, err = canary.NewPlan(s, w.Inventory())
	})
	return plan, err
}

func ids(l canary.Lane) []string {
	var out []string
	for _, s := range l {
		out = append(out, s.ID)
	}
	return out
}

// shape is the servers of each wave of lanes that take something out, in order.
func shape(p canary.Plan) [][]string {
	var out [][]string
	for _, w := range p.Waves {
		if w.Name == "stage" || w.Final {
			continue
		}
		var servers []string
		for _, l := range w.Lanes {
			servers = append(servers, l[0].Server)
		}
		out = append(out, servers)
	}
	return out
}

func TestTheLaneIsInTheOrderOfTheDesign(t *testing.T) {
	p, err := planned(t, 3, 2, wanted(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"spare", "drain", "stop", "start", "warm", "own", "admit"}
	for i, step := range p.Waves[1].Lanes[0] {
		if step.Action.Kind() != want[i] || step.ID != "wave1/web-01/"+want[i] {
			t.Errorf("step %d is %s", i, step.ID)
		}
	}
	if p.Waves[0].Name != "stage" || len(p.Waves[0].Lanes) != 3 || p.Waves[0].Parallel != 8 {
		t.Errorf("the first wave is %s with %d lanes", p.Waves[0].Name, len(p.Waves[0].Lanes))
	}
	if last := p.Waves[len(p.Waves)-1]; !last.Final || last.Name != "tidy" {
		t.Errorf("the last wave is %s", last.Name)
	}
	gate := p.Waves[2].Gate[0].Action.(canary.Bake)
	if diff := cmp.Diff([]string{"web-01", "web-02"}, gate.On); diff != "" {
		t.Error("the second gate judges:", diff)
	}
	if !slices.Equal(p.Old, []string{oldSlot}) || p.Floor != 2 {
		t.Errorf("old %v, floor %d", p.Old, p.Floor)
	}
}

func TestWavesAreCumulativeAndTheDefaultIsEachServerAlone(t *testing.T) {
	s := wanted(2)
	p, err := planned(t, 4, 2, s, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"web-01"}, {"web-02"}, {"web-03"}, {"web-04"}}, shape(p)); diff != "" {
		t.Error(diff)
	}
	s.Waves, s.Parallel, s.Order = []canary.Size{{Count: 1}, {Percent: 50}}, 9, []string{"web-03"}
	if p, err = planned(t, 4, 2, s, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"web-03"}, {"web-01"}, {"web-02", "web-04"}}, shape(p)); diff != "" {
		t.Error(diff)
	}
	if got := p.Waves[3].Parallel; got != 2 {
		t.Errorf("%d at a time, of 4 of which 2 must stay", got)
	}
	for _, w := range p.Waves[1:4] {
		if len(w.Gate) != 1 {
			t.Errorf("%s has %d gates", w.Name, len(w.Gate))
		}
	}
}

func TestWhatRunsTheNewSlotAlreadyGetsNoLane(t *testing.T) {
	finished := func(w *canarytest.World, server string) {
		w.Alter(server, oldSlot, func(s *canary.Slot) {
			s.Site, s.Pool, s.Workers, s.SiteBoot, s.PoolBoot = canary.Stopped, canary.Stopped, nil, false, false
		})
		w.Alter(server, newSlot, func(s *canary.Slot) {
			s.Site, s.Pool, s.Workers, s.SiteBoot, s.PoolBoot = canary.Started, canary.Started, []int{9}, true, true
			s.Digest = "digest of new"
		})
	}
	p, err := planned(t, 3, 2, wanted(2), func(w *canarytest.World) { finished(w, "web-02") })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"web-01"}, {"web-03"}}, shape(p)); diff != "" {
		t.Error(diff)
	}
	if on := p.Waves[1].Gate[0].Action.(canary.Bake).On; !slices.Equal(on, []string{"web-02", "web-01"}) {
		t.Errorf("the first gate judges %v", on)
	}
	p, err = planned(t, 2, 1, wanted(1), func(w *canarytest.World) {
		finished(w, "web-01")
		finished(w, "web-02")
	})
	if err != nil || len(p.Waves) != 0 {
		t.Errorf("with nothing to do there are %d waves, %v", len(p.Waves), err)
	}
	p, err = planned(t, 2, 1, wanted(1), func(w *canarytest.World) {
		finished(w, "web-01")
		finished(w, "web-02")
		w.Alter("web-02", newSlot, func(s *canary.Slot) { s.PoolBoot = false })
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"wave1/web-02/own"}, ids(p.Waves[0].Lanes[0])); diff != "" {
		t.Error(diff)
	}
}

func TestAServerOutOfRotationStaysOut(t *testing.T) {
	p, err := planned(t, 3, 1, wanted(1), func(w *canarytest.World) { w.TakeOut("web-01") })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([][]string{{"web-02"}, {"web-03"}, {"web-01"}}, shape(p)); diff != "" {
		t.Error(diff)
	}
	last := p.Waves[3]
	if diff := cmp.Diff([]string{"wave3/web-01/stop", "wave3/web-01/start", "wave3/web-01/warm", "wave3/web-01/own"}, ids(last.Lanes[0])); diff != "" {
		t.Error(diff)
	}
	if len(last.Gate) != 0 {
		t.Error("a server without users has a gate")
	}
}

func TestEveryProblemIsToldAtOnce(t *testing.T) {
	s := wanted(3)
	s.Order = []string{"web-99"}
	_, err := planned(t, 3, 3, s, func(w *canarytest.World) {
		w.Alter("web-01", "app-0", func(s *canary.Slot) { s.Site, s.Pool = canary.Started, canary.Started })
		w.Alter("web-02", newSlot, func(s *canary.Slot) { s.Digest = "other" })
		w.Alter("web-03", oldSlot, func(s *canary.Slot) { s.Pool = canary.Stopped })
	})
	for _, want := range []string{
		"web-99: named in the order",
		"web-01: 2 slots run: app-0, app-1",
		"web-02: app-2 exists with other files (other)",
		"web-03: app-1 is half started",
		"1 remain, and 3 must",
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("nobody says %q in: %v", want, err)
		}
	}
	if p, is := errors.AsType[*canary.Problem](err); !is || p.Remedy == "" {
		t.Errorf("the first problem is %+v", p)
	}
}

func TestAPlanSurvivesJSON(t *testing.T) {
	p, err := planned(t, 3, 2, wanted(2), nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back canary.Plan
	if err := json.Unmarshal(b, &back); err != nil {
		t.Fatal(err)
	}
	again, err := json.Marshal(back)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(b), string(again)); diff != "" {
		t.Error(diff)
	}
}

func TestTheDigestOfASurveyIsOfWhatAPlanRestsOn(t *testing.T) {
	plain, err := planned(t, 2, 1, wanted(1), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*canarytest.World)
		same   bool
	}{
		"a recycled worker": {func(w *canarytest.World) {
			w.Alter("web-01", oldSlot, func(s *canary.Slot) { s.Workers = []int{77} })
		}, true},
		"a flag":     {func(w *canarytest.World) { w.Alter("web-01", oldSlot, func(s *canary.Slot) { s.PoolBoot = false }) }, false},
		"a rotation": {func(w *canarytest.World) { w.TakeOut("web-02") }, false},
		"a slot":     {func(w *canarytest.World) { w.Alter("web-01", "app-0", func(*canary.Slot) {}) }, false},
	} {
		p, err := planned(t, 2, 0, wanted(0), c.change)
		if err != nil || (p.Seen == plain.Seen) != c.same {
			t.Errorf("after %s the digest is the same: %v (%v)", name, p.Seen == plain.Seen, err)
		}
	}
}

func TestTidyKeepsTheNewestByNumber(t *testing.T) {
	s := wanted(1)
	s.Keep = 1
	p, err := planned(t, 2, 1, s, func(w *canarytest.World) {
		for _, name := range []string{"app-9", "app-10", "app-0"} {
			w.Alter("web-01", name, made)
		}
		w.Alter("web-01", "app-11", func(*canary.Slot) {}) // made by hand: it takes nobody's place
	})
	if err != nil {
		t.Fatal(err)
	}
	tidy := p.Waves[len(p.Waves)-1].Lanes[0][0].Action.(canary.Tidy)
	if diff := cmp.Diff([]string{newSlot, oldSlot, "app-10"}, tidy.Keep); diff != "" {
		t.Error(diff)
	}
}

func TestTheForecastCountsWhoServes(t *testing.T) {
	var inv canary.Inventory
	synctest.Test(t, func(*testing.T) { inv = canarytest.New(fleetOf(6, 4)).Inventory() })
	s := wanted(4)
	s.Waves, s.Parallel = []canary.Size{{Count: 1}}, 2
	p, err := canary.NewPlan(s, inv)
	if err != nil {
		t.Fatal(err)
	}
	times := canary.Timings{Serving: 6, Drain: 30 * time.Second, Stop: 10 * time.Second, Start: 10 * time.Second, Warm: time.Minute, Admit: 10 * time.Second, Bake: 2 * time.Minute}
	got := canary.Forecast(p, times)
	// One server alone takes 2 minutes and bakes for 2; five servers two at a time take 6, and bake for 2.
	if got.Total != 12*time.Minute || got.Least != 4 {
		t.Errorf("total %s, least %d", got.Total, got.Least)
	}
	// All six go back two at a time: 3 x 2 minutes, with four serving, one of which dies.
	if got.Revert != 6*time.Minute || got.Worst != 3 {
		t.Errorf("revert %s, worst %d", got.Revert, got.Worst)
	}
	for i, at := range got.Points {
		if i > 0 && at.After < got.Points[i-1].After || at.Serving < 4 || at.Serving > 6 || at.What == "" {
			t.Errorf("point %d is %+v", i, at)
		}
	}
	if last := got.Points[len(got.Points)-1]; last.Serving != 6 || last.After != got.Total {
		t.Errorf("it ends with %+v", last)
	}
}

func TestTimingsComeFromTheSettings(t *testing.T) {
	var inv canary.Inventory
	synctest.Test(t, func(*testing.T) { inv = canarytest.New(fleetOf(3, 1)).Inventory() })
	s := wanted(1)
	if got := canary.TimingsFrom(inv, s); got.Drain != 35*time.Second || got.Admit != 20*time.Second || got.Serving != 3 || got.Bake != 30*time.Second {
		t.Errorf("%+v", got)
	}
	s.Drain.Policy = canary.FullDrain
	if got := canary.TimingsFrom(inv, s); got.Drain != 5*time.Minute {
		t.Errorf("a full drain takes %s", got.Drain)
	}
}
