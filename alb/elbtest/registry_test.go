package elbtest_test

import (
	"io"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

func TestARegisteredTargetBecomesHealthyAndServes(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	allHealthy(t, b)
	if status, body, _ := get(t, browser(t), b.FrontURL()+"/"); status != 200 || body != "ok" {
		t.Fatalf("answered %d %q", status, body)
	}
	list := clientOf(t, b).health(b.TargetGroupARN("web-443"))
	if len(list) != 1 || list[0].State != "healthy" || list[0].Reason != "" || list[0].Text != "" ||
		list[0].Over != "no_override" || list[0].Check == "traffic-port" {
		t.Fatalf("listed %+v", list)
	}
}

func TestDeregisteringAnotherPortChangesNothing(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	allHealthy(t, b)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	c.deregister(arn, "i-01", 0)
	c.deregister(arn, "i-99", 1)
	if got := state(b, "web-443", "i-01"); got != "healthy" {
		t.Errorf("the target is %s", got)
	}
	for _, m := range b.Mutations() {
		if m.Effect {
			t.Errorf("%+v had an effect", m)
		}
	}
}

func TestDrainingIsAClockEvenForAnIdleTarget(t *testing.T) {
	b, _ := fleet(t, nil, ok, ok)
	allHealthy(t, b)
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	began := time.Now()
	c.deregister(arn, "i-01", port)
	listed := c.health(arn)
	at := slices.IndexFunc(listed, func(e entry) bool { return e.ID == "i-01" })
	if at < 0 || listed[at].State != "draining" || listed[at].Reason != "Target.DeregistrationInProgress" {
		t.Fatalf("right after: %+v", listed)
	}
	until(t, "the end of the drain", func() bool { return len(c.health(arn)) == 1 })
	if took := time.Since(began); took < 250*time.Millisecond {
		t.Errorf("draining took %v, the delay is 250ms", took)
	}
	asked := c.health(arn, targetPairs(arn, "i-01", port)[2:]...)
	if len(asked) != 1 || asked[0].State != "unused" || asked[0].Reason != "Target.NotRegistered" {
		t.Errorf("asked by name: %+v", asked)
	}
}

func TestAnInstanceReturnsWhileItDrains(t *testing.T) {
	b, _ := fleet(t, nil, ok, ok)
	allHealthy(t, b)
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	c.deregister(arn, "i-01", port)
	c.register(arn, "i-01", port)
	allHealthy(t, b)
	// The drain that was under way must not take it out after all.
	for end := time.Now().Add(400 * time.Millisecond); time.Now().Before(end); {
		if got := state(b, "web-443", "i-01"); got != "healthy" {
			t.Fatalf("it is %s", got)
		}
		<-time.After(10 * time.Millisecond)
	}
}

func TestAnIPTargetCannotReturnWhileItDrains(t *testing.T) {
	for _, ignore := range []bool{false, true} {
		host, port, _ := site(t, ok)
		group := quick(elbtest.Target{ID: host, Port: port})
		group.Type = "ip"
		b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, IgnoreEarlyReturn: ignore})
		allHealthy(t, b)
		c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
		c.deregister(arn, host, port)
		answer := c.call("RegisterTargets", targetPairs(arn, host, port)...)
		if want := map[bool]string{false: "InvalidTarget", true: ""}[ignore]; answer.code(t) != want {
			t.Errorf("ignore %v: answered %d %s", ignore, answer.status, answer.body)
		}
		if got := state(b, "web-443", host); got != "draining Target.DeregistrationInProgress" {
			t.Errorf("ignore %v: it is %s", ignore, got)
		}
		until(t, "the end of the drain", func() bool { return state(b, "web-443", host) == "gone" })
		c.register(arn, host, port)
		allHealthy(t, b)
	}
}

