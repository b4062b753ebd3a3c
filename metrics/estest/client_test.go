package estest_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	elasticsearch "github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esutil"

	"iiscanary/metrics/estest"
)

// TestOrdinaryClientIndexesAndSearches uses the official client, its bulk indexer included.
func TestOrdinaryClientIndexesAndSearches(t *testing.T) {
	n := start(t, estest.Config{APIKey: "aWQ6a2V5", Templates: logsTemplate()})
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{n.URL()}, APIKey: "aWQ6a2V5", CompressRequestBody: true})
	if err != nil {
		t.Fatal(err)
	}
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: client, Index: "logs-iis.access-default", NumWorkers: 2, Refresh: "true"})
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100 {
		document := fmt.Sprintf(`{"@timestamp":"2026-11-21T12:00:%02dZ","http":{"response":{"status_code":%d}}}`, i%60, 200+300*(i%2))
		if err := indexer.Add(t.Context(), esutil.BulkIndexerItem{Action: "create", Body: strings.NewReader(document)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := indexer.Close(t.Context()); err != nil || indexer.Stats().NumFailed > 0 {
		t.Fatalf("%v %+v", err, indexer.Stats())
	}
	response, err := client.Search(client.Search.WithIndex("logs-*"), client.Search.WithSize(0), client.Search.WithTrackTotalHits(true),
		client.Search.WithAllowPartialSearchResults(false), client.Search.WithPreference("run-1"), client.Search.WithTimeout(3*time.Second),
		client.Search.WithBody(strings.NewReader(`{"query":{"range":{"http.response.status_code":{"gte":500}}}}`)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(response.Body); err != nil || !strings.Contains(body.String(), `"total":{"relation":"eq","value":50}`) {
		t.Errorf("%v %s", err, body.String())
	}
}

func TestTypedClientUnderstandsTheAnswers(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	client, err := elasticsearch.NewTypedClient(elasticsearch.Config{Addresses: []string{n.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	answer, err := client.Search().Index("logs-*").Raw(strings.NewReader(
		`{"size":2,"aggs":{"hosts":{"terms":{"field":"host.name"},"aggs":{"d":{"percentiles":{"field":"event.duration"}}}},"at":{"date_histogram":{"field":"@timestamp","fixed_interval":"5s"}}}}`)).Do(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if len(answer.Hits.Hits) != 2 || answer.Aggregations["hosts"] == nil || answer.Aggregations["at"] == nil || answer.Shards_.Total != 1 {
		t.Errorf("%+v", answer)
	}
}

// TestMissingProductHeaderIsNoticedByTheClient shows that the fault is the one that a stripping proxy causes.
func TestMissingProductHeaderIsNoticedByTheClient(t *testing.T) {
	n := start(t, estest.Config{})
	n.SetFaults(estest.Faults{DropProductHeader: true})
	client, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{n.URL()}})
	if err != nil {
		t.Fatal(err)
	}
	if response, err := client.Info(); err == nil {
		response.Body.Close()
		t.Error("the client took it for Elasticsearch")
	}
}
