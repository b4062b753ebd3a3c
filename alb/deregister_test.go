package alb

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

func TestDeregisterSendsExactlyTheRecordedTuples(t *testing.T) {
	t.Parallel()
	s := newService(t)
	zoned := in(web, "10.1.0.7", 8080, canary.Healthy)
	zoned.Zone = "all"
	s.on("DescribeTargetHealth",
		byGroup(map[string]answer{web: lists(in(web, "i-1", 443, canary.Healthy), zoned, in(web, "i-2", 443, canary.Healthy)), api: lists(in(api, "i-1", 8443, canary.Healthy), in(api, "i-2", 8443, canary.Healthy))}),
		byGroup(map[string]answer{web: lists(in(web, "i-1", 443, canary.Healthy), zoned, in(web, "i-2", 443, canary.Healthy)), api: lists(in(api, "i-1", 8443, canary.Healthy), in(api, "i-2", 8443, canary.Healthy))}),
		byGroup(map[string]answer{web: lists(in(web, "i-1", 443, canary.Draining)), api: lists()}))
	targets := []canary.Target{at("i-1", 443), {Group: api, ID: "i-1", Port: 8443}, zoned.Target}
	if err := s.client().Deregister(t.Context(), targets, 1); err != nil {
		t.Fatal(err)
	}
	want := []map[string]string{
		{"TargetGroupArn": web, "Targets.member.1.Id": "i-1", "Targets.member.1.Port": "443",
			"Targets.member.2.Id": "10.1.0.7", "Targets.member.2.Port": "8080", "Targets.member.2.AvailabilityZone": "all"},
		{"TargetGroupArn": api, "Targets.member.1.Id": "i-1", "Targets.member.1.Port": "8443"},
	}
	if diff := cmp.Diff(want, s.sent("DeregisterTargets")); diff != "" {
		t.Error(diff)
	}
}

func TestDeregisterWithoutSpareWritesNothing(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Unhealthy)))
	err := s.client().Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 1)
	if _, is := errors.AsType[*canary.NoSpareError](err); !is {
		t.Fatalf("Deregister: %v", err)
	}
	if n := s.count("DeregisterTargets"); n != 0 {
		t.Errorf("%d writes", n)
	}
}

// The capacity is looked at again at the moment of the write, however young the shared reading is.
func TestDeregisterDoesNotTrustASharedReading(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Healthy)),
		lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Unhealthy)))
	c := s.client(func(o *Options) { o.Poll = time.Hour })
	if err := c.Spare(t.Context(), []canary.Target{at("i-1", 443)}, 1); err != nil {
		t.Fatal(err)
	}
	err := c.Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 1)
	if _, is := errors.AsType[*canary.NoSpareError](err); !is {
		t.Fatalf("Deregister: %v", err)
	}
}

func TestDeregisterOfATargetThatIsOutIsNoError(t *testing.T) {
	t.Parallel()
	for name, list := range map[string]answer{
		"draining":       lists(in(web, "i-1", 443, canary.Draining), in(web, "i-2", 443, canary.Healthy)),
		"not registered": lists(in(web, "i-2", 443, canary.Healthy)),
		"not in use":     lists(in(web, "i-1", 443, canary.Unused, notInUse)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.on("DescribeTargetHealth", list)
			if err := s.client().Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 3); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// A registration of a moment ago may not be listed yet. Taking the list at its word would leave the server in rotation.
func TestDeregisterIsSentEvenWhenTheTargetIsNotListedYet(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists())
	if err := s.client().Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 0); err != nil {
		t.Fatal(err)
	}
	if n := s.count("DeregisterTargets"); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

func TestDeregisterThatChangesNothingIsIneffective(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Healthy)))
	err := s.client().Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 1)
	e, is := errors.AsType[*IneffectiveError](err)
	if !is {
		t.Fatalf("Deregister: %v", err)
	}
	if diff := cmp.Diff([]canary.Target{at("i-1", 443)}, e.Listed); diff != "" {
		t.Error(diff)
	}
	if n := s.count("DeregisterTargets"); n != 2 {
		t.Errorf("%d writes, want the second one at half of the grace", n)
	}
}

func TestDeregisterRefusesAServerThatIsAlsoInOnAnotherPort(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-1", 8443, canary.Healthy), in(web, "i-2", 443, canary.Healthy)))
	err := s.client().Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 1)
	e, is := errors.AsType[*UnrecordedError](err)
	if !is || len(e.Listed) != 1 || e.Listed[0].Port != 8443 {
		t.Fatalf("Deregister: %v", err)
	}
	if n := s.count("DeregisterTargets"); n != 0 {
		t.Errorf("%d writes", n)
	}
}

