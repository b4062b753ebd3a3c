package rehearsal_test

import (
	"errors"
	"slices"
	"testing"

	"iiscanary/canary"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/agent"
)

func TestTheFleetIsAJudge(t *testing.T) {
	t.Parallel()
	c := muster(t, rehearsal.Options{Servers: 3, Speed: 20, Traffic: 60})
	t.Run("customers of a fleet that is left alone see no failure", c.leftAlone)
	t.Run("a server refuses to start the new release beside the old", c.besideTheOld)
	t.Run("a site that dies in rotation fails customers until its health checks fail", c.dies)
}

func (c *crew) leftAlone(t *testing.T) {
	seen := after(t, c, 60)
	unharmed(t, seen)
	if n := seen.BySlot[rehearsal.OldSlot].Requests; n != seen.Requests {
		t.Errorf("%d of %d requests were answered by the only slot: %+v", n, seen.Requests, seen.BySlot)
	}
}

func (c *crew) besideTheOld(t *testing.T) {
	plan := c.plan(t)
	err := c.roll(t, only(plan, 0, before("start", "stop")))
	if broke, is := errors.AsType[*canary.StepError](err); !is || broke.Step.Action.Kind() != "start" {
		t.Fatalf("the step did not break: %v", err)
	}
	err = c.hosts.Start(t.Context(), plan.Servers[0].Name, rehearsal.NewSlot)
	if e, is := errors.AsType[*agent.Error](err); !is || e.Code != agent.PortTaken {
		t.Errorf("the server itself did not refuse: %v", err)
	}
	for _, s := range c.Servers {
		if running := s.Truth().Running; !slices.Equal(running, []string{rehearsal.OldSlot}) {
			t.Errorf("%v run on %s", running, s.Address())
		}
	}
	unharmed(t, after(t, c, 20))
	if err := c.elb.Register(t.Context(), plan.Servers[0].Targets); err != nil {
		t.Fatal(err)
	}
	until(t, "full fleet", func() bool { return c.healthy() == len(c.Servers) })
}

func (c *crew) dies(t *testing.T) {
	before, victim := c.Customers().Failed, c.survey(t).Members[1]
	if err := c.hosts.Stop(t.Context(), victim.Name, rehearsal.OldSlot); err != nil {
		t.Fatal(err)
	}
	until(t, "failure that a customer met", func() bool { return c.Customers().Failed > before })
	until(t, "health check that failed", func() bool { return c.state(victim.Instance) == "unhealthy" })
	c.spell(t, 60)
	if others := c.healthy(); others != len(c.Servers)-1 {
		t.Errorf("%d servers serve, want the others alone", others)
	}
}

// spell waits until n customers in a row met no failure.
func (c *crew) spell(t *testing.T, n int) {
	t.Helper()
	last := c.Customers()
	until(t, "end of the failures", func() bool {
		now := c.Customers()
		if now.Failed > last.Failed {
			last = now
		}
		return now.Requests >= last.Requests+n
	})
}

// state is how the balancer really finds a server.
func (c *crew) state(instance string) string {
	for _, g := range c.Balancer.Truth().Groups {
		for _, t := range g.Targets {
			if t.ID == instance {
				return t.State
			}
		}
	}
	return "gone"
}

func (c *crew) healthy() int {
	n := 0
	for _, g := range c.Balancer.Truth().Groups {
		n += g.Healthy
	}
	return n
}
