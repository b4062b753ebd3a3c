package iistest

import (
	"errors"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestASiteAnswersOnlyWhileItIsStarted(t *testing.T) {
	s := installed(t, nil)
	c, client := leased(t, s), customer(t)
	a, err := visit(t, s, client, "/some/page?x=1")
	must(t, err)
	if a.status != http.StatusOK || a.header.Get("X-App-Release") != "1" || a.header.Get("X-App-Slot") != oldSlot || a.header.Get("Server") != "Microsoft-IIS/10.0" {
		t.Errorf("%d %v", a.status, a.header)
	}
	c.ok("stop", map[string]any{"slot": oldSlot, "wait_ms": 5000}, nil)
	if a, err := visit(t, s, client, "/"); err == nil {
		t.Errorf("a stopped site answered %d", a.status)
	}
	if running := s.Truth().Running; running != nil {
		t.Errorf("running: %v", running)
	}
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 10}, nil)
	if _, err := visit(t, s, client, "/"); err != nil {
		t.Error(err)
	}
}

func TestTheFirstRequestsAfterAStartAreCold(t *testing.T) {
	const cold = 500 * time.Millisecond
	s := installed(t, func(c *Config) { c.Cold = cold })
	if !s.Truth().Warm {
		t.Error("a slot that serves is not warm")
	}
	c := leased(t, s)
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 0}, nil)
	began := time.Now()
	var early struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": oldSlot, "path": "/", "first_ms": 20, "each_ms": 20, "requests": 3}, &early)
	if len(early.Answers) != 1 || early.Answers[0].Status != 0 || early.Answers[0].Error == "" {
		t.Errorf("a budget that is too short: %+v", early.Answers)
	}
	if s.Truth().Warm {
		t.Error("warm before the application has answered anything")
	}
	var p struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": oldSlot, "path": "/", "first_ms": 5000, "each_ms": 5000, "requests": 5}, &p)
	if len(p.Answers) != 6 {
		t.Fatalf("%d answers: %+v", len(p.Answers), p.Answers)
	}
	if took := time.Since(began); took < cold { // the request that gave up began the start
		t.Errorf("answered %s after the first request", took)
	}
	for i, a := range p.Answers[1:4] {
		if a.MS < 10 {
			t.Errorf("request %d took %v ms, want over 10: the next few are slow", i+3, a.MS)
		}
	}
	if !s.Truth().Warm {
		t.Error("not warm after seven requests")
	}
}

func TestARunningPoolWithoutSiteAndASiteWithoutPool(t *testing.T) {
	s := installed(t, nil)
	client := customer(t)
	m := s.machine
	m.mu.Lock()
	m.stopPool(m.sites[oldSlot])
	m.mu.Unlock()
	for len(s.Truth().Slots[0].Workers) > 0 {
		pauseFor(t)
	}
	a, err := visit(t, s, client, "/")
	must(t, err)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Server") != "Microsoft-HTTPAPI/2.0" || !strings.Contains(a.text, "Service Unavailable") {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
}

func TestAHostNameThatIsNotBoundIsNotFound(t *testing.T) {
	s := installed(t, nil)
	m := s.machine
	m.mu.Lock()
	m.sites[oldSlot].bindings = []string{s.Binding() + "other.domain.com"}
	m.mu.Unlock()
	a, err := visit(t, s, customer(t), "/")
	must(t, err)
	if a.status != http.StatusNotFound || a.header.Get("Server") != "Microsoft-HTTPAPI/2.0" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestRequestsInFlightAreResetWhenTheSiteStops(t *testing.T) {
	s := installed(t, func(c *Config) { c.Median = time.Minute })
	c := leased(t, s)
	client, failed := customer(t), make(chan error, 1)
	go func() {
		_, err := visit(t, s, client, "/")
		failed <- err
	}()
	var r struct{ Current int }
	for r.Current == 0 {
		c.ok("requests", map[string]any{"slot": oldSlot}, &r)
	}
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	if err := <-failed; !errors.Is(err, syscall.ECONNRESET) && (err == nil || !strings.Contains(err.Error(), "EOF")) {
		t.Errorf("the customer saw %v, want a reset", err)
	}
	s.machine.flush()
	if files, _ := s.LogFiles(); len(files) != 0 {
		t.Errorf("a request without an answer is in the log: %v", files)
	}
}

// replaced is a server whose old slot has made room for a package with that simulation.json.
func replaced(t *testing.T, simulation string, adjust func(*Config)) *session {
	t.Helper()
	c := staged(t, adjust, map[string]string{"simulation.json": simulation})
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	return c
}

func (c *session) probe(path string, more int) []probed {
	c.t.Helper()
	var p struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": newSlot, "path": path, "first_ms": 5000, "each_ms": 5000, "requests": more}, &p)
	if len(p.Answers) != more+1 {
		c.t.Fatalf("%d answers: %+v", len(p.Answers), p.Answers)
	}
	return p.Answers
}

func TestAPackageThatCrashesKillsItsPool(t *testing.T) {
	c := replaced(t, `{"crash":true}`, nil)
	e := c.refused("pool_failed", "start", map[string]any{"slot": newSlot, "stable_ms": 500})
	if !strings.Contains(e.Message, "5002") {
		t.Errorf("%+v", e)
	}
	if got := c.server.Truth(); got.Running != nil || len(got.Slots[1].Workers) > 0 {
		t.Errorf("%+v", got)
	}
}

func TestAPackageThatNeverWarmsIsAlwaysSlow(t *testing.T) {
	c := replaced(t, `{"never_warm":true}`, nil)
	c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 0}, nil)
	for _, a := range c.probe("/", 1) {
		if a.MS < 250 {
			t.Errorf("answered in %v ms", a.MS)
		}
	}
}

func TestAPackageWithErrorsSparesItsHealthPage(t *testing.T) {
	c := replaced(t, `{"error_rate":1}`, nil)
	c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 0}, nil)
	for path, want := range map[string]int{"/page": 500, "/health/warm": 200} {
		for _, a := range c.probe(path, 2) {
			if a.Status != want {
				t.Errorf("%s: %d, want %d", path, a.Status, want)
			}
		}
	}
}

func TestTheHookOverridesThePackage(t *testing.T) {
	c := replaced(t, `{"crash":true}`, func(c *Config) {
		c.Behave = func(r BehaveRequest) Behaviour {
			if r.Slot == newSlot && r.Version == "2" && r.Path == "/bad" {
				return Behaviour{ErrorRate: 1}
			}
			return Behaviour{}
		}
	})
	c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 20}, nil)
	if bad, good := c.probe("/bad", 0), c.probe("/good", 0); bad[0].Status != 500 || good[0].Status != 200 {
		t.Errorf("%+v %+v", bad, good)
	}
}

func TestSlowerIsAFactorOnTheUsualTime(t *testing.T) {
	m := newMachine(Config{Median: 8 * time.Millisecond, Spread: 0.4, Seed: 1}, &front{}, nil, nil, nil)
	middle := func(b Behaviour) time.Duration {
		var below int
		const n = 4000
		limit := 8 * time.Millisecond
		if b.Slower > 0 {
			limit = time.Duration(float64(limit) * b.Slower)
		}
		for range n {
			if m.usual(b) < limit {
				below++
			}
		}
		return time.Duration(below * 1000 / n)
	}
	for _, b := range []Behaviour{{}, {Slower: 3}} {
		if share := middle(b); share < 470 || share > 530 {
			t.Errorf("%+v: %d per mille are below the median", b, share)
		}
	}
}