func TestDeregisterWaitsUntilTheListShowsIt(t *testing.T) {
	t.Parallel()
	s := newService(t)
	healthy := lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Healthy))
	s.on("DescribeTargetHealth", healthy, healthy, healthy, lists(in(web, "i-1", 443, canary.Draining), in(web, "i-2", 443, canary.Healthy)))
	if err := s.client(func(o *Options) { o.DeregisterGrace = time.Minute }).Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 1); err != nil {
		t.Fatal(err)
	}
	if n := s.count("DescribeTargetHealth"); n != 4 {
		t.Errorf("%d readings, want 4", n)
	}
}

func TestPartialDeregisterSaysWhatIsTrueInEachGroup(t *testing.T) {
	t.Parallel()
	s := newService(t)
	healthy := byGroup(map[string]answer{web: lists(in(web, "i-1", 443, canary.Healthy)), api: lists(in(api, "i-1", 8443, canary.Healthy))})
	s.on("DescribeTargetHealth", healthy, healthy,
		byGroup(map[string]answer{web: lists(in(web, "i-1", 443, canary.Draining)), api: lists(in(api, "i-1", 8443, canary.Healthy))}))
	s.on("DeregisterTargets", func(w http.ResponseWriter, form url.Values) {
		if form.Get("TargetGroupArn") == api {
			failure(403, "AccessDenied", "not this group")(w, form)
			return
		}
		ok("DeregisterTargets", "")(w, form)
	})
	err := s.client().Deregister(t.Context(), []canary.Target{at("i-1", 443), {Group: api, ID: "i-1", Port: 8443}}, 0)
	e, is := errors.AsType[*PartialError](err)
	if !is {
		t.Fatalf("Deregister: %v", err)
	}
	if e.Outcomes[0].Err != nil || e.Outcomes[0].Now[0].State != canary.Draining || e.Outcomes[1].Err == nil || e.Outcomes[1].Now[0].State != canary.Healthy {
		t.Errorf("outcomes: %+v", e.Outcomes)
	}
	if _, is := errors.AsType[*AccessError](err); !is {
		t.Error("the cause is not to be found behind the partial failure")
	}
	for _, part := range []string{"web-443: done (now i-1:443 draining)", "api-8443: deregister i-1:8443 from api-8443: AWS says AccessDenied", "(now i-1:8443 healthy)"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("%q is missing in: %v", part, err)
		}
	}
}

// The list is late: both servers still look healthy after the first has left. The second must not go.
func TestTwoServersCannotBothTakeTheLastPlace(t *testing.T) {
	t.Parallel()
	s := newService(t)
	var mu sync.Mutex
	var left time.Time
	gone := map[string]bool{}
	s.on("DeregisterTargets", func(w http.ResponseWriter, form url.Values) {
		mu.Lock()
		gone[form.Get("Targets.member.1.Id")], left = true, time.Now()
		mu.Unlock()
		ok("DeregisterTargets", "")(w, form)
	})
	s.on("DescribeTargetHealth", func(w http.ResponseWriter, form url.Values) {
		mu.Lock()
		late := time.Since(left) < 50*time.Millisecond
		var list []canary.TargetHealth
		for _, id := range []string{"i-1", "i-2"} {
			state := canary.Healthy
			if gone[id] && !late {
				state = canary.Draining
			}
			list = append(list, in(web, id, 443, state))
		}
		mu.Unlock()
		lists(list...)(w, form)
	})
	c := s.client(func(o *Options) { o.DeregisterGrace = time.Minute })
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i, id := range []string{"i-1", "i-2"} {
		both.Go(func() { errs[i] = c.Deregister(t.Context(), []canary.Target{at(id, 443)}, 1) })
	}
	both.Wait()
	refused := 0
	for _, err := range errs {
		if _, is := errors.AsType[*canary.NoSpareError](err); is {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if refused != 1 || s.count("DeregisterTargets") != 1 {
		t.Errorf("%d were refused, %d writes, want one each", refused, s.count("DeregisterTargets"))
	}
}

// A deregistration without an answer may have happened, so its target is nobody's spare; once it is registered again it is.
func TestATargetInDoubtIsNobodysSpare(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Healthy)))
	s.on("DeregisterTargets", func(http.ResponseWriter, url.Values) { panic(http.ErrAbortHandler) })
	c := s.client()
	if err := c.Deregister(t.Context(), []canary.Target{at("i-1", 443)}, 1); !errors.Is(err, canary.ErrUnreachable) {
		t.Fatalf("Deregister: %v", err)
	}
	err := c.Spare(t.Context(), []canary.Target{at("i-2", 443)}, 1)
	if _, is := errors.AsType[*canary.NoSpareError](err); !is {
		t.Fatalf("Spare while the other is in doubt: %v", err)
	}
	if err := c.Register(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
	if err := c.Spare(t.Context(), []canary.Target{at("i-2", 443)}, 1); err != nil {
		t.Fatalf("Spare after the other is back: %v", err)
	}
}
