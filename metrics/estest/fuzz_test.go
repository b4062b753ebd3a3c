package estest

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// sample is an index with one document of every family.
func sample(t testing.TB) *index {
	ix, err := newIndex("logs", Template{Mapping: map[string]string{"ip": "ip", "k": "keyword"}}, 0, time.Unix(0, 0))
	if err != nil {
		t.Fatal(err)
	}
	for _, source := range []string{
		`{"@timestamp":"2026-11-21T12:00:00Z","t":"app.domain.com-3457","k":["a","b"],"n":5,"f":1.5,"b":true,"ip":"10.0.0.1"}`,
		`{"t":"","k":null,"n":-1}`,
	} {
		d, err := ix.parse(source, []byte(source))
		if err != nil {
			t.Fatal(err)
		}
		ix.store(d, time.Unix(1, 0))
	}
	return ix
}

// refusal fails the test unless the error is one that Elasticsearch would answer with a status of its own.
func refusal(t *testing.T, err error) {
	t.Helper()
	var f *failure
	if !errors.As(err, &f) || f.status/100 != 4 || f.reason == "" {
		t.Errorf("not an answer of Elasticsearch: %v", err)
	}
}

func FuzzSearchBody(f *testing.F) {
	for _, body := range []string{
		``, `{}`, `{"size":0,"track_total_hits":false,"timeout":"3s","sort":[{"n":{"order":"desc"}},"_doc"],"_source":{"includes":["t"]}}`,
		`{"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":"2026-11-21","lt":"now"}}},{"term":{"k":"a"}}],"must_not":{"prefix":{"t":"app"}},"should":[{"wildcard":{"t":"*3?57"}}],"minimum_should_match":"50%"}}}`,
		`{"aggs":{"h":{"date_histogram":{"field":"@timestamp","fixed_interval":"5s","extended_bounds":{"min":0,"max":60000}},"aggs":{"f":{"filters":{"filters":{"a":{"exists":{"field":"n"}}}},"aggs":{"p":{"percentiles":{"field":"n","percents":[50]}}}}}}}}`,
		`{"aggs":{"t":{"terms":{"field":"n","order":{"m":"desc"}},"aggs":{"m":{"max":{"field":"f"}}}},"c":{"cardinality":{"field":"b"}},"s":{"stats":{"field":"@timestamp"}}}}`,
		`{"query":{"query_string":{"query":"t:\"app.domain.com-3457\" AND n:[1 TO 9]","lenient":true}}}`, `{"query":{"terms":{"ip":["10.0.0.0/8"]}}}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := parseSearch(body, false)
		if err != nil {
			refusal(t, err)
			return
		}
		top := r.aggs.bucket()
		hits, total, err := r.run([]*index{sample(t)}, top, 0, 1, time.Unix(2, 0))
		if err != nil {
			refusal(t, err)
			return
		}
		answer, err := r.answer(hits, total)
		if err != nil {
			t.Fatal(err)
		}
		if err := top.into(answer); err != nil {
			refusal(t, err)
			return
		}
		if _, err := json.Marshal(answer); err != nil {
			t.Error(err)
		}
	})
}

func FuzzQueryString(f *testing.F) {
	for _, text := range []string{
		`t:"app.domain.com-3457" AND n:500`, `n:[500 TO 599] OR n:>=5`, `NOT (t:a* || -k:b\:c)`, `+a -b`, `*:*`, `_exists_:k`, `"`, `((((`, `a\`, `k:{a TO "b c"]`, `n:<=`, `é:ü`,
	} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, every bool) {
		tree, err := parseLucene(text)
		q := &queryString{tree: tree, broken: err, every: every}
		ix := sample(t)
		bound, err := q.bind(ix)
		if err != nil {
			refusal(t, err)
			return
		}
		for _, d := range ix.docs {
			bound.match(d)
		}
	})
}

func FuzzBulk(f *testing.F) {
	f.Add([]byte("{\"create\":{\"_index\":\"logs\",\"_id\":\"1\"}}\n{\"a\":1}\n"), []byte(`{"a":{"b":[1,"x",null,{"c":true}]}}`))
	f.Add([]byte("{\"index\":{}}\n"), []byte(`{"@timestamp":"2026-11-21","n":1e400,"":1}`))
	f.Fuzz(func(t *testing.T, body, document []byte) {
		if _, err := parseBulk(body, "logs"); err != nil {
			refusal(t, err)
		}
		ix := sample(t)
		d, err := ix.parse("id", document)
		if err != nil {
			refusal(t, err)
			return
		}
		ix.store(d, time.Unix(2, 0))
		if _, err := json.Marshal(ix.mapping()); err != nil {
			t.Error(err)
		}
	})
}
