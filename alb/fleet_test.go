package alb_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"iiscanary/alb"
	"iiscanary/alb/elbtest"
	"iiscanary/canary"
)

// fleet is servers behind a simulated load balancer, and a client of it.
type fleet struct {
	t *testing.T
	*elbtest.Balancer
	*alb.Client
	ports map[string]int // by instance
}

// newFleet starts n healthy servers, i-01 and up, each on a port of its own.
func newFleet(t *testing.T, n int, change func(*elbtest.Config), options ...func(*alb.Options)) *fleet {
	t.Helper()
	c := elbtest.Config{Groups: []elbtest.GroupConfig{{
		Name: "web-443", Delay: 300 * time.Millisecond, Interval: 20 * time.Millisecond, Timeout: time.Second, HealthyCount: 2, UnhealthyCount: 2,
	}}}
	f := &fleet{t: t, ports: map[string]int{}}
	for i := range n {
		id := fmt.Sprintf("i-%02d", i+1)
		f.ports[id] = site(t)
		c.Instances = append(c.Instances, elbtest.Instance{ID: id, PrivateIP: "127.0.0.1", Name: fmt.Sprintf("web-%02d", i+1), Tags: map[string]string{"role": "web"}})
		c.Groups[0].Targets = append(c.Groups[0].Targets, elbtest.Target{ID: id, Port: f.ports[id]})
	}
	if change != nil {
		change(&c)
	}
	var err error
	if f.Balancer, err = elbtest.New(c); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := f.Balancer.Close(); err != nil {
			t.Error(err)
		}
	})
	o := alb.Options{
		Region: "eu-west-1", Endpoint: f.URL(), Credentials: alb.Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "secret"},
		Groups: []string{"web-443"}, Poll: 20 * time.Millisecond, DeregisterGrace: 5 * time.Second, RegisterGrace: 5 * time.Second,
		MaxBackoff: 5 * time.Millisecond, Reads: 1e4, Writes: 1e4,
	}
	for _, more := range options {
		more(&o)
	}
	if f.Client, err = alb.New(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	return f
}

// site starts one server and returns its port.
func site(t *testing.T) int {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "ok") }))
	t.Cleanup(s.Close)
	return s.Listener.Addr().(*net.TCPAddr).Port
}

func (f *fleet) target(id string) []canary.Target {
	return []canary.Target{{Group: f.TargetGroupARN("web-443"), ID: id, Port: f.ports[id]}}
}

// until polls the client as the engine does.
func (f *fleet) until(targets []canary.Target, state canary.HealthState) time.Duration {
	f.t.Helper()
	began := time.Now()
	for {
		got, err := f.Health(f.t.Context(), targets)
		if err != nil {
			f.t.Fatal(err)
		}
		if got[0].State == state {
			return time.Since(began)
		}
		if time.Since(began) > 10*time.Second {
			f.t.Fatalf("%s is still %s (%s), not %s", got[0].ID, got[0].State, got[0].Reason, state)
		}
		<-time.After(5 * time.Millisecond)
	}
}

func (f *fleet) allHealthy(ids ...string) {
	f.t.Helper()
	for _, id := range ids {
		f.until(f.target(id), canary.Healthy)
	}
}

func (f *fleet) each(ids []string, do func(id string) error) []error {
	errs := make([]error, len(ids))
	var all sync.WaitGroup
	for i, id := range ids {
		all.Go(func() { errs[i] = do(id) })
	}
	all.Wait()
	return errs
}
