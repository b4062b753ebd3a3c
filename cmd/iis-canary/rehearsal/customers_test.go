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

// after is what customers have seen once n more of them were answered.
func (c *crew) after(t *testing.T, n int) traffic.Report {
	t.Helper()
	enough := c.Customers().Requests + n
	until(t, "more customers", func() bool { return c.Customers().Requests >= enough })
	return c.Customers()
}

// unharmed fails the test when a customer's request failed.
func unharmed(t *testing.T, seen traffic.Report) {
	t.Helper()
	if seen.Failed > 0 {
		t.Errorf("%d of %d requests failed: %+v", seen.Failed, seen.Requests, seen.Errors)
	}
}
