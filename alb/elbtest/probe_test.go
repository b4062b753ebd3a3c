package elbtest_test

import (
	"net/http"
	"strings"
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

// rhythm lets one node probe a site that answers with these statuses, and lists the target's state as each probe arrives
// and once more after the last one: what the answers so far have made of it.
func rhythm(t *testing.T, statuses ...int) string {
	t.Helper()
	states := make(chan string, 100)
	balancer := make(chan *elbtest.Balancer, 1)
	asked := 0 // probes of one node come one after another
	host, port, _ := site(t, func(w http.ResponseWriter, r *http.Request) {
		b := <-balancer
		balancer <- b
		select {
		case states <- strings.Fields(state(b, "web-443", "127.0.0.1"))[0]:
		case <-r.Context().Done():
		}
		w.WriteHeader(statuses[min(asked, len(statuses)-1)])
		asked++
	})
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type, group.Interval, group.Timeout = "ip", time.Millisecond, 10*time.Second
	balancer <- start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, Nodes: 1})
	var seen []string
	for range len(statuses) + 1 {
		seen = append(seen, <-states)
	}
	return strings.Join(seen, " ")
}

func TestOneSuccessIsEnoughForANewTarget(t *testing.T) {
	if got := rhythm(t, 500, 200); got != "initial initial healthy" {
		t.Errorf("went %s", got)
	}
}

func TestAnUnhealthyTargetNeedsTheWholeThreshold(t *testing.T) {
	got := rhythm(t, 500, 500, 200, 200, 500, 200, 200, 200)
	if got != "initial initial unhealthy unhealthy unhealthy unhealthy unhealthy unhealthy healthy" {
		t.Errorf("went %s", got)
	}
}

func TestAHealthyTargetSurvivesASingleFailure(t *testing.T) {
	if got := rhythm(t, 200, 500, 200, 500, 500); got != "initial healthy healthy healthy healthy unhealthy" {
		t.Errorf("went %s", got)
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

func TestATargetIsHealthyOnceMoreThanHalfOfTheNodesSaySo(t *testing.T) {
	states, balancer := make(chan string, 100), make(chan *elbtest.Balancer, 1)
	host, port, _ := site(t, func(_ http.ResponseWriter, r *http.Request) {
		b := <-balancer
		balancer <- b
		select {
		case states <- state(b, "web-443", "127.0.0.1"):
		case <-r.Context().Done():
		}
	})
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type, group.Interval = "ip", 400*time.Millisecond
	b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, Nodes: 2})
	balancer <- b
	<-states
	if second := <-states; second != "initial Elb.InitialHealthChecking" {
		t.Errorf("with one node of two in favour it was %s", second)
	}
	allHealthy(t, b)
}
