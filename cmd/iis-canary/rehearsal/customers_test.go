package rehearsal_test

import (
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal/traffic"
)

// patience bounds every wait of these tests.
const patience = 30 * time.Second

// until looks again and again until ok.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-limit:
			t.Fatalf("no %s in %s", what, patience)
		}
	}
}

// more lets in customers besides the fleet's own, rate of them per second, who give up after wait; 0: after 10 s.
func (c *crew) more(t *testing.T, rate float64, wait time.Duration) *traffic.Generator {
	t.Helper()
	g, err := traffic.Start(t.Context(), traffic.Config{URL: c.Balancer.FrontURL(), RootCAs: c.cas, Rate: rate, Clients: 16, Timeout: wait, Seed: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.Stop)
	return g
}

// visits counts customers: the fleet's own, or others.
type visits interface{ Snapshot() traffic.Report }

// Snapshot is what the fleet's own customers have seen.
func (c *crew) Snapshot() traffic.Report { return c.Customers() }

// after is what customers have seen once n more of them were answered.
func after(t *testing.T, v visits, n int) traffic.Report {
	t.Helper()
	enough := v.Snapshot().Requests + n
	until(t, "more customers", func() bool { return v.Snapshot().Requests >= enough })
	return v.Snapshot()
}

// unharmed fails the test when a customer's request failed.
func unharmed(t *testing.T, seen traffic.Report) {
	t.Helper()
	if seen.Failed > 0 {
		t.Errorf("%d of %d requests failed: %+v", seen.Failed, seen.Requests, seen.Errors)
	}
}
