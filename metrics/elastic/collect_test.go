package elastic_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
	"iiscanary/metrics/estest"
)

const second = time.Second

func TestOneSearchCountsEverything(t *testing.T) {
	c := newCluster(t, ecs())
	for _, r := range []request{
		{1 * second, "web-1", newSlot, 200, 20 * ms, "Mozilla/5.0"},
		{2 * second, "WEB-1", newSlot, 503, 5 * ms, "Mozilla/5.0"},   // failed, and so no good answer for "slow" either
		{3 * second, "web-1", newSlot, 499, 251 * ms, "Mozilla/5.0"}, // slow, no error
		{4 * second, "web-1", newSlot, nil, nil, "Mozilla/5.0"},      // could not be parsed
		{4 * second, "web-2", oldSlot, 200, 250 * ms, "Mozilla/5.0"}, // just good
		{6 * second, "web-2", oldSlot, 500, 900 * ms, "Mozilla/5.0"},
		{6 * second, "web-2", oldSlot + "-b", 500, ms, "Mozilla/5.0"}, // another slot, of which a sloppy query finds this
		{7 * second, "web-9", oldSlot, 500, ms, "Mozilla/5.0"},        // another fleet
		{30 * second, "web-1", newSlot, 200, 20 * ms, "Mozilla/5.0"},
		{40 * second, "web-3", oldSlot, 500, ms, "ELB-HealthChecker/2.0"},
		{41 * second, "web-3", oldSlot, 500, ms, "iis-canary/1.0"},
		{-1 * second, "web-1", oldSlot, 500, ms, "Mozilla/5.0"}, // before the rollout
		{61 * second, "web-1", newSlot, 500, ms, "Mozilla/5.0"}, // after the poll
	} {
		c.log(r)
	}
	c.ship(index)
	got, err := c.source(nil).Collect(t.Context(), c.query())
	if err != nil {
		t.Fatal(err)
	}
	none := []metrics.Tally{{}, {}}
	want := metrics.Batch{
		Buckets: []metrics.Bucket{
			{Start: c.start, New: metrics.Cell{Requests: 4, Tallies: []metrics.Tally{{Bad: 1, Total: 3}, {Bad: 2, Total: 3}}},
				Old: metrics.Cell{Requests: 1, Tallies: []metrics.Tally{{Bad: 0, Total: 1}, {Bad: 0, Total: 1}}}},
			{Start: c.start.Add(5 * second), New: metrics.Cell{Tallies: none},
				Old: metrics.Cell{Requests: 1, Tallies: []metrics.Tally{{Bad: 1, Total: 1}, {Bad: 1, Total: 1}}}},
			{Start: c.start.Add(30 * second), New: metrics.Cell{Requests: 1, Tallies: []metrics.Tally{{Bad: 0, Total: 1}, {Bad: 0, Total: 1}}},
				Old: metrics.Cell{Tallies: none}},
		},
		Hosts: map[string]metrics.Host{
			"web-1": {Watermark: c.start.Add(61 * second), First: c.start.Add(second), Requests: 4},
			"web-2": {Watermark: c.start.Add(6 * second)},
			"web-3": {Watermark: c.start.Add(41 * second)},
		},
		New: metrics.Coverage{Lines: 5, Status: 4, Duration: 4},
		Old: metrics.Coverage{Lines: 2, Status: 2, Duration: 2},
	}
	text := got.Text
	for _, arm := range []*metrics.Coverage{&got.New, &got.Old} {
		if arm.P50 <= 0 || arm.P99 < arm.P95 || arm.P95 < arm.P50 || arm.P99 > second {
			t.Errorf("quantiles %s %s %s", arm.P50, arm.P95, arm.P99)
		}
		arm.P50, arm.P95, arm.P99 = 0, 0, 0
	}
	got.Text = ""
	if diff := cmp.Diff(want, dropEmpty(got)); diff != "" {
		t.Error(diff)
	}
	if n := c.Calls()["_search"]; n != 1 {
		t.Errorf("%d searches for one poll", n)
	}
	for _, part := range []string{"curl -sS", "$ES_API_KEY", c.URL() + "/" + index + "/_search?", newSlot, c.start.Format(time.RFC3339)[:19]} {
		if !strings.Contains(text, part) {
			t.Errorf("the query to repeat lacks %q: %s", part, text)
		}
	}
	if strings.Contains(text, apiKey) {
		t.Error("the query to repeat carries the key")
	}
}

// dropEmpty leaves out buckets of health checks only.
func dropEmpty(b metrics.Batch) metrics.Batch {
	var kept []metrics.Bucket
	for _, k := range b.Buckets {
		if k.New.Requests+k.Old.Requests > 0 {
			kept = append(kept, k)
		}
	}
	b.Buckets = kept
	return b
}

