package alb_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"iiscanary/alb"
	"iiscanary/alb/elbtest"
	"iiscanary/canary"
)

func TestAServerLeavesAndReturns(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, func(c *elbtest.Config) { c.Propagation = 100 * time.Millisecond })
	f.allHealthy("i-01", "i-02")
	if err := f.Deregister(t.Context(), f.target("i-01"), 1); err != nil {
		t.Fatal(err)
	}
	got, err := f.Health(t.Context(), f.target("i-01"))
	if err != nil || got[0].State != canary.Draining {
		t.Fatalf("right after it left: %v, %v", got, err)
	}
	if took := f.until(f.target("i-01"), canary.Unused); took < 100*time.Millisecond {
		t.Errorf("the drain is over after %s, and is a clock of 300 ms", took)
	}
	if err := f.Register(t.Context(), f.target("i-01")); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Health(t.Context(), f.target("i-01")); err != nil || !got[0].In() {
		t.Fatalf("right after it returned: %v, %v", got, err)
	}
	f.allHealthy("i-01")
	for _, m := range f.Mutations() {
		if !m.Effect {
			t.Errorf("a write without effect: %+v", m)
		}
	}
}

func TestAServerReturnsBeforeItsDrainIsOver(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, func(c *elbtest.Config) { c.Groups[0].Delay = time.Minute })
	f.allHealthy("i-01", "i-02")
	if err := f.Deregister(t.Context(), f.target("i-01"), 1); err != nil {
		t.Fatal(err)
	}
	if err := f.Register(t.Context(), f.target("i-01")); err != nil {
		t.Fatal(err)
	}
	f.allHealthy("i-01")
}

func TestAnAddressReturnsWhenItsDrainIsOver(t *testing.T) {
	t.Parallel()
	for _, ignore := range []bool{false, true} {
		f := newFleet(t, 2, func(c *elbtest.Config) {
			c.Groups[0].Type, c.IgnoreEarlyReturn = "ip", ignore
			for i := range c.Groups[0].Targets {
				c.Groups[0].Targets[i].ID = c.Instances[i].PrivateIP
			}
		}, func(o *alb.Options) { o.RegisterGrace = 400 * time.Millisecond })
		address := func(id string) []canary.Target {
			t := f.target(id)
			t[0].ID = "127.0.0.1"
			return t
		}
		f.until(address("i-01"), canary.Healthy)
		f.until(address("i-02"), canary.Healthy)
		if err := f.Deregister(t.Context(), address("i-01"), 1); err != nil {
			t.Fatal(err)
		}
		if err := f.Register(t.Context(), address("i-01")); err != nil {
			t.Fatalf("ignore %v: %v", ignore, err)
		}
		f.until(address("i-01"), canary.Healthy)
	}
}

// The load balancer answers 200 to a deregistration with another port. The client must not take that for an empty seat.
func TestAnotherPortIsNoticed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, nil)
	f.allHealthy("i-01", "i-02")
	wrong := f.target("i-01")
	wrong[0].Port++
	err := f.Deregister(t.Context(), wrong, 1)
	e, is := errors.AsType[*alb.UnrecordedError](err)
	if !is || e.Listed[0].Port != f.ports["i-01"] {
		t.Fatalf("Deregister: %v", err)
	}
	f.allHealthy("i-01")
}

func TestTheRaceForTheLastPlaceHasOneWinner(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, func(c *elbtest.Config) { c.Propagation = 200 * time.Millisecond })
	ids := []string{"i-01", "i-02", "i-03"}
	f.allHealthy(ids...)
	won := 0
	for i, err := range f.each(ids, func(id string) error { return f.Deregister(t.Context(), f.target(id), 2) }) {
		if err == nil {
			won++
		} else if _, is := errors.AsType[*canary.NoSpareError](err); !is {
			t.Errorf("%s: %v", ids[i], err)
		}
	}
	if healthy := f.Truth().Groups["web-443"].Healthy; won != 1 || healthy != 2 {
		t.Errorf("%d servers left, %d are healthy; want 1 and 2", won, healthy)
	}
}

