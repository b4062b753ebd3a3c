package elbtest_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

// customers ask the front port over and over until they are told to go, and count the answers by status.
type customers struct {
	leave chan struct{}
	gone  sync.WaitGroup
	mu    sync.Mutex
	bad   map[int]int
	asked atomic.Int64
}

func letIn(t *testing.T, address string, n int) *customers {
	c := &customers{leave: make(chan struct{}), bad: map[int]int{}}
	ask := browser(t)
	for range n {
		c.gone.Go(func() {
			for {
				select {
				case <-c.leave:
					return
				case <-time.After(2 * time.Millisecond):
				}
				c.ask(ask, address)
			}
		})
	}
	return c
}

func (c *customers) ask(ask *http.Client, address string) {
	c.asked.Add(1)
	status := 0
	if answer, err := ask.Get(address); err == nil {
		io.Copy(io.Discard, answer.Body)
		answer.Body.Close()
		status = answer.StatusCode
	}
	if status != 200 {
		c.mu.Lock()
		c.bad[status]++
		c.mu.Unlock()
	}
}

// sendAway ends the visit and returns the failed requests by status.
func (c *customers) sendAway() map[int]int {
	close(c.leave)
	c.gone.Wait()
	return c.bad
}

func busy(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.UserAgent(), "ELB-") {
		time.Sleep(5 * time.Millisecond)
	}
}

func TestStoppingASiteBeforeItsDrainFailsCustomers(t *testing.T) {
	b, servers := fleet(t, func(c *elbtest.Config) { c.Groups[0].Interval = 60 * time.Millisecond }, busy, busy)
	allHealthy(t, b)
	visit := letIn(t, b.FrontURL(), 6)
	until(t, "traffic", func() bool { return visit.asked.Load() > 50 })
	port := portOf(b, "web-443", "i-01")
	servers[0].Listener.Close()
	servers[0].CloseClientConnections()
	until(t, "customers to notice", func() bool { return b.Truth().Counters["HTTPCode_ELB_502_Count"] > 0 })
	clientOf(t, b).deregister(b.TargetGroupARN("web-443"), "i-01", port)
	until(t, "the end of the drain", func() bool { return state(b, "web-443", "i-01") == "gone" })
	if bad := visit.sendAway(); bad[502] == 0 {
		t.Errorf("no customer got 502: %v", bad)
	}
}

func TestDrainingFirstAndWarmingBeforeAdmittingFailsNobody(t *testing.T) {
	b, servers := fleet(t, func(c *elbtest.Config) { c.Propagation = 60 * time.Millisecond }, busy, busy)
	allHealthy(t, b)
	visit := letIn(t, b.FrontURL(), 6)
	until(t, "traffic", func() bool { return visit.asked.Load() > 50 })
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	c.deregister(arn, "i-01", port)
	until(t, "the end of the drain", func() bool { return state(b, "web-443", "i-01") == "gone" })
	servers[0].Close()
	_, next, _ := site(t, busy)
	c.register(arn, "i-01", next)
	allHealthy(t, b)
	until(t, "traffic on the new site", func() bool { return b.Truth().Groups["web-443"].Targets[1].Requests > 20 })
	if bad := visit.sendAway(); len(bad) != 0 {
		t.Errorf("%d requests, failed: %v", visit.asked.Load(), bad)
	}
}

func TestEveryOneOfAThousandRequestsIsAnsweredAndCounted(t *testing.T) {
	b, _ := fleet(t, nil, ok, ok, ok)
	allHealthy(t, b)
	visit := letIn(t, b.FrontURL(), 16)
	until(t, "a thousand requests", func() bool { return visit.asked.Load() >= 1000 })
	if bad := visit.sendAway(); len(bad) != 0 {
		t.Errorf("failed: %v", bad)
	}
	counted(t, b, "RequestCount", visit.asked.Load())
	counted(t, b, "HTTPCode_Target_2XX_Count", visit.asked.Load())
}

func BenchmarkARequestThroughTheFront(b *testing.B) {
	server := httptest.NewServer(http.HandlerFunc(ok))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	port, err := strconv.Atoi(address.Port())
	if err != nil {
		b.Fatal(err)
	}
	group := elbtest.GroupConfig{Name: "g", Type: "ip", Targets: []elbtest.Target{{ID: address.Hostname(), Port: port}}}
	balancer, err := elbtest.New(elbtest.Config{Groups: []elbtest.GroupConfig{group}})
	if err != nil {
		b.Fatal(err)
	}
	defer balancer.Close()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			answer, err := http.Get(balancer.FrontURL())
			if err != nil {
				b.Error(err)
				return
			}
			io.Copy(io.Discard, answer.Body)
			answer.Body.Close()
		}
	})
}

func TestCloseLeavesNothingRunning(t *testing.T) {
	before := runtime.NumGoroutine()
	host, port, server := site(t, func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/long" {
			<-r.Context().Done()
		}
	})
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type, group.Delay = "ip", time.Hour
	b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}})
	allHealthy(t, b)
	ask := browser(t)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if answer, err := ask.Get(b.FrontURL() + "/long"); err == nil {
			answer.Body.Close()
		}
	})
	until(t, "a request in flight", func() bool { return b.Truth().Groups["web-443"].Targets[0].InFlight == 1 })
	clientOf(t, b).deregister(b.TargetGroupARN("web-443"), host, port)
	if err := b.Close(); err != nil {
		t.Error(err)
	}
	waiting.Wait()
	server.Close()
	ask.CloseIdleConnections()
	http.DefaultClient.CloseIdleConnections()
	until(t, "every goroutine to end", func() bool { return runtime.NumGoroutine() <= before })
}
