package canary_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// ctx keeps the signatures of wrappers short.
type ctx = context.Context

const (
	oldSlot = "app-1"
	newSlot = "app-2"
)

// fleetOf is a fleet of n servers, of which floor must stay.
func fleetOf(n, floor int) canarytest.Config {
	c := canarytest.Config{
		Groups: 2, Old: oldSlot, Floor: floor, Call: 100 * time.Millisecond, Linger: 15 * time.Second, Delay: 5 * time.Minute,
		Healthy: 20 * time.Second, Power: 3 * time.Second, Cold: 25 * time.Second, Slow: 2,
	}
	for i := range n {
		c.Servers = append(c.Servers, fmt.Sprintf("web-%02d", i+1))
	}
	return c
}

// wanted is the release to roll, for a fleet of which floor must stay.
func wanted(floor int) canary.Spec {
	return canary.Spec{
		Run: "run-1", App: "app", Digest: "config", MinHealthy: canary.Size{Count: floor}, Keep: 1,
		New:   canary.Release{Slot: newSlot, Version: newSlot, Digest: "digest of new", Files: 10, Bytes: 1 << 20},
		Drain: canary.DrainSpec{Policy: canary.ObservedDrain, Settle: 20 * time.Second, Poll: 5 * time.Second},
		Warm: canary.WarmSpec{Path: "/warm", First: 3 * time.Minute, Requests: 6, Under: 100 * time.Millisecond, Status: 200,
			Header: "X-Version", Tries: 3},
		Admit: canary.AdmitSpec{Poll: 5 * time.Second, Grace: 30 * time.Second},
		Bake:  canary.BakeSpec{For: 30 * time.Second, AtMost: 5 * time.Minute, Poll: 15 * time.Second, OnUnsure: "hold"},
	}
}

// stage is one fleet, its plan, its journal and the life of the process.
type stage struct {
	t       *testing.T
	world   *canarytest.World
	journal *canarytest.Journal
	life    *canarytest.Life
	plan    canary.Plan
	stop    chan struct{}
	watch   func(canary.Event)
}

func newStage(t *testing.T, c canarytest.Config, s canary.Spec) *stage {
	t.Helper()
	life := &canarytest.Life{}
	st := &stage{t: t, world: canarytest.New(c), life: life, journal: &canarytest.Journal{Life: life}, stop: make(chan struct{})}
	st.world.Life = life
	st.replan(s)
	return st
}

func (st *stage) replan(s canary.Spec) {
	st.t.Helper()
	plan, err := canary.NewPlan(s, st.world.Inventory())
	if err != nil {
		st.t.Fatal(err)
	}
	st.plan = plan
}

func (st *stage) runner() *canary.Runner {
	return &canary.Runner{World: st.world, Journal: st.journal, Stop: st.stop, Tool: "test", Watch: st.watch}
}

func (st *stage) run() error { return st.runner().Run(st.t.Context(), st.plan) }

func (st *stage) runUnder(ctx context.Context) error { return st.runner().Run(ctx, st.plan) }

func (st *stage) back() canary.Plan {
	return canary.Revert(st.plan, canary.Fold(st.plan, st.journal.Events()))
}

func (st *stage) revert() error { return st.runner().Run(st.t.Context(), st.back()) }

// must fails the test where err is not nil.
func (st *stage) must(err error) {
	st.t.Helper()
	if err != nil {
		st.t.Fatal(err)
	}
}

// all demands that every server serves this slot alone, warm and booting, and that no sin was done.
func (st *stage) all(slot string) {
	st.t.Helper()
	for _, what := range st.world.Wrong(slot) {
		st.t.Error(what)
	}
	st.blameless()
}

func (st *stage) blameless() {
	st.t.Helper()
	for _, sin := range st.world.Sins() {
		st.t.Error("sin:", sin)
	}
	if st.world.Fewest() < st.world.Floor {
		st.t.Errorf("%d served at a time, the floor is %d", st.world.Fewest(), st.world.Floor)
	}
}

// told is the events of one type, by step.
func (st *stage) told(kind canary.EventType) []string {
	var out []string
	for e := range st.journal.Events() {
		if e.Type == kind {
			out = append(out, e.Step)
		}
	}
	return out
}

// died fails the test where a run ends neither well nor by the death of the process.
func died(t *testing.T, err error) {
	t.Helper()
	if err != nil && !errors.Is(err, canarytest.ErrDied) {
		t.Fatal(err)
	}
}
