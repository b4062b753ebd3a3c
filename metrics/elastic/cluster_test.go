package elastic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
	"iiscanary/metrics/estest"
)

const (
	index   = "logs-iis.access-default"
	newSlot = "app.domain.com-3457"
	oldSlot = "app.domain.com-3456"
	apiKey  = "c2VjcmV0OmtleQ=="
)

var fleet = []string{"web-1", "web-2", "web-3"}

// ecs is a mapping as the Elastic Agent's has it.
func ecs() map[string]string {
	return map[string]string{
		"@timestamp": "date", "http.response.status_code": "long", "event.duration": "long", "host.name": "keyword",
		"labels.slot": "keyword", "user_agent.original": "keyword", "url.path": "keyword",
	}
}

// cluster is a simulated Elasticsearch with the log lines of a small fleet.
type cluster struct {
	*estest.Server
	t     *testing.T
	start time.Time
	lines bytes.Buffer
}

func newCluster(t *testing.T, mapping map[string]string) *cluster {
	t.Helper()
	server, err := estest.New(estest.Config{APIKey: apiKey, Shards: 2, Keep: 24 * time.Hour,
		Templates: []estest.Template{{Patterns: []string{"*"}, Mapping: mapping}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return &cluster{Server: server, t: t, start: time.Now().Add(-time.Hour).Truncate(time.Minute).UTC()}
}

// request is one log line.
type request struct {
	after  time.Duration // the start
	host   string
	slot   string
	status any
	took   any // ns
	agent  string
}

func (c *cluster) log(r request) {
	doc := map[string]any{"@timestamp": c.start.Add(r.after).Format("2006-01-02T15:04:05.000Z"), "host": map[string]any{"name": r.host},
		"labels": map[string]any{"slot": r.slot}, "http": map[string]any{"response": map[string]any{"status_code": r.status}},
		"event": map[string]any{"duration": r.took}, "user_agent": map[string]any{"original": r.agent}, "url": map[string]any{"path": "/shop"}}
	raw, err := json.Marshal(doc)
	if err != nil {
		c.t.Fatal(err)
	}
	fmt.Fprintf(&c.lines, "{\"create\":{}}\n%s\n", raw)
}

// ship makes everything logged so far searchable.
func (c *cluster) ship(index string) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.URL()+"/"+index+"/_bulk?refresh=true", &c.lines)
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("Authorization", "ApiKey "+apiKey)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK || bytes.Contains(raw, []byte(`"errors":true`)) {
		c.t.Fatalf("bulk: %v, %d %.300s", err, resp.StatusCode, raw)
	}
	c.lines.Reset()
}

func (c *cluster) source(change func(*elastic.Options)) *elastic.Source {
	c.t.Helper()
	o := elastic.Options{URLs: []string{c.URL()}, APIKey: apiKey, Index: index, Fields: elastic.Fields{Slot: "labels.slot"}, Timeout: 5 * time.Second}
	if change != nil {
		change(&o)
	}
	s, err := elastic.New(o)
	if err != nil {
		c.t.Fatal(err)
	}
	return s
}

func questions() []metrics.Metric {
	return []metrics.Metric{
		{Name: "errors", Kind: metrics.Errors, StatusFrom: 500, Limit: metrics.Limit{Rho: 1.5, Delta: 0.001}},
		{Name: "slow", Kind: metrics.Slow, SlowerThan: 250 * time.Millisecond, Limit: metrics.Limit{Rho: 1.2, Delta: 0.01}},
	}
}

func (c *cluster) query() metrics.Query {
	return metrics.Query{New: newSlot, Old: []string{oldSlot}, Hosts: fleet, Metrics: questions(),
		From: c.start, To: c.start.Add(time.Minute), Bucket: 5 * time.Second, Settled: c.start.Add(20 * time.Second)}
}

const ms = int64(time.Millisecond)
