package elastic

import (
	"encoding/json"
	"testing"
	"time"

	"iiscanary/metrics"
)

// FuzzAnswer feeds foreign bytes to the decoders of all searches: whatever they accept must be whole and sane.
func FuzzAnswer(f *testing.F) {
	head := `{"timed_out":false,"_shards":{"total":1,"failed":0},"aggregations":`
	cover := `{"doc_count":1,"status":{"doc_count":1},"duration":{"doc_count":1},"took":{"values":{"50.0":2e7}}}`
	arm := `{"doc_count":1,"m0":{"doc_count":1,"bad":{"doc_count":0}}}`
	f.Add([]byte(head + `{"hosts":{"buckets":[{"key":"web-1","newest":{"value":1.7E12},"new":{"doc_count":1,"first":{"value":1.7E12},"settled":{"doc_count":1}}}]},` +
		`"traffic":{"arms":{"buckets":{"new":` + cover + `,"old":` + cover + `}},"time":{"buckets":[{"key":1.7E12,"arms":{"buckets":{"new":` + arm + `,"old":` + arm + `}}}]}}}}`))
	f.Add([]byte(head + `{"old":` + cover + `,"hosts":{"buckets":[{"key":"web-1","newest":{"value":1.7E12},"old":` + cover + `}]}}}`))
	f.Add([]byte(head + `{"time":{"buckets":[{"hosts":{"buckets":[{"key":"web-1","doc_count":1,"m0":{"doc_count":1,"bad":{"doc_count":0}}}]}}]}}}`))
	f.Add([]byte(`{"error":{"root_cause":[{"type":"x","reason":"y"}]},"status":400}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		statusError(400, raw)
		q := metrics.Query{Hosts: []string{"web-1"}, Metrics: []metrics.Metric{{}}}
		var a pollAnswer
		if json.Unmarshal(raw, &a) == nil && a.complete() == nil {
			if b, err := a.batch(q, time.Nanosecond); err == nil {
				sane(t, b)
			}
		}
		var s surveyAnswer
		if json.Unmarshal(raw, &s) == nil && s.complete() == nil {
			if f, err := s.facts(metrics.Survey{Hosts: q.Hosts}, Fields{}.complete()); err == nil && f.Lines < 0 {
				t.Fatalf("%d lines", f.Lines)
			}
		}
		var d scatterAnswer
		if json.Unmarshal(raw, &d) == nil && d.complete() == nil {
			if _, rows, err := d.read(1); err == nil && bursts(rows) < 1 {
				t.Fatal("less scatter than none")
			}
		}
	})
}

func sane(t *testing.T, b metrics.Batch) {
	t.Helper()
	for _, k := range b.Buckets {
		for _, c := range []metrics.Cell{k.New, k.Old} {
			if k.Start.IsZero() || c.Requests < 0 || len(c.Tallies) != 1 || c.Tallies[0].Bad < 0 || c.Tallies[0].Bad > c.Tallies[0].Total {
				t.Fatalf("accepted %+v", k)
			}
		}
	}
	for _, c := range []metrics.Coverage{b.New, b.Old} {
		if c.Lines < 0 || c.Status < 0 || c.P99 < 0 {
			t.Fatalf("accepted %+v", c)
		}
	}
}
