package iis_test

import (
	"errors"
	"testing"
	"time"

	"iiscanary/iis"
)

// Many servers, or slow ones, take longer than a lease lasts.
func TestALeaseIsRenewedWhileOthersAreStillTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{servers: 2})
	w.servers["web-02"].Latency(time.Second)
	const life = 3 * time.Second
	if err := w.fleet.Acquire(t.Context(), w.fleet.Servers(), iis.Claim{Run: "run-1", Owner: "alice", Life: life}); err != nil {
		t.Fatal(err)
	}
	if l := w.servers["web-01"].Truth().Lease; !l.Until.After(l.Taken.Add(life)) {
		t.Errorf("when the last server was taken, the first lease was %+v", l)
	}
}

func isLeased(err error) bool {
	_, is := errors.AsType[*iis.LeasedError](err)
	return is
}

// What was renewed until another server refused is given back, and nothing of it is told to the next run.
func TestAFleetThatCannotBeTakenIsNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{servers: 2})
	other := w.another(t)
	if err := other.Acquire(t.Context(), []string{"web-02"}, iis.Claim{Run: "run-2", Owner: "bob", Life: time.Minute}); err != nil {
		t.Fatal(err)
	}
	claim := iis.Claim{Run: "run-1", Owner: "alice", Life: time.Second}
	for range 2 {
		if err := w.fleet.Acquire(t.Context(), w.fleet.Servers(), claim); !isLeased(err) {
			t.Fatalf("got %v", err)
		}
	}
	pause := time.NewTimer(time.Second) // enough for two renewals
	<-pause.C
	if l := w.servers["web-01"].Truth().Lease; l != nil {
		t.Errorf("web-01 is left leased to %s", l.Run)
	}
	select {
	case err := <-w.fleet.LeaseLost():
		t.Errorf("the run is told %v", err)
	default:
	}
	if err := other.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.fleet.Acquire(t.Context(), w.fleet.Servers(), claim); err != nil {
		t.Error(err)
	}
}
