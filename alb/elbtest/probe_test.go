package elbtest_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

func TestAProbeLooksLikeTheHealthChecker(t *testing.T) {
	type seen struct{ agent, host, path, from string }
	probes := make(chan seen, 1000)
	b, servers := fleet(t, func(c *elbtest.Config) { c.Groups[0].Path = "/health?deep=1" },
		func(_ http.ResponseWriter, r *http.Request) {
			probes <- seen{r.UserAgent(), r.Host, r.RequestURI, r.RemoteAddr}
		})
	allHealthy(t, b)
	connections := map[string]bool{}
	for range 6 {
		p := <-probes
		if connections[p.from] {
			t.Errorf("two probes share the connection from %s", p.from)
		}
		connections[p.from] = true
		want := seen{"ELB-HealthChecker/2.0", strings.TrimPrefix(servers[0].URL, "http://"), "/health?deep=1", p.from}
		if p != want {
			t.Errorf("probed with %+v, want %+v", p, want)
		}
	}
}

// scripted answers probes with one status after another, the last one for ever.
type scripted struct {
	mu       sync.Mutex
	statuses []int
	asked    int
}

func (s *scripted) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := s.statuses[min(s.asked, len(s.statuses)-1)]
	s.asked++
	w.WriteHeader(status)
}

// probes is how many were answered.
func (s *scripted) probes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked
}

// rhythm starts a balancer of one node over a scripted site and lists the states that its target goes through, each
// with the number of probes answered when it was first seen.
func rhythm(t *testing.T, last string, statuses ...int) (states []string, asked []int) {
	t.Helper()
	script := &scripted{statuses: statuses}
	server := httptest.NewServer(script)
	t.Cleanup(server.Close)
	host, port := hostPort(t, server.URL)
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type, group.Interval = "ip", 60*time.Millisecond
	b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, Nodes: 1})
	until(t, "the target "+last+" at the end", func() bool {
		now := strings.Fields(state(b, "web-443", host))[0]
		if len(states) == 0 || states[len(states)-1] != now {
			states, asked = append(states, now), append(asked, script.probes())
		}
		return now == last && script.probes() >= len(statuses)
	})
	return states, asked
}

func TestOneSuccessIsEnoughForANewTarget(t *testing.T) {
	states, asked := rhythm(t, "healthy", 500, 200)
	if strings.Join(states, " ") != "initial healthy" || asked[1] != 2 {
		t.Errorf("went through %v after %v probes", states, asked)
	}
}

func TestAnUnhealthyTargetNeedsTheWholeThreshold(t *testing.T) {
	states, asked := rhythm(t, "healthy", 500, 500, 200, 200, 200)
	if strings.Join(states, " ") != "initial unhealthy healthy" || asked[1] != 2 || asked[2] != 5 {
		t.Errorf("went through %v after %v probes", states, asked)
	}
}

func TestAHealthyTargetSurvivesASingleFailure(t *testing.T) {
	states, asked := rhythm(t, "unhealthy", 200, 500, 200, 500, 500)
	if strings.Join(states, " ") != "initial healthy unhealthy" || asked[2] != 5 {
		t.Errorf("went through %v after %v probes", states, asked)
	}
}

func TestProbesKeepToTheMatcher(t *testing.T) {
	for matcher, want := range map[string]string{"200": "unhealthy", "200,302": "healthy", "200-399": "healthy", "300-301": "unhealthy"} {
		host, port, _ := site(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(302) })
		group := quick(elbtest.Target{ID: host, Port: port})
		group.Type, group.Matcher = "ip", matcher
		b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}})
		until(t, "matcher "+matcher+" says "+want, func() bool {
			return strings.HasPrefix(state(b, "web-443", host), want)
		})
	}
}

func TestAProbeTimesOutAndAClosedPortFails(t *testing.T) {
	var hang atomic.Bool
	b, servers := fleet(t, func(c *elbtest.Config) { c.Groups[0].Timeout = 40 * time.Millisecond },
		func(_ http.ResponseWriter, r *http.Request) {
			if hang.Load() {
				<-r.Context().Done()
			}
		})
	allHealthy(t, b)
	hang.Store(true)
	until(t, "a timeout", func() bool { return state(b, "web-443", "i-01") == "unhealthy Target.Timeout" })
	servers[0].Close()
	until(t, "a failure", func() bool { return state(b, "web-443", "i-01") == "unhealthy Target.FailedHealthChecks" })
}