func TestTheGroupsOwnThresholdHolds(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, func(c *elbtest.Config) { c.Groups[0].MinHealthyCount = 3 })
	f.allHealthy("i-01", "i-02", "i-03")
	err := f.Deregister(t.Context(), f.target("i-01"), 1)
	e, is := errors.AsType[*canary.NoSpareError](err)
	if !is || e.Need != 3 || e.Why != "target_group_health.unhealthy_state_routing.minimum_healthy_targets.count" {
		t.Fatalf("Deregister: %v", err)
	}
}

func TestManyCallersShareOneCallForAPoll(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, nil, func(o *alb.Options) { o.Poll = 100 * time.Millisecond })
	ctx := t.Context()
	ends := time.Now().Add(400 * time.Millisecond)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for time.Now().Before(ends) {
				if _, err := f.Health(ctx, f.target("i-01")); err != nil {
					t.Error(err)
					return
				}
				<-time.After(5 * time.Millisecond)
			}
		})
	}
	all.Wait()
	if n := f.Calls()["DescribeTargetHealth"]; n > 7 {
		t.Errorf("%d calls in 400 ms at a poll of 100 ms", n)
	}
}

func TestBurstsOfThrottlingAreSurvived(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	said := 0
	f := newFleet(t, 2, nil, func(o *alb.Options) {
		o.Notify = func(string) { mu.Lock(); said++; mu.Unlock() }
	})
	f.allHealthy("i-01", "i-02")
	f.Throttle(3, 6)
	if _, err := f.Survey(t.Context()); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := f.Deregister(t.Context(), f.target("i-01"), 1); err != nil {
			t.Fatal(err)
		}
		if err := f.Register(t.Context(), f.target("i-01")); err != nil {
			t.Fatal(err)
		}
		f.allHealthy("i-01")
	}
	if said == 0 {
		t.Error("nothing was said about it")
	}
}

func TestAStoppedInstanceIsNamed(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 2, nil)
	f.allHealthy("i-01", "i-02")
	f.SetInstanceState("i-01", "stopped")
	err := f.Register(t.Context(), f.target("i-01"))
	if e, is := errors.AsType[*alb.InvalidTargetError](err); !is || !strings.Contains(e.Message, "i-01") {
		t.Fatalf("Register: %v", err)
	}
	s, err := f.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if p := s.Members[0].Problems; len(p) != 1 || p[0] != "its instance is stopped" {
		t.Errorf("problems: %q", p)
	}
}

func TestWrongKeysAreACredentialsError(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1, nil, func(o *alb.Options) { o.SecretKey = "another" })
	_, err := f.Survey(t.Context())
	if e, is := errors.AsType[*alb.CredentialsError](err); !is || e.Code != "SignatureDoesNotMatch" {
		t.Fatalf("Survey: %v", err)
	}
}

