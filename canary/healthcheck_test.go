package canary_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// checked is a fleet whose first server answers the balancer's health check in its own way.
type checked struct {
	*canarytest.World
	answer func(canary.Probe) ([]canary.Answered, error)
	asked  []canary.Probe
}

func (c *checked) Probe(ctx ctx, server string, p canary.Probe) ([]canary.Answered, error) {
	if !p.Balancer || server != "web-01" {
		return c.World.Probe(ctx, server, p)
	}
	c.asked = append(c.asked, p)
	return c.answer(p)
}

// rollChecked runs a plan for groups with a health check of HTTP; it changes nothing else.
func rollChecked(t *testing.T, answer func(canary.Probe) ([]canary.Answered, error), then func(*stage, *checked, error)) {
	bubble(t, func(st *stage) {
		inv := st.world.Inventory()
		for i := range inv.Groups {
			inv.Groups[i].CheckHTTP, inv.Groups[i].CheckPath, inv.Groups[i].CheckMatcher = true, "/health", "200-204,301"
		}
		plan, err := canary.NewPlan(wanted(2), inv)
		st.must(err)
		st.plan = plan
		c := &checked{World: st.world, answer: answer}
		r := st.runner()
		r.World = c
		then(st, c, r.Run(st.t.Context(), plan))
	})
}

func status(code int) func(canary.Probe) ([]canary.Answered, error) {
	return func(canary.Probe) ([]canary.Answered, error) {
		return []canary.Answered{{Status: code, Err: "no site's binding fits"}}, nil
	}
}

// A site's rules may let the balancer in and nobody else: the balancer decides.
func TestAServerThatAnswersItselfOtherwiseIsRegisteredAllTheSame(t *testing.T) {
	rollChecked(t, status(303), func(st *stage, c *checked, err error) {
		st.must(err)
		st.all(newSlot)
		if p := c.asked[0]; len(c.asked) != 3 || p.Host != "" || p.Path != "/health" || p.Port != 443 || p.Slot != newSlot || p.First == 0 {
			t.Errorf("asked %d times, first %+v", len(c.asked), p)
		}
	})
}

func TestWhatAServerAnsweredItselfIsSaidWhenItDoesNotBecomeHealthy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st, r := web01(t, 0)
		c := &checked{World: st.world, answer: status(404)}
		st.world.Alter("web-01", oldSlot, func(s *canary.Slot) { s.Site = canary.Stopped })
		check := canary.HealthCheck{Port: 443, Path: "/health", Matcher: "200-204,301", Timeout: 5 * time.Second}
		a := canary.Admit{Server: "web-01", Rotation: r, Slot: newSlot, Checks: []canary.HealthCheck{check}}
		began := time.Now()
		err := a.Do(t.Context(), c)
		sick, is := errors.AsType[*canary.NotHealthyError](err)
		if !is || sick.Alone == nil || sick.Alone.Status != 404 || time.Since(began) > a.Budget() {
			t.Fatalf("after %s it fails with %v", time.Since(began), err)
		}
		for _, want := range []string{"web-01 gives status 404 (no site's binding fits), not 200-204,301", "curl -k https://<private ip of web-01>:443/health", "i-0001 in web-1"} {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("nobody says %q: %v", want, err)
			}
		}
	})
}

func TestTheWayBackIsNotChecked(t *testing.T) {
	rollChecked(t, status(404), func(st *stage, c *checked, err error) {
		st.must(err)
		asked := len(c.asked)
		st.must(st.revert())
		st.all(oldSlot)
		if len(c.asked) != asked {
			t.Error("the way back was checked")
		}
	})
}

func TestAServerThatBecomesWellIsAskedNoMore(t *testing.T) {
	n := 0
	rollChecked(t, func(canary.Probe) ([]canary.Answered, error) {
		if n++; n < 2 {
			return []canary.Answered{{Status: 503}}, nil
		}
		return []canary.Answered{{Status: 204}}, nil
	}, func(st *stage, c *checked, err error) {
		st.must(err)
		st.all(newSlot)
		if n != 2 {
			t.Errorf("asked %d times", n)
		}
	})
}

// The balancer's own health checks are the truth: what nobody can say here does not keep a server out.
func TestAHealthCheckThatCannotBeSimulatedIsLeftToTheBalancer(t *testing.T) {
	rollChecked(t, func(canary.Probe) ([]canary.Answered, error) {
		return nil, errors.New("app-2 has no binding on port 443")
	},
		func(st *stage, _ *checked, err error) {
			st.must(err)
			st.all(newSlot)
		})
}

func TestEachHealthCheckIsAskedOnceAndOnlyOfHTTP(t *testing.T) {
	inv := canarytest.New(fleetOf(2, 1)).Inventory()
	inv.Groups[0].CheckHTTP, inv.Groups[0].CheckPath, inv.Groups[0].Timeout = true, "/health", 5*time.Second
	inv.Groups[1].CheckPath = "/tcp"
	plan, err := canary.NewPlan(wanted(1), inv)
	if err != nil {
		t.Fatal(err)
	}
	checks := 0
	for s := range plan.Steps() {
		if a, is := s.Action.(canary.Admit); is {
			checks++
			if want := []canary.HealthCheck{{Port: 443, Path: "/health", Timeout: 5 * time.Second}}; !slices.Equal(a.Checks, want) {
				t.Errorf("%s: %+v", s.ID, a.Checks)
			}
		}
	}
	if checks != 2 {
		t.Errorf("%d servers are admitted", checks)
	}
}

func TestTheMatcherOfATargetGroupIsReadAsTheBalancerReadsIt(t *testing.T) {
	for _, c := range []struct {
		matcher string
		status  int
		well    bool
	}{
		{"", 200, true}, {"", 204, false}, {"200", 200, true}, {"200", 0, false}, {"200,301", 301, true}, {"200, 301", 301, true}, {"200-299", 250, true},
		{"200-299", 300, false}, {"200-204,401", 401, true}, {"something new", 500, true},
	} {
		t.Run(fmt.Sprintf("%s and %d", c.matcher, c.status), func(t *testing.T) {
			if got := (canary.HealthCheck{Matcher: c.matcher}).Matches(c.status); got != c.well {
				t.Errorf("well: %v", got)
			}
		})
	}
}