func TestTheFirstMomentsOfAServerAreLeftOut(t *testing.T) {
	c := newCluster(t, ecs())
	for i := range 60 {
		c.log(request{time.Duration(i) * second, "web-1", newSlot, 200, 900 * ms, "Mozilla/5.0"})
		c.log(request{time.Duration(i) * second, "web-2", oldSlot, 200, 900 * ms, "Mozilla/5.0"})
	}
	c.ship(index)
	q := c.query()
	q.Metrics[1].SkipFirst = 30 * second
	q.Quiet = map[string]time.Time{"web-1": c.start.Add(10 * second)}
	b, err := c.source(nil).Collect(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	var fresh, old [2]metrics.Tally
	for _, k := range b.Buckets {
		for m := range 2 {
			fresh[m].Total += k.New.Tallies[m].Total
			old[m].Total += k.Old.Tallies[m].Total
		}
	}
	if fresh[0].Total != 60 || fresh[1].Total != 20 || old[1].Total != 60 {
		t.Errorf("new has %d for errors and %d for slow, old %d for slow; want 60, 20, 60", fresh[0].Total, fresh[1].Total, old[1].Total)
	}
}

func TestTheOperatorsFilterNarrowsTheTraffic(t *testing.T) {
	c := newCluster(t, ecs())
	c.log(request{second, "web-1", newSlot, 200, ms, "Mozilla/5.0"})
	c.log(request{2 * second, "web-1", newSlot, 500, ms, "Googlebot"})
	c.ship(index)
	b, err := c.source(func(o *elastic.Options) { o.Filter = `NOT user_agent.original:Googlebot` }).Collect(t.Context(), c.query())
	if err != nil || len(b.Buckets) == 0 || b.Buckets[0].New.Tallies[0] != (metrics.Tally{Total: 1}) {
		t.Errorf("got %+v, %v", b.Buckets, err)
	}
	if b.Hosts["web-1"].Watermark != c.start.Add(2*second) {
		t.Error("a filtered line is a sign of life all the same")
	}
}

func TestAPollThatMayBeIncompleteIsAnError(t *testing.T) {
	for _, f := range []struct {
		name   string
		faults estest.Faults
		change func(*elastic.Options)
		status int // of a *StatusError; 0: another error
		words  string
	}{
		{"timed out", estest.Faults{TimedOut: true}, nil, 0, "cannot be trusted: the search timed out"},
		{"partial shards", estest.Faults{PartialShards: 1}, nil, 503, "status 503"},
		{"server error", estest.Faults{Status: 500}, nil, 500, "status 500"},
		{"always busy", estest.Faults{Status: 429}, nil, 429, "poll less often"},
		{"no product header", estest.Faults{DropProductHeader: true}, nil, 0, "flavour: opensearch"},
		{"connections cut", estest.Faults{Down: true}, nil, 0, "asking http://127.0.0.1:"},
		{"no such index", estest.Faults{}, func(o *elastic.Options) { o.Index = "logs-typo" }, 404, "check the index name"},
		{"no index of the pattern", estest.Faults{}, func(o *elastic.Options) { o.Index = "logs-typo-*" }, 404, "check the index name"},
		{"wrong key", estest.Faults{}, func(o *elastic.Options) { o.APIKey = "d3Jvbmc6a2V5" }, 401, "check the API key"},
	} {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, ecs())
			c.log(request{second, "web-1", newSlot, 200, ms, "Mozilla/5.0"})
			c.ship(index)
			c.SetFaults(f.faults)
			_, err := c.source(f.change).Collect(t.Context(), c.query())
			if err == nil || !strings.Contains(err.Error(), f.words) || strings.Contains(err.Error(), "d3Jvbmc6a2V5") {
				t.Fatalf("got %v, want words about %q", err, f.words)
			}
			var status *elastic.StatusError
			if errors.As(err, &status); f.status != 0 && (status == nil || status.Status != f.status) || f.status == 0 && status != nil {
				t.Errorf("got %v, want status %d", err, f.status)
			}
		})
	}
}

func TestOpenSearchIsAskedWithoutItsProductHeader(t *testing.T) {
	c := newCluster(t, ecs())
	c.log(request{second, "web-1", newSlot, 200, ms, "Mozilla/5.0"})
	c.ship(index)
	c.SetFaults(estest.Faults{DropProductHeader: true})
	if _, err := c.source(func(o *elastic.Options) { o.Flavour = elastic.OpenSearch }).Collect(t.Context(), c.query()); err != nil {
		t.Error(err)
	}
}

func TestABusyClusterIsAskedAgain(t *testing.T) {
	for _, status := range []int{429, 502, 503, 504} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, ecs())
			c.log(request{second, "web-1", newSlot, 200, ms, "Mozilla/5.0"})
			c.ship(index)
			c.SetFaults(estest.Faults{Status: status, StatusTimes: 1})
			if _, err := c.source(nil).Collect(t.Context(), c.query()); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestAPollEndsInTime(t *testing.T) {
	c := newCluster(t, ecs())
	c.log(request{second, "web-1", newSlot, 200, ms, "Mozilla/5.0"})
	c.ship(index)
	c.SetFaults(estest.Faults{Latency: 3 * second})
	began := time.Now()
	_, err := c.source(func(o *elastic.Options) { o.Timeout = 100 * time.Millisecond }).Collect(t.Context(), c.query())
	if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 2*second {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.source(nil).Collect(ctx, c.query()); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