func TestSurvey(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 3, func(c *elbtest.Config) {
		c.PageSize = 1
		second := c.Groups[0]
		second.Name, second.PathPattern, second.Path, second.Matcher = "api-8443", "/api/*", "/up", "200-299"
		second.Delay, second.SlowStart, second.Interval = 0, 30*time.Second, 3*time.Second
		second.Targets = second.Targets[1:]
		c.Groups = append(c.Groups, second, elbtest.GroupConfig{Name: "idle", NotInUse: true}, elbtest.GroupConfig{Name: "more", PathPattern: "/more/*"})
	}, func(o *alb.Options) { o.Groups = []string{"api-8443", "web-443", "idle"} })
	f.allHealthy("i-01", "i-02", "i-03")
	s, err := f.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Account != "123456789012" || s.Region != "eu-west-1" || s.Endpoint != f.URL() || s.ClockOff.Abs() > 2*time.Second || !s.Expires.IsZero() {
		t.Errorf("account %s, region %s, endpoint %s, clock %s off", s.Account, s.Region, s.Endpoint, s.ClockOff)
	}
	want := canary.Group{
		ARN: f.TargetGroupARN("api-8443"), Name: "api-8443", Type: "instance", Interval: 3 * time.Second, Timeout: time.Second, HealthyAfter: 2,
		UnhealthyAt: 2, SlowStart: 30 * time.Second, Algorithm: "round_robin", CheckPath: "/up", CheckMatcher: "200-299", CheckHTTP: true, LoadBalancers: []string{f.LoadBalancerARN()},
	}
	if diff := cmp.Diff(want, s.Groups[0]); diff != "" {
		t.Error(diff)
	}
	if g := s.Groups[1]; g.Name != "web-443" || g.Delay != time.Second || len(g.LoadBalancers) != 1 {
		t.Errorf("second group: %+v", g)
	}
	if g := s.Groups[2]; g.Name != "idle" || len(g.LoadBalancers) != 0 {
		t.Errorf("third group: %+v", g)
	}
	warned := strings.Join(s.Warnings, "\n")
	for _, part := range []string{"api-8443: the deregistration delay is 0", "idle: no listener rule forwards to it"} {
		if !strings.Contains(warned, part) {
			t.Errorf("%q is missing in the warnings: %s", part, warned)
		}
	}
	f.members(s)
}

// members checks a survey in which only i-02 and i-03 are in both groups.
func (f *fleet) members(s alb.Survey) {
	f.t.Helper()
	both := func(id string) []canary.Target {
		return []canary.Target{{Group: f.TargetGroupARN("api-8443"), ID: id, Port: f.ports[id]}, f.target(id)[0]}
	}
	want := []alb.Member{
		{Name: "web-01", Instance: "i-01", PrivateIP: "127.0.0.1", Targets: f.target("i-01")},
		{Name: "web-02", Instance: "i-02", PrivateIP: "127.0.0.1", Targets: both("i-02")},
		{Name: "web-03", Instance: "i-03", PrivateIP: "127.0.0.1", Targets: both("i-03")},
	}
	for i := range want {
		want[i].State = "running"
		want[i].Tags = map[string]string{"Name": want[i].Name, "role": "web"}
	}
	if diff := cmp.Diff(want, s.Members, cmpopts.IgnoreFields(alb.Member{}, "Health", "PrivateDNS")); diff != "" {
		f.t.Error(diff)
	}
	for _, m := range s.Members {
		if len(m.Health) != len(m.Targets) || m.Health[len(m.Health)-1].State != canary.Healthy || m.PrivateDNS == "" {
			f.t.Errorf("%s: health %+v, DNS %q", m.Name, m.Health, m.PrivateDNS)
		}
	}
}

func TestSurveyOfAnUnknownGroupNamesTheNearest(t *testing.T) {
	t.Parallel()
	for _, asked := range []string{"web-434", "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-44/0123456789abcdef"} {
		f := newFleet(t, 1, func(c *elbtest.Config) {
			c.Groups = append(c.Groups, elbtest.GroupConfig{Name: "payments", NotInUse: true})
		}, func(o *alb.Options) { o.Groups = []string{"web-443", asked} })
		_, err := f.Survey(t.Context())
		e, is := errors.AsType[*alb.NotFoundError](err)
		if !is || len(e.Nearest) != 1 || e.Nearest[0] != "web-443" || !strings.HasSuffix(err.Error(), "in eu-west-1, did you mean web-443?") {
			t.Errorf("Survey: %v", err)
		}
	}
}

func TestSurveyRefusesAGroupOfAnotherRegion(t *testing.T) {
	t.Parallel()
	f := newFleet(t, 1, nil, func(o *alb.Options) {
		o.Groups = []string{"arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web-443/0123456789abcdef"}
	})
	if _, err := f.Survey(t.Context()); err == nil || !strings.Contains(err.Error(), "is in region us-east-1") {
		t.Fatalf("Survey: %v", err)
	}
}
