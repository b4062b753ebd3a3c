package estest_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iiscanary/metrics/estest"
)

func TestAggregationsAnswerAsElasticsearchDoes(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	for _, c := range []struct{ agg, want string }{
		{`{"max":{"field":"event.duration"}}`, `{"value":3.0E7}`},
		{`{"min":{"field":"http.response.status_code"}}`, `{"value":200.0}`},
		{`{"avg":{"field":"event.duration"}}`, `{"value":2.0E7}`},
		{`{"sum":{"field":"event.duration"}}`, `{"value":6.0E7}`},
		{`{"max":{"field":"@timestamp"}}`, `{"value":1.795262417E12,"value_as_string":"2026-11-21T12:00:17.000Z"}`},
		{`{"max":{"field":"nothing"}}`, `{"value":null}`},
		{`{"sum":{"field":"nothing"}}`, `{"value":0.0}`},
		{`{"value_count":{"field":"http.response.status_code"}}`, `{"value":4}`},
		{`{"value_count":{"field":"iis.access.site_name"}}`, `{"value":5}`},
		{`{"cardinality":{"field":"host.name"}}`, `{"value":3}`},
		{`{"stats":{"field":"http.response.status_code"}}`, `{"count":4,"min":200.0,"max":503.0,"avg":401.75,"sum":1607.0}`},
		{`{"stats":{"field":"nothing"}}`, `{"count":0,"min":null,"max":null,"avg":null,"sum":0.0}`},
		{`{"percentiles":{"field":"event.duration","percents":[50,95],"tdigest":{"compression":200}}}`, `{"values":{"50.0":2.0E7,"95.0":3.0E7}}`},
		{`{"percentiles":{"field":"nothing","percents":[50]}}`, `{"values":{"50.0":null}}`},
		{`{"percentiles":{"field":"event.duration","percents":[50],"keyed":false}}`, `{"values":[{"key":50.0,"value":2.0E7}]}`},
		{`{"missing":{"field":"event.duration"}}`, `{"doc_count":2}`},
		{`{"filter":{"range":{"http.response.status_code":{"gte":500}}},"aggs":{"hosts":{"cardinality":{"field":"host.name"}}}}`, `{"doc_count":2,"hosts":{"value":1}}`},
		{`{"filters":{"filters":{"new":{"term":{"iis.access.site_name":"app-2"}},"old":{"term":{"iis.access.site_name":"app-1"}}},"other_bucket_key":"rest"}}`,
			`{"buckets":{"new":{"doc_count":2},"old":{"doc_count":2},"rest":{"doc_count":1}}}`},
		{`{"filters":{"filters":[{"match_all":{}},{"match_none":{}}]}}`, `{"buckets":[{"doc_count":5},{"doc_count":0}]}`},
		{`{"terms":{"field":"host.name","size":2}}`, `{"doc_count_error_upper_bound":0,"sum_other_doc_count":1,"buckets":[{"key":"web-03","doc_count":2},{"key":"web-01","doc_count":1}]}`},
		{`{"terms":{"field":"http.response.status_code","order":{"_key":"desc"},"size":1}}`, `{"doc_count_error_upper_bound":0,"sum_other_doc_count":3,"buckets":[{"key":503,"doc_count":1}]}`},
		{`{"terms":{"field":"host.name","order":{"slowest":"desc"},"size":1},"aggs":{"slowest":{"max":{"field":"event.duration"}}}}`,
			`{"doc_count_error_upper_bound":0,"sum_other_doc_count":2,"buckets":[{"key":"web-03","doc_count":2,"slowest":{"value":3.0E7}}]}`},
		{`{"terms":{"field":"nothing"}}`, `{"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[]}`},
		{`{"date_histogram":{"field":"@timestamp","fixed_interval":"5s","min_doc_count":1}}`, `{"buckets":[
			{"key":1795262400000,"key_as_string":"2026-11-21T12:00:00.000Z","doc_count":3},
			{"key":1795262405000,"key_as_string":"2026-11-21T12:00:05.000Z","doc_count":1},
			{"key":1795262415000,"key_as_string":"2026-11-21T12:00:15.000Z","doc_count":1}]}`},
		{`{"date_histogram":{"field":"@timestamp","fixed_interval":"10s","min_doc_count":0,"extended_bounds":{"min":1795262390000,"max":"2026-11-21T12:00:25Z"}},
			"aggs":{"bad":{"filter":{"range":{"http.response.status_code":{"gte":500}}}}}}`, `{"buckets":[
			{"key":1795262390000,"key_as_string":"2026-11-21T11:59:50.000Z","doc_count":0,"bad":{"doc_count":0}},
			{"key":1795262400000,"key_as_string":"2026-11-21T12:00:00.000Z","doc_count":4,"bad":{"doc_count":1}},
			{"key":1795262410000,"key_as_string":"2026-11-21T12:00:10.000Z","doc_count":1,"bad":{"doc_count":1}},
			{"key":1795262420000,"key_as_string":"2026-11-21T12:00:20.000Z","doc_count":0,"bad":{"doc_count":0}}]}`},
		{`{"date_histogram":{"field":"@timestamp","fixed_interval":"10s","offset":"-1s","min_doc_count":1,"format":"epoch_second"}}`, `{"buckets":[
			{"key":1795262399000,"key_as_string":"1795262399","doc_count":4},
			{"key":1795262409000,"key_as_string":"1795262409","doc_count":1}]}`},
		{`{"date_histogram":{"field":"nothing","fixed_interval":"5s"}}`, `{"buckets":[]}`},
	} {
		_, _, raw := n.send("POST", "/logs-*/_search", `{"size":0,"aggs":{"a":`+c.agg+`}}`, map[string]string{"Content-Type": "application/json"})
		var answer struct{ Aggregations struct{ A json.RawMessage } }
		if err := json.Unmarshal(raw, &answer); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(canonical(t, c.want), canonical(t, string(answer.Aggregations.A))); diff != "" {
			t.Errorf("%s: %s\n%s", c.agg, diff, raw)
		}
	}
}

// canonical keeps numbers as they are written: 3.0E7 is a double, 30000000 is a long.
func canonical(t *testing.T, text string) any {
	t.Helper()
	var tree any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return tree
}

func TestAggregationsSpanIndices(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("one", `{"@timestamp":"2026-11-21T12:00:00Z","host":"a","ms":1}`)
	n.fill("two", `{"ms":3,"host":"b","@timestamp":"2026-11-21T12:00:00Z"}`, `{"ms":5,"host":"a","@timestamp":"2026-11-21T12:00:01Z"}`)
	n.fill("three", `{"other":true}`)
	answer := n.ok("POST", "/_search?typed_keys=true", `{"size":0,"aggs":{"h":{"terms":{"field":"host.keyword"},"aggs":{"sum":{"sum":{"field":"ms"}}}},"n":{"avg":{"field":"ms"}}}}`)
	for path, want := range map[string]any{
		"aggregations.sterms#h.buckets.0.key": "a", "aggregations.sterms#h.buckets.0.sum#sum.value": 6.0,
		"aggregations.sterms#h.buckets.1.key": "b", "aggregations.avg#n.value": 3.0, "_shards.total": 3.0, "hits.total.value": 4.0,
	} {
		if got := at(answer, path); got != want {
			t.Errorf("%s is %v, want %v in %v", path, got, want, answer)
		}
	}
}
