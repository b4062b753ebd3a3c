package alb

import (
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

func TestRegisterReturnsOnceTheTargetIsListed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	missing := lists(in(web, "i-1", 443, canary.Unused, notRegistered))
	s.on("DescribeTargetHealth", missing, lists(), missing, lists(in(web, "i-1", 443, canary.Initial, "Elb.RegistrationInProgress")))
	c := s.client(func(o *Options) { o.RegisterGrace = time.Minute })
	if err := c.Register(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
	if n := s.count("DescribeTargetHealth"); n != 4 {
		t.Errorf("%d readings, want 4", n)
	}
	want := []map[string]string{{"TargetGroupArn": web, "Targets.member.1.Id": "i-1", "Targets.member.1.Port": "443"}}
	if diff := cmp.Diff(want, s.sent("RegisterTargets")); diff != "" {
		t.Error(diff)
	}
}

func TestRegisterThatIsNeverListed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists())
	err := s.client().Register(t.Context(), []canary.Target{at("i-1", 443)})
	e, is := errors.AsType[*NotListedError](err)
	if !is || e.Missing[0].Reason != notRegistered {
		t.Fatalf("Register: %v", err)
	}
	if n := s.count("RegisterTargets"); n < 2 {
		t.Errorf("%d writes: it was not tried again within the grace", n)
	}
}

func TestRegisterOfATargetThatCannotServe(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"Target.NotInUse", "Target.InvalidState", "Target.IpUnusable"} {
		t.Run(reason, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Unused, reason)))
			err := s.client().Register(t.Context(), []canary.Target{at("i-1", 443)})
			e, is := errors.AsType[*UnusableError](err)
			if !is || e.Health.Reason != reason {
				t.Fatalf("Register: %v", err)
			}
		})
	}
}

func TestRegisterOfAStoppedInstanceIsAnInvalidTarget(t *testing.T) {
	t.Parallel()
	s := newService(t)
	const said = "The following targets are not in a running state and cannot be registered: 'i-1'"
	s.on("RegisterTargets", failure(400, "InvalidTarget", said))
	s.on("DescribeTargetHealth", lists())
	err := s.client().Register(t.Context(), []canary.Target{at("i-1", 443)})
	e, is := errors.AsType[*InvalidTargetError](err)
	if !is || e.Message != said {
		t.Fatalf("Register: %v", err)
	}
}

// AWS takes an address back only when its drain is over. Whether it says so or answers with an empty success is not documented.
func TestRegisterWaitsForAnAddressThatDrains(t *testing.T) {
	t.Parallel()
	for name, early := range map[string]answer{
		"refused":   failure(400, "InvalidTarget", "The target is draining"),
		"no effect": ok("RegisterTargets", ""),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.on("DescribeTargetGroupAttributes", attributes(map[string]string{"deregistration_delay.timeout_seconds": "1"}))
			ends := time.Now().Add(300 * time.Millisecond)
			var back atomic.Bool
			s.on("RegisterTargets", func(w http.ResponseWriter, form url.Values) {
				if time.Now().Before(ends) {
					early(w, form)
					return
				}
				back.Store(true)
				ok("RegisterTargets", "")(w, form)
			})
			s.on("DescribeTargetHealth", func(w http.ResponseWriter, form url.Values) {
				switch {
				case back.Load():
					lists(in(web, "10.0.0.1", 443, canary.Initial))(w, form)
				case time.Now().Before(ends):
					lists(in(web, "10.0.0.1", 443, canary.Draining, "Target.DeregistrationInProgress"))(w, form)
				default:
					lists()(w, form)
				}
			})
			if err := s.client().Register(t.Context(), []canary.Target{at("10.0.0.1", 443)}); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A server that is out is worse than one that is half in: one group's trouble does not keep it out of the others.
func TestRegisterTriesEveryGroup(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("RegisterTargets", func(w http.ResponseWriter, form url.Values) {
		if form.Get("TargetGroupArn") == web {
			failure(403, "AccessDenied", "not this group")(w, form)
			return
		}
		ok("RegisterTargets", "")(w, form)
	})
	s.on("DescribeTargetHealth", byGroup(map[string]answer{web: lists(), api: lists(in(api, "i-1", 8443, canary.Initial))}))
	err := s.client().Register(t.Context(), []canary.Target{at("i-1", 443), {Group: api, ID: "i-1", Port: 8443}})
	e, is := errors.AsType[*PartialError](err)
	if !is {
		t.Fatalf("Register: %v", err)
	}
	if e.Outcomes[0].Err == nil || e.Outcomes[0].Now[0].State != canary.Unused || e.Outcomes[1].Err != nil || e.Outcomes[1].Now[0].State != canary.Initial {
		t.Errorf("outcomes: %+v", e.Outcomes)
	}
}

func TestRegisterInAGroupThatIsGone(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("RegisterTargets", failure(400, "TargetGroupNotFound", "One or more target groups not found"))
	err := s.client().Register(t.Context(), []canary.Target{at("i-1", 443)})
	if e, is := errors.AsType[*NotFoundError](err); !is || e.Name != "web-443" {
		t.Fatalf("Register: %v", err)
	}
}

func TestProveRegisterRegistersWhatIsHealthyAlready(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Unhealthy)))
	c := s.client()
	if err := c.ProveRegister(t.Context(), at("i-1", 443)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"i-2", "i-3"} {
		if err := c.ProveRegister(t.Context(), at(id, 443)); err == nil {
			t.Errorf("%s is not healthy and was registered", id)
		}
	}
	if n := s.count("RegisterTargets"); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	s.on("RegisterTargets", failure(403, "AccessDenied", "no"))
	if _, is := errors.AsType[*AccessError](c.ProveRegister(t.Context(), at("i-1", 443))); !is {
		t.Error("a missing permission was not found")
	}
}
