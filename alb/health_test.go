package alb

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

func TestHealthAnswersInTheOrderOfTheTargets(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", byGroup(map[string]answer{
		web: lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Draining, "Target.DeregistrationInProgress"),
			in(web, "i-3", 443, "warming-up", "Elb.NewReason")),
		api: lists(in(api, "i-1", 8443, canary.Unhealthy, "Target.Timeout")),
	}))
	asked := []canary.Target{{Group: api, ID: "i-1", Port: 8443}, at("i-9", 443), at("i-3", 443), at("i-1", 443), at("i-2", 443), at("i-1", 8443)}
	got, err := s.client().Health(t.Context(), asked)
	if err != nil {
		t.Fatal(err)
	}
	var states []canary.HealthState
	for i, h := range got {
		if h.Target != asked[i] {
			t.Errorf("answer %d is about %v, want %v", i, h.Target, asked[i])
		}
		states = append(states, h.State)
	}
	want := []canary.HealthState{canary.Unhealthy, canary.Unused, "warming-up", canary.Healthy, canary.Draining, canary.Unused}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Error(diff)
	}
	if got[1].Reason != notRegistered || got[0].Reason != "Target.Timeout" {
		t.Errorf("reasons: %q and %q", got[1].Reason, got[0].Reason)
	}
	if sent := s.sent("DescribeTargetHealth")[0]; len(sent) != 1 {
		t.Errorf("the whole group is not asked for in one call: %v", sent)
	}
}

// A registration in another zone than the recorded one may take requests all the same.
func TestHealthNeverOverlooksARegistrationInAnotherZone(t *testing.T) {
	t.Parallel()
	s := newService(t)
	elsewhere := in(web, "10.0.0.1", 443, canary.Healthy)
	elsewhere.Zone = "all"
	s.on("DescribeTargetHealth", lists(in(web, "10.0.0.1", 443, canary.Draining), elsewhere))
	got, err := s.client().Health(t.Context(), []canary.Target{{Group: web, ID: "10.0.0.1", Port: 443, Zone: "eu-west-1a"}})
	if err != nil || got[0].State != canary.Healthy || got[0].Zone != "eu-west-1a" {
		t.Fatalf("Health = %v, %v", got, err)
	}
}

func TestOneReadingServesAllCallersOfAPoll(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy)))
	c := s.client(func(o *Options) { o.Poll = time.Minute })
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := s.count("DescribeTargetHealth"); n != 1 {
		t.Errorf("%d calls for one poll, want 1", n)
	}
}

func TestAReadingAges(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Initial)), lists(in(web, "i-1", 443, canary.Healthy)))
	c := s.client(func(o *Options) { o.Poll = 20 * time.Millisecond })
	for began := time.Now(); ; time.Sleep(time.Millisecond) {
		got, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
		if err != nil {
			t.Fatal(err)
		}
		if got[0].State == canary.Healthy {
			break
		}
		if time.Since(began) > 5*time.Second {
			t.Fatal("the first reading is still given out")
		}
	}
}

func TestAReadingIsNeverOlderThanTheLastWrite(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Unused, notRegistered)), lists(in(web, "i-1", 443, canary.Initial)))
	c := s.client(func(o *Options) { o.Poll = time.Hour })
	if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Register(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
	if err != nil || got[0].State != canary.Initial {
		t.Fatalf("Health after Register = %v, %v", got, err)
	}
}

// A reading that began before a write was over may show the group as it was.
func TestAReadingDuringAWriteIsNotGivenOutAfterIt(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(), lists(in(web, "i-1", 443, canary.Initial)))
	c := s.client(func(o *Options) { o.Poll = time.Hour })
	s.on("RegisterTargets", func(w http.ResponseWriter, form url.Values) {
		if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
			t.Error(err)
		}
		ok("RegisterTargets", "")(w, form)
	})
	if err := c.group(web).register(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
	got, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
	if err != nil || got[0].State != canary.Initial {
		t.Fatalf("Health after the write = %v, %v", got, err)
	}
}

func TestAFailedReadingIsNotRemembered(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", failure(403, "AccessDenied", "no"), lists(in(web, "i-1", 443, canary.Healthy)))
	c := s.client(func(o *Options) { o.Poll = time.Hour })
	if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err == nil {
		t.Fatal("the first reading did not fail")
	}
	if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatalf("the second reading: %v", err)
	}
}

// Those who waited for a reading that failed are told so at once, instead of one after the other trying in vain.
func TestAFailedReadingIsSharedByThoseWhoWaited(t *testing.T) {
	t.Parallel()
	s := newService(t)
	asked, answer := make(chan struct{}), make(chan struct{})
	s.on("DescribeTargetHealth", func(w http.ResponseWriter, form url.Values) {
		close(asked)
		<-answer
		failure(403, "AccessDenied", "no")(w, form)
	})
	c := s.client()
	g := c.group(web)
	var all sync.WaitGroup
	all.Go(func() { wantDenied(t, c) })
	<-asked
	for range 10 {
		all.Go(func() {
			if _, err := g.health.get(t.Context(), time.Time{}); err == nil {
				t.Error("a waiting caller got a reading")
			}
		})
	}
	time.Sleep(50 * time.Millisecond) // until all of them wait
	close(answer)
	all.Wait()
	if n := s.count("DescribeTargetHealth"); n != 1 {
		t.Errorf("%d calls, want 1", n)
	}
}

func wantDenied(t *testing.T, c *Client) {
	t.Helper()
	_, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
	if _, is := errors.AsType[*AccessError](err); !is {
		t.Errorf("Health: %v", err)
	}
}

func TestACallerThatLeavesDoesNotSpoilTheReadingForOthers(t *testing.T) {
	t.Parallel()
	s := newService(t)
	asked := make(chan struct{})
	s.on("DescribeTargetHealth", func(http.ResponseWriter, url.Values) {
		close(asked)
		time.Sleep(50 * time.Millisecond)
	}, lists(in(web, "i-1", 443, canary.Healthy)))
	c := s.client()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, err := c.Health(ctx, []canary.Target{at("i-1", 443)}); !errors.Is(err, context.Canceled) {
			t.Errorf("the caller that left: %v", err)
		}
	})
	<-asked
	all.Go(func() {
		if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
			t.Errorf("the caller that stayed: %v", err)
		}
	})
	cancel()
	all.Wait()
}

func TestHealthRefusesAnIncompleteTarget(t *testing.T) {
	t.Parallel()
	for _, bad := range []canary.Target{{ID: "i-1", Port: 443}, {Group: web, Port: 443}, {Group: web, ID: "i-1"}, {Group: web, ID: "i-1", Port: 70000}} {
		if _, err := newService(t).client().Health(t.Context(), []canary.Target{bad}); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
}
