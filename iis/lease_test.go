package iis_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

func TestTwoRunsNeverHoldTheFleetAtOnce(t *testing.T) {
	w := newWorld(t, setup{servers: 3})
	other := w.another(t)
	if err := w.fleet.Acquire(t.Context(), []string{"web-02"}, iis.Claim{Run: "run-1", Owner: "alice", Reason: "deploy 2", Life: time.Minute}); err != nil {
		t.Fatal(err)
	}
	err := other.Acquire(t.Context(), []string{"web-03", "web-02", "web-01"}, iis.Claim{Run: "run-2", Owner: "bob", Reason: "deploy 3", Life: time.Minute})
	var leased *iis.LeasedError
	if !errors.As(err, &leased) {
		t.Fatalf("got %v", err)
	}
	if leased.Server != "web-02" || leased.Run != "run-1" || leased.Owner != "alice" || leased.Reason != "deploy 2" || !leased.Until.After(leased.Since) {
		t.Errorf("got %+v", *leased)
	}
	for _, name := range []string{"web-01", "web-03"} {
		if l := w.servers[name].Truth().Lease; l != nil {
			t.Errorf("%s is left leased to %s", name, l.Run)
		}
	}
	if err := w.fleet.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := other.Acquire(t.Context(), other.Servers(), iis.Claim{Run: "run-2", Owner: "bob", Reason: "deploy 3", Life: time.Minute}); err != nil {
		t.Fatal(err)
	}
	l, held, err := w.fleet.ReadLease(t.Context(), "web-02")
	if err != nil || !held || l.Run != "run-2" || l.Server != "web-02" {
		t.Errorf("got %+v, %v, %v", l, held, err)
	}
}

// An interrupt comes when a server has granted the lease and nobody has heard so.
func TestALeaseThatNobodyHeardOfIsGivenBack(t *testing.T) {
	w := newWorld(t, setup{servers: 2})
	unheard := w.servers["web-02"]
	if _, _, err := w.fleet.ReadLease(t.Context(), "web-02"); err != nil { // its process is there
		t.Fatal(err)
	}
	unheard.Fail(iistest.Failure{Action: "Send", Lost: iistest.Unanswered})
	ctx, interrupt := context.WithCancel(t.Context())
	go func() {
		for unheard.Truth().Lease == nil && ctx.Err() == nil {
			time.Sleep(time.Millisecond)
		}
		unheard.Fail()
		interrupt()
	}()
	if err := w.fleet.Acquire(ctx, w.fleet.Servers(), iis.Claim{Run: "run-1", Owner: "alice", Reason: "deploy 2", Life: time.Minute}); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	for name, s := range w.servers {
		if l := s.Truth().Lease; l != nil {
			t.Errorf("%s is left leased to %s", name, l.Run)
		}
	}
}

func TestNoChangeWithoutALease(t *testing.T) {
	w := newWorld(t, setup{})
	err := w.fleet.Start(t.Context(), "web-01", new)
	if err == nil || !strings.Contains(err.Error(), "lease") {
		t.Errorf("got %v", err)
	}
	if n := w.servers["web-01"].Truth().Ops["start"]; n != 0 {
		t.Error("it was asked all the same")
	}
}

func TestARunThatLostItsLeaseChangesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.options.Timeouts.Tries = 1
	first := w.another(t)
	if err := first.Acquire(t.Context(), []string{"web-01"}, iis.Claim{Run: "run-1", Owner: "alice", Reason: "", Life: time.Second}); err != nil {
		t.Fatal(err)
	}
	w.fleet.Use(folder(t, site("2")))
	w.servers["web-01"].Unreachable(true) // for as long as the lease lasts, nobody can renew it
	expired := time.NewTimer(1200 * time.Millisecond)
	<-expired.C
	w.servers["web-01"].Unreachable(false)
	takeOver(t, w.fleet)

	var gone *iis.LeaseLostError
	select {
	case err := <-first.LeaseLost():
		if !errors.As(err, &gone) || gone.Server != "web-01" {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("nobody said that the lease was lost")
	}
	err := first.Own(t.Context(), "web-01", map[string]bool{})
	if refused := (*agent.Error)(nil); !errors.As(err, &refused) || refused.Code != agent.Fenced {
		t.Errorf("got %v, want fenced", err)
	}
}

// takeOver waits until the first run's lease has run out: its fleet may have renewed it at the last moment.
func takeOver(t *testing.T, f *iis.Fleet) {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := f.Acquire(t.Context(), []string{"web-01"}, iis.Claim{Run: "run-2", Owner: "bob", Reason: "", Life: time.Minute})
		if err == nil {
			return
		}
		if leased := (*iis.LeasedError)(nil); !errors.As(err, &leased) || time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestALeaseIsRenewedWhileTheRunLasts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	if err := w.fleet.Acquire(t.Context(), []string{"web-01"}, iis.Claim{Run: "run-1", Owner: "alice", Reason: "", Life: 3 * time.Second}); err != nil {
		t.Fatal(err)
	}
	first := w.servers["web-01"].Truth().Lease.Until
	deadline := time.Now().Add(10 * time.Second)
	for !w.servers["web-01"].Truth().Lease.Until.After(first) && time.Now().Before(deadline) {
		pause := time.NewTimer(20 * time.Millisecond)
		<-pause.C
	}
	if l := w.servers["web-01"].Truth().Lease; l.Run != "run-1" || !l.Until.After(first) {
		t.Errorf("the lease is %+v", l)
	}
	if err := w.fleet.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if l := w.servers["web-01"].Truth().Lease; l != nil && time.Now().Before(l.Until) {
		t.Errorf("released, and still %+v", l)
	}
}