func TestAStoppedInstanceCannotBeRegisteredAndIsUnused(t *testing.T) {
	b, _ := fleet(t, nil, ok, ok)
	allHealthy(t, b)
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	if !b.SetInstanceState("i-01", "stopped") || b.SetInstanceState("i-99", "stopped") || b.SetInstanceState("i-01", "odd") {
		t.Fatal("SetInstanceState must know the instance and the state")
	}
	if got := state(b, "web-443", "i-01"); got != "unused Target.InvalidState" {
		t.Errorf("it is %s", got)
	}
	if got := c.call("RegisterTargets", targetPairs(arn, "i-01", port)...); got.code(t) != "InvalidTarget" {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestATerminatedInstanceLeavesTheListButIsStillDraining(t *testing.T) {
	b, _ := fleet(t, nil, ok, ok)
	allHealthy(t, b)
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	b.SetInstanceState("i-01", "terminated")
	if listed := c.health(arn); len(listed) != 1 || listed[0].ID != "i-02" {
		t.Errorf("listed %+v", listed)
	}
	if asked := c.health(arn, targetPairs(arn, "i-01", port)[2:]...); asked[0].State != "draining" {
		t.Errorf("asked by name: %+v", asked)
	}
}

func TestReadersAndTheDataPlaneSeeARegistrationLate(t *testing.T) {
	b, _ := fleet(t, func(c *elbtest.Config) {
		c.Propagation = 600 * time.Millisecond
		c.Groups[0].Targets = c.Groups[0].Targets[:1]
	}, ok, ok)
	allHealthy(t, b)
	_, port, _ := site(t, ok)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	var seen []string
	c.register(arn, "i-02", port)
	until(t, "i-02 healthy", func() bool {
		e := c.health(arn, targetPairs(arn, "i-02", port)[2:]...)[0]
		if now := e.State + " " + e.Reason; len(seen) == 0 || seen[len(seen)-1] != now {
			seen = append(seen, now)
		}
		return e.State == "healthy"
	})
	want := []string{"unused Target.NotRegistered", "initial Elb.RegistrationInProgress", "initial Elb.InitialHealthChecking",
		"healthy "}
	// Checking may begin and end between two readings; nothing else may be missing or out of order.
	if !slices.Equal(seen, want) && !slices.Equal(seen, slices.Concat(want[:2], want[3:])) {
		t.Errorf("saw %q", seen)
	}
}

func TestTheDataPlaneStillSendsForAWhileAfterDeregistering(t *testing.T) {
	var late atomic.Int64
	b, _ := fleet(t, func(c *elbtest.Config) {
		c.Propagation, c.Nodes, c.Groups[0].Delay = 400*time.Millisecond, 1, 500*time.Millisecond
	}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/user" {
			late.Add(1)
		}
	}, ok)
	allHealthy(t, b)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	c.deregister(arn, "i-01", portOf(b, "web-443", "i-01"))
	ask := browser(t)
	for range 4 {
		get(t, ask, b.FrontURL()+"/user")
	}
	if late.Load() == 0 {
		t.Error("no request arrived although the data plane lags")
	}
	until(t, "the end of the drain", func() bool { return state(b, "web-443", "i-01") == "gone" })
	late.Store(0)
	for range 8 {
		get(t, ask, b.FrontURL()+"/user")
	}
	if n := late.Load(); n != 0 {
		t.Errorf("%d requests arrived after the lag", n)
	}
}

func TestTheEndOfTheDrainCutsRequestsInFlight(t *testing.T) {
	arrived := make(chan struct{}, 1)
	b, _ := fleet(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/long" {
			return
		}
		arrived <- struct{}{}
		<-r.Context().Done()
	})
	allHealthy(t, b)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	answers := make(chan int, 1)
	ask := browser(t)
	go func() {
		answer, err := ask.Get(b.FrontURL() + "/long")
		if err != nil {
			answers <- -1
			return
		}
		answer.Body.Close()
		answers <- answer.StatusCode
	}()
	<-arrived
	began := time.Now()
	c.deregister(arn, "i-01", portOf(b, "web-443", "i-01"))
	if status := <-answers; status != http.StatusBadGateway {
		t.Errorf("answered %d", status)
	}
	if took := time.Since(began); took < 200*time.Millisecond {
		t.Errorf("cut after %v, the delay is 250ms", took)
	}
}

func TestARequestInFlightMayFinishWhileItsTargetDrains(t *testing.T) {
	arrived, finish := make(chan struct{}, 1), make(chan struct{})
	b, _ := fleet(t, func(c *elbtest.Config) { c.Groups[0].Delay = 5 * time.Second },
		func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/long" {
				arrived <- struct{}{}
				<-finish
				io.WriteString(w, "done")
			}
		})
	allHealthy(t, b)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	bodies := make(chan string, 1)
	ask := browser(t)
	go func() {
		answer, err := ask.Get(b.FrontURL() + "/long")
		if err != nil {
			bodies <- err.Error()
			return
		}
		body, _ := io.ReadAll(answer.Body)
		answer.Body.Close()
		bodies <- string(body)
	}()
	<-arrived
	c.deregister(arn, "i-01", portOf(b, "web-443", "i-01"))
	if n := b.Truth().Groups["web-443"].Targets[0].InFlight; n != 1 {
		t.Errorf("%d in flight", n)
	}
	close(finish)
	if body := <-bodies; body != "done" {
		t.Errorf("the customer got %q", body)
	}
}

func TestAGroupThatNoRuleNamesStaysUnused(t *testing.T) {
	host, port, _ := site(t, ok)
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type = "ip"
	idle := group
	idle.Name, idle.NotInUse = "idle", true
	b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group, idle}})
	until(t, "the other group healthy", func() bool { return b.Truth().Groups["web-443"].Healthy == 1 })
	if got := state(b, "idle", host); got != "unused Target.NotInUse" {
		t.Errorf("it is %s", got)
	}
}
