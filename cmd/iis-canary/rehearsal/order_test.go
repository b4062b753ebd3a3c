package rehearsal_test

import (
	"errors"
	"slices"
	"testing"

	"iiscanary/canary"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/cmd/iis-canary/rehearsal/traffic"
)

// order is the steps of each server as they are carried out, and what customers get from that.
type order struct {
	name    string
	fault   string
	mutate  func(canary.Lane) canary.Lane
	outcome func(error) bool
	judge   func(*testing.T, traffic.Report)
}

func TestOnlyTheRightOrderOfStepsHarmsNoCustomer(t *testing.T) {
	for _, o := range []order{
		{"the right order", "none", as, finished, nobodyHarmed},
		{"stop before drain", "none", before("stop", "drain"), finished, requestsFailed},
		{"the right order, a release that stays cold", "cold", as, refused, nobodyMetTheNew},
		{"admit before warm, a release that stays cold", "cold", before("admit", "warm"), refused, everybodyWaitedForTheNew},
	} {
		t.Run(o.name, func(t *testing.T) {
			t.Parallel()
			c := muster(t, rehearsal.Options{Servers: 3, Speed: 60, Traffic: 150, Faults: []string{o.fault}})
			c.after(t, 50)
			if err := c.roll(t, o.mutate); !o.outcome(err) {
				t.Errorf("the run ended with: %v", err)
			}
			o.judge(t, c.after(t, 100))
		})
	}
}

func nobodyHarmed(t *testing.T, seen traffic.Report) {
	unharmed(t, seen)
	if seen.BySlot[rehearsal.NewSlot].Requests == 0 {
		t.Errorf("nobody met the new release: %+v", seen.BySlot)
	}
}

func requestsFailed(t *testing.T, seen traffic.Report) {
	bad := 0
	for kind, p := range seen.Errors {
		if kind == "status 502" || kind == "status 503" {
			bad += p.Count
		}
	}
	if seen.Failed == 0 || bad == 0 {
		t.Errorf("%d of %d requests failed, %d with 502 or 503: the fleet is no judge: %+v", seen.Failed, seen.Requests, bad, seen.Errors)
	}
}

func nobodyMetTheNew(t *testing.T, seen traffic.Report) {
	unharmed(t, seen)
	if n := seen.BySlot[rehearsal.NewSlot]; n.Requests > 0 {
		t.Errorf("customers met a release that is not warm: %+v", n)
	}
}

// coldAnswer is the least that an answer of a release takes that stays cold, in milliseconds, less what a histogram is off.
const coldAnswer = 235

func everybodyWaitedForTheNew(t *testing.T, seen traffic.Report) {
	if n := seen.BySlot[rehearsal.NewSlot]; n.Requests == 0 || n.P50 < coldAnswer || seen.FirstBad.IsZero() {
		t.Errorf("no customer waited for a cold server: the fleet is no judge: %+v", seen.BySlot)
	}
}

func finished(err error) bool { return err == nil }

func refused(err error) bool {
	r, is := errors.AsType[*canary.RefusedError](err)
	return is && r.Step.Action.Kind() == "warm"
}

func as(l canary.Lane) canary.Lane { return l }

// before carries one step out before another that it should follow.
func before(early, late string) func(canary.Lane) canary.Lane {
	kind := func(k string) func(canary.Step) bool { return func(s canary.Step) bool { return s.Action.Kind() == k } }
	return func(l canary.Lane) canary.Lane {
		from, to := slices.IndexFunc(l, kind(early)), slices.IndexFunc(l, kind(late))
		step := l[from]
		return slices.Insert(slices.Delete(slices.Clone(l), from, from+1), to, step)
	}
}