func TestALeaseThatOnlyRanOutIsTakenAgain(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.stage(t, new, site("2"))
	if err := w.servers["web-01"].ExpireLease(); err != nil {
		t.Fatal(err)
	}
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	if s := w.truth(t, new); s.Site != "started" {
		t.Errorf("the slot is %+v", s)
	}
}

func TestABrokenLeaseStopsItsRunAndFreesTheServer(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	operator := w.another(t)
	l, held, err := operator.ReadLease(t.Context(), "web-01")
	if err != nil || !held {
		t.Fatal(held, err)
	}
	stale := l
	stale.Generation--
	if err := operator.Break(t.Context(), stale); err == nil {
		t.Error("a lease that has changed hands was broken")
	}
	if err := operator.Break(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	err = w.fleet.Own(t.Context(), "web-01", map[string]bool{})
	if lost := (*iis.LeaseLostError)(nil); !errors.As(err, &lost) {
		t.Errorf("got %v, want a lost lease", err)
	}
	if l := w.servers["web-01"].Truth().Lease; l != nil {
		t.Errorf("the broken run holds it again: %+v", l)
	}
}

func TestASecondProcessOfARunIsRefusedUntilItTakesOver(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	second := w.another(t)
	claim := iis.Claim{Run: "run-1", Owner: "alice, in another window", Life: time.Minute}
	err := second.Acquire(t.Context(), []string{"web-01"}, claim)
	if leased := (*iis.LeasedError)(nil); !errors.As(err, &leased) || leased.Owner != "alice" {
		t.Fatalf("got %v, want to be told of alice", err)
	}
	claim.TakeOver = true
	if err := second.Acquire(t.Context(), []string{"web-01"}, claim); err != nil {
		t.Fatal(err)
	}
	err = w.fleet.Own(t.Context(), "web-01", map[string]bool{})
	if lost := (*iis.LeaseLostError)(nil); !errors.As(err, &lost) {
		t.Errorf("the first process got %v, want a lost lease", err)
	}
	if err := second.Note(t.Context(), "web-01", "run-1", []string{"mine"}); err != nil {
		t.Errorf("the second process: %v", err)
	}
}

// takenOver is a fleet whose only server another process has taken over since.
func takenOver(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, setup{})
	w.acquire(t)
	claim := iis.Claim{Run: "run-1", Owner: "alice, in another window", Life: time.Minute, TakeOver: true}
	if err := w.another(t).Acquire(t.Context(), []string{"web-01"}, claim); err != nil {
		t.Fatal(err)
	}
	return w
}

func TestWhoeverIsRefusedSaysThatTheLeaseIsLost(t *testing.T) {
	for name, refused := range map[string]func(*world) error{
		"a change":   func(w *world) error { return w.fleet.Own(t.Context(), "web-01", map[string]bool{}) },
		"a note":     func(w *world) error { return w.fleet.Note(t.Context(), "web-01", "run-1", []string{"late"}) },
		"a question": func(w *world) error { return w.fleet.Hold(t.Context(), "web-01") },
	} {
		t.Run(name, func(t *testing.T) {
			w := takenOver(t)
			if err := refused(w); !errors.Is(err, canary.ErrTaken) {
				t.Errorf("it is answered %v", err)
			}
			select {
			case err := <-w.fleet.LeaseLost():
				if !errors.Is(err, canary.ErrTaken) {
					t.Errorf("the run is told %v", err)
				}
			default:
				t.Error("the run is told nothing")
			}
		})
	}
}

func TestALeaseHoldsUntilSomebodyElseHasIt(t *testing.T) {
	w := newWorld(t, setup{})
	if err := w.fleet.Hold(t.Context(), "web-01"); !errors.Is(err, canary.ErrUnreachable) {
		t.Errorf("before it was locked it is answered %v", err)
	}
	w.acquire(t)
	if err := w.fleet.Hold(t.Context(), "web-01"); err != nil {
		t.Error(err)
	}
	if err := w.servers["web-01"].ExpireLease(); err != nil {
		t.Fatal(err)
	}
	if err := w.fleet.Hold(t.Context(), "web-01"); err != nil {
		t.Errorf("a lease that only ran out: %v", err)
	}
	w.options.Timeouts.Tries = 1
	w.servers["web-01"].Unreachable(true)
	if err := w.fleet.Hold(t.Context(), "web-01"); err == nil || errors.Is(err, canary.ErrTaken) {
		t.Errorf("a server that cannot be reached: %v", err)
	}
	select {
	case err := <-w.fleet.LeaseLost():
		t.Errorf("the run is told %v", err)
	default:
	}
}
