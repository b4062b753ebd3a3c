package elastic_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
)

// answering is a source whose cluster says the same to every request.
func answering(t testing.TB, status int, body string) *elastic.Source {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	s, err := elastic.New(elastic.Options{URLs: []string{server.URL}, Index: "logs", Fields: elastic.Fields{Slot: "slot"}, Timeout: 5 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func poll() metrics.Query {
	from := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	return metrics.Query{New: "b", Old: []string{"a"}, Hosts: []string{"web-1"}, From: from, To: from.Add(time.Minute), Bucket: 5 * time.Second,
		Metrics: []metrics.Metric{{Name: "errors", Kind: metrics.Errors, StatusFrom: 500, Limit: metrics.Limit{Delta: 0.01}}}}
}

const (
	whole    = `{"took":1,"timed_out":false,"_shards":{"total":2,"successful":2,"skipped":0,"failed":0},"hits":{"max_score":null,"hits":[]},"aggregations":` + counts + `}`
	counts   = `{"hosts":{"doc_count_error_upper_bound":0,"sum_other_doc_count":0,"buckets":[` + web1 + `]},"traffic":{"doc_count":3,"arms":{"buckets":{"new":` + coverage + `,"old":` + coverage + `}},"time":{"buckets":[` + bucket + `]}}}`
	web1     = `{"key":"web-1","doc_count":3,"newest":{"value":1.795262405E12},"new":{"doc_count":1,"first":{"value":1.795262401E12},"settled":{"doc_count":1}}}`
	coverage = `{"doc_count":1,"status":{"doc_count":1},"duration":{"doc_count":1},"took":{"values":{"50.0":2.0E7,"95.0":2.0E7,"99.0":null}}}`
	bucket   = `{"key_as_string":"2026-11-21T12:00:00.000Z","key":1795262400000,"doc_count":2,"arms":{"buckets":{"new":` + arm + `,"old":` + arm + `}}}`
	arm      = `{"doc_count":1,"m0":{"doc_count":1,"bad":{"doc_count":0}}}`
)

func TestAWholeAnswerIsRead(t *testing.T) {
	b, err := answering(t, 200, whole).Collect(t.Context(), poll())
	if err != nil || len(b.Buckets) != 1 || b.Buckets[0].New.Tallies[0].Total != 1 || b.Hosts["web-1"].First.IsZero() || b.New.P95 != 20*time.Millisecond {
		t.Errorf("got %+v, %v", b, err)
	}
}

func TestAnAnswerThatLacksAnythingIsNoZero(t *testing.T) {
	for name, cut := range map[string][2]string{
		"nothing":            {whole, ``},
		"no JSON":            {whole, `<html>Bad gateway</html>`},
		"half of it":         {whole, whole[:len(whole)/2]},
		"null":               {whole, `null`},
		"an empty object":    {whole, `{}`},
		"an array":           {whole, `[]`},
		"timed out":          {`"timed_out":false`, `"timed_out":true`},
		"no timed_out":       {`"timed_out":false,`, ``},
		"no shards":          {`"_shards":{"total":2,"successful":2,"skipped":0,"failed":0},`, ``},
		"shards uncounted":   {`"total":2,`, ``},
		"a failed shard":     {`"failed":0`, `"failed":1`},
		"no shard":           {`"total":2`, `"total":0`},
		"no aggregations":    {`"aggregations":` + counts, `"aggregations":null`},
		"no hosts":           {`"hosts":{`, `"guests":{`},
		"a host's newest":    {`"newest":`, `"oldest":`},
		"a host's count":     {`"settled":{"doc_count":1}`, `"settled":{}`},
		"an arm":             {`"new":` + arm + `,`, ``},
		"an arm's requests":  {`{"doc_count":1,"m0"`, `{"m0"`},
		"a metric":           {`"m0":`, `"m1":`},
		"a metric's bad":     {`"bad":`, `"good":`},
		"more bad than all":  {`"bad":{"doc_count":0}`, `"bad":{"doc_count":2}`},
		"a negative count":   {`"bad":{"doc_count":0}`, `"bad":{"doc_count":-1}`},
		"a count in words":   {`"bad":{"doc_count":0}`, `"bad":{"doc_count":"none"}`},
		"a bucket's time":    {`"key":1795262400000,`, ``},
		"coverage":           {`"status":{"doc_count":1},`, ``},
		"an object for list": {`"time":{"buckets":[` + bucket + `]}`, `"time":{"buckets":{}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			body := strings.ReplaceAll(whole, cut[0], cut[1])
			if body == whole {
				t.Fatal("nothing was cut")
			}
			b, err := answering(t, 200, body).Collect(t.Context(), poll())
			var invalid *elastic.InvalidError
			if !errors.As(err, &invalid) {
				t.Errorf("got %+v, %v", b, err)
			}
		})
	}
}

func TestErrorBodiesAreReadInEveryShape(t *testing.T) {
	for body, words := range map[string]string{
		`{"error":{"root_cause":[{"type":"illegal_argument_exception","reason":"no such thing"}],"type":"search_phase_execution_exception","reason":"all shards failed"},"status":400}`: "status 400, illegal_argument_exception: no such thing",
		`{"error":{"root_cause":[],"type":"too_many_buckets_exception","reason":"more than 65536"},"status":400}`:                                                                       "raise search.max_buckets",
		`{"error":"no handler found","status":400}`: "status 400: no handler found",
		`<html>proxy</html>`:                        "status 400",
		``:                                          "status 400",
		`{"error":{"reason":7}}`:                    "status 400",
	} {
		_, err := answering(t, 400, body).Collect(t.Context(), poll())
		var status *elastic.StatusError
		if !errors.As(err, &status) || status.Status != 400 || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", body, err)
		}
	}
}

func TestAPreflightThatCannotBeReadIsAnError(t *testing.T) {
	for _, body := range []string{``, `{}`, `[]`, `{"fields":7}`, `null`} {
		if _, err := metrics.Check(t.Context(), answering(t, 200, body), metrics.Survey{Old: []string{"a"}, Hosts: []string{"web-1"}}); err == nil {
			t.Errorf("%q was taken for an answer", body)
		}
	}
}

func TestOptionsThatMakeNoSenseAreRefused(t *testing.T) {
	for words, change := range map[string]func(*elastic.Options){
		"no URL":                     func(o *elastic.Options) { o.URLs = nil },
		"not like https://es:9200":   func(o *elastic.Options) { o.URLs = []string{"es:9200"} },
		"carries a password":         func(o *elastic.Options) { o.URLs = []string{"https://me:secret@es:9200"} },
		"index":                      func(o *elastic.Options) { o.Index = "" },
		"no index name":              func(o *elastic.Options) { o.Index = "logs/_delete" },
		"no field for the slot":      func(o *elastic.Options) { o.Fields.Slot = "" },
		"duration unit":              func(o *elastic.Options) { o.Fields.DurationUnit = "minutes" },
		"flavour":                    func(o *elastic.Options) { o.Flavour = "solr" },
		"no certificate in PEM form": func(o *elastic.Options) { o.CA = []byte("x") },
	} {
		o := elastic.Options{URLs: []string{"https://es:9200"}, Index: "logs", Fields: elastic.Fields{Slot: "slot"}}
		change(&o)
		_, err := elastic.New(o)
		if err == nil || !strings.Contains(err.Error(), words) || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v, want words about %q", err, words)
		}
	}
}
