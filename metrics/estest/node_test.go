package estest_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/metrics/estest"
)

func TestDocumentsAreSearchableAfterARefresh(t *testing.T) {
	n := start(t, estest.Config{Refresh: time.Hour})
	n.ok("POST", "/logs/_create/1", `{"a":1}`)
	if got := n.found("logs", `{"match_all":{}}`); got != "" {
		t.Errorf("found %q before a refresh", got)
	}
	if got := n.ok("GET", "/logs/_doc/1", ""); got["found"] != true {
		t.Errorf("reading by id does not wait for a refresh: %v", got)
	}
	n.ok("POST", "/logs/_refresh", "")
	if got := n.found("logs", `{"match_all":{}}`); got != "1" {
		t.Errorf("found %q after a refresh", got)
	}
	n.ok("POST", "/logs/_doc/2?refresh=true", `{"a":2}`)
	n.ok("POST", "/logs/_doc/3", `{"a":3}`)
	if got := n.found("logs", `{"match_all":{}}`); got != "1 2" {
		t.Errorf("found %q after a write with refresh=true and one without", got)
	}
}

func TestRefreshHappensByItselfAndCanBeWaitedFor(t *testing.T) {
	n := start(t, estest.Config{Refresh: 30 * time.Millisecond})
	n.ok("POST", "/_bulk?refresh=wait_for", "{\"create\":{\"_index\":\"logs\",\"_id\":\"1\"}}\n{\"a\":1}\n")
	if got := n.found("logs", `{"match_all":{}}`); got != "1" {
		t.Errorf("found %q after waiting for the refresh", got)
	}
}

func TestBulkAnswersItemByItem(t *testing.T) {
	n := start(t, estest.Config{Templates: []estest.Template{{Patterns: []string{"logs*"}, Mapping: map[string]string{"status": "integer"}}}})
	body := `{"create":{"_index":"logs","_id":"1"}}
{"status":200}
{"create":{"_index":"logs","_id":"1"}}
{"status":200}
{"index":{"_index":"logs","_id":"1"}}
{"status":"404"}
{"index":{"_id":"2"}}
{"status":"many"}
{"index":{}}
{"status":3000000000}
`
	answer := n.ok("POST", "/logs/_bulk", body)
	var got []any
	for _, item := range answer["items"].([]any) {
		for _, verb := range []string{"create", "index"} {
			if at(item, verb) != nil {
				got = append(got, verb, at(item, verb+".status"), at(item, verb+".error.type"))
			}
		}
	}
	want := []any{"create", 201.0, nil, "create", 409.0, "version_conflict_engine_exception", "index", 200.0, nil,
		"index", 400.0, "mapper_parsing_exception", "index", 400.0, "mapper_parsing_exception"}
	if diff := cmp.Diff(want, got); diff != "" || answer["errors"] != true {
		t.Errorf("%s\n%v", diff, answer)
	}
	if got := n.found("logs", `{"term":{"status":404}}`); got != "1" {
		t.Errorf("the overwritten document is not found: %q", got)
	}
	if got := n.found("logs", `{"term":{"status":200}}`); got != "" {
		t.Errorf("the old version is found: %q", got)
	}
	if n.Documents("logs") != 1 || n.Documents("other") != 0 {
		t.Errorf("%d documents", n.Documents("logs"))
	}
}

func TestHitsAreSortedCutAndStripped(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	for _, c := range []struct {
		path, body string
		want       map[string]any
	}{
		{"?size=1", `{"sort":[{"@timestamp":"desc"}]}`, map[string]any{"hits.hits.0._id": "4", "hits.hits.0.sort.0": 1795262417000.0, "hits.hits.0._score": nil, "hits.hits.1": nil}},
		{"?sort=event.duration:asc&from=3", ``, map[string]any{"hits.hits.0._id": "4", "hits.hits.1._id": "5", "hits.total.value": 5.0}},
		{"", `{"sort":[{"event.duration":{"order":"desc","missing":"_first"}},"_doc"]}`, map[string]any{"hits.hits.0._id": "4", "hits.hits.2._id": "3"}},
		{"", `{"track_total_hits":false}`, map[string]any{"hits.total": nil, "hits.max_score": 1.0}},
		{"", `{"track_total_hits":2}`, map[string]any{"hits.total.value": 2.0, "hits.total.relation": "gte"}},
		{"?rest_total_hits_as_int=true", ``, map[string]any{"hits.total": 5.0}},
		{"", `{"_source":["host.*","url"],"query":{"ids":{"values":["1"]}}}`, map[string]any{"hits.hits.0._source.host.name": "web-01", "hits.hits.0._source.url.path": "/a", "hits.hits.0._source.http": nil}},
		{"", `{"_source":{"excludes":["http.response.status_code"]},"query":{"ids":{"values":["1"]}}}`, map[string]any{"hits.hits.0._source.http": nil, "hits.hits.0._source.host.name": "web-01"}},
		{"?_source=false", ``, map[string]any{"hits.hits.0._source": nil}},
		{"?q=host.name:web-02", ``, map[string]any{"hits.hits.0._id": "2", "hits.hits.1": nil}},
		{"?filter_path=hits.hits._id,**.value", ``, map[string]any{"hits.hits.0._id": "1", "hits.hits.0._source": nil, "hits.total.value": 5.0, "took": nil}},
	} {
		answer := n.ok("POST", "/logs-*/_search"+c.path, c.body)
		for path, want := range c.want {
			if got := at(answer, path); got != want {
				t.Errorf("%s %s: %s is %v, want %v", c.path, c.body, path, got, want)
			}
		}
	}
	if got := n.ok("POST", "/logs-*/_count", `{"query":{"exists":{"field":"http"}}}`); got["count"] != 4.0 {
		t.Errorf("_count: %v", got)
	}
}

func TestFieldCapsTellTypesAndConflicts(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	n.fill("plain", `{"name":"a b","when":"2026-11-21T12:00:00Z","n":5,"f":5.5,"ok":true,"host":{"name":"x"}}`)
	answer := n.ok("GET", "/*/_field_caps?fields=*", "")
	for path, want := range map[string]any{
		"fields.name.text.aggregatable": false,
		"fields.name.text.searchable":   true,
		"fields.when.date.type":         "date",
		"fields.n.long.aggregatable":    true,
		"fields.f.float.type":           "float",
		"fields.ok.boolean.type":        "boolean",
		"fields._id._id.metadata_field": true,
		"fields.host.object.searchable": false,
		"fields.message.text.type":      "text",
		"fields.n.long.indices":         nil,
		"indices.1":                     "plain",
	} {
		if got := at(answer, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	fields := at(answer, "fields").(map[string]any)
	caps := func(name, typ string) map[string]any {
		out, _ := fields[name].(map[string]any)[typ].(map[string]any)
		return out
	}
	if got := caps("host.name", "text")["indices"]; !cmp.Equal(got, []any{"plain"}) {
		t.Errorf("the conflict of host.name is not told: %v", fields["host.name"])
	}
	if got := caps("name.keyword", "keyword"); got["aggregatable"] != true {
		t.Errorf("name.keyword: %v", got)
	}
	few := n.ok("POST", "/plain/_field_caps", `{"fields":["host*","missing"]}`)
	for _, name := range []string{"n", "missing"} {
		if _, has := at(few, "fields").(map[string]any)[name]; has {
			t.Errorf("%s was not asked for or does not exist", name)
		}
	}
}

func TestMappingsArePutAndRead(t *testing.T) {
	n := start(t, estest.Config{})
	n.ok("PUT", "/plain", `{"settings":{"number_of_shards":1},"mappings":{"properties":{"app":{"type":"text","fields":{"raw":{"type":"keyword","ignore_above":5}}},"http":{"properties":{"status":{"type":"short"}}}}}}`)
	n.ok("PUT", "/plain/_mapping", `{"properties":{"more":{"type":"ip"}}}`)
	n.fill("plain", `{"app":"short"}`, `{"app":"too long"}`)
	if got := n.found("plain", `{"exists":{"field":"app.raw"}}`); got != "1" {
		t.Errorf("ignore_above let %q through", got)
	}
	answer := n.ok("GET", "/plain/_mapping", "")
	for path, want := range map[string]any{
		"plain.mappings.properties.app.type": "text", "plain.mappings.properties.app.fields.raw.ignore_above": 5.0,
		"plain.mappings.properties.http.properties.status.type": "short", "plain.mappings.properties.more.type": "ip",
	} {
		if got := at(answer, path); got != want {
			t.Errorf("%s is %v, want %v", path, got, want)
		}
	}
	if status, _ := n.ask("PUT", "/plain/_mapping", `{"properties":{"more":{"type":"long"}}}`); status != 400 {
		t.Errorf("a type was changed: %d", status)
	}
	n.ok("PUT", "/_index_template/logs", `{"index_patterns":["logs-*"],"data_stream":{},"template":{"mappings":{"properties":{"@timestamp":{"type":"date"},"app":{"type":"keyword"}}}}}`)
	n.fill("logs-a", `{"@timestamp":"2026-11-21T12:00:00Z","app":"a-b"}`)
	if got := n.found("logs-a", `{"term":{"app":"a-b"}}`); got != "1" {
		t.Errorf("the template was not used: %q", got)
	}
	n.ok("DELETE", "/plain", "")
	if status, _ := n.ask("HEAD", "/plain", ""); status != 404 {
		t.Errorf("HEAD of a deleted index: %d", status)
	}
}

func TestCredentialsAreAsked(t *testing.T) {
	key := base64.StdEncoding.EncodeToString([]byte("id:secret"))
	n := start(t, estest.Config{APIKey: key, User: "elastic", Password: "pass"})
	basic := "Basic " + base64.StdEncoding.EncodeToString([]byte("elastic:pass"))
	wrong := "Basic " + base64.StdEncoding.EncodeToString([]byte("elastic:word"))
	for header, want := range map[string]int{"": 401, "ApiKey " + key: 200, basic: 200, wrong: 401, "ApiKey abc": 401, "Bearer " + key: 401} {
		status, answer, raw := n.send("GET", "/", "", map[string]string{"Authorization": header})
		if status != want {
			t.Errorf("%q was answered %d", header, status)
		}
		if want == 401 && (!strings.Contains(string(raw), "security_exception") || answer.Get("WWW-Authenticate") == "") {
			t.Errorf("%q: %s", header, raw)
		}
		if strings.Contains(string(raw), "secret") || strings.Contains(string(raw), key) {
			t.Errorf("the answer tells the secret: %s", raw)
		}
	}
}

func TestFaultsAreSeenByClients(t *testing.T) {
	n := start(t, estest.Config{Shards: 4})
	var documents []string
	for i := range 40 {
		documents = append(documents, fmt.Sprintf(`{"@timestamp":"2026-11-21T12:00:%02dZ"}`, i))
	}
	n.fill("logs", documents...)
	n.SetFaults(estest.Faults{TimedOut: true})
	if got := n.ok("POST", "/logs/_search", ""); got["timed_out"] != true {
		t.Errorf("not timed out: %v", got)
	}
	n.SetFaults(estest.Faults{PartialShards: 1})
	got := n.ok("POST", "/logs/_search", "")
	if at(got, "_shards.failed") != 1.0 || at(got, "_shards.successful") != 3.0 || at(got, "_shards.failures.0.reason.type") == nil || at(got, "hits.total.value") != 30.0 {
		t.Errorf("partial: %v", got)
	}
	if status, got := n.ask("POST", "/logs/_search?allow_partial_search_results=false", ""); status != 503 || at(got, "error.type") != "search_phase_execution_exception" {
		t.Errorf("partial results were not allowed, yet: %d %v", status, got)
	}
	n.SetFaults(estest.Faults{Status: 429, StatusTimes: 2})
	for _, want := range []int{429, 429, 200} {
		if status, _ := n.ask("GET", "/", ""); status != want {
			t.Errorf("status %d, want %d", status, want)
		}
	}
	n.SetFaults(estest.Faults{DropProductHeader: true})
	if _, header, _ := n.send("GET", "/", "", nil); header.Get("X-Elastic-Product") != "" {
		t.Error("the product header is there")
	}
	n.SetFaults(estest.Faults{Latency: 30 * time.Millisecond})
	began := time.Now()
	if n.ok("GET", "/", ""); time.Since(began) < 30*time.Millisecond {
		t.Error("the answer was not late")
	}
	n.SetFaults(estest.Faults{Down: true})
	if response, err := http.Get(n.URL()); err == nil {
		response.Body.Close()
		t.Error("a node that is down answered")
	}
	n.SetFaults(estest.Faults{})
	if calls := n.Calls(); calls["_search"] != 3 || calls["_bulk"] != 1 || calls["info"] < 6 {
		t.Errorf("calls %v", calls)
	}
}

func TestOldDocumentsAreDropped(t *testing.T) {
	n := start(t, estest.Config{Keep: time.Nanosecond})
	for i := range 5 {
		n.ok("POST", "/logs/_doc", fmt.Sprintf(`{"@timestamp":"2026-11-21T12:00:%02dZ"}`, i))
	}
	if got := n.Documents("logs"); got > 1 {
		t.Errorf("%d documents are kept", got)
	}
}

func TestContentTypeIsAsked(t *testing.T) {
	n := start(t, estest.Config{})
	for kind, want := range map[string]int{"": 406, "text/plain": 406, "application/json": 200, "application/vnd.elasticsearch+json;compatible-with=8": 200} {
		if status, _, raw := n.send("POST", "/_search", "{}", map[string]string{"Content-Type": kind}); status != want {
			t.Errorf("%q was answered %d %s", kind, status, raw)
		}
	}
}

func TestClusterLooksHealthy(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("logs", `{"a":1}`)
	if got := n.ok("GET", "/", ""); !strings.HasPrefix(at(got, "version.number").(string), "8.5.") || got["tagline"] != "You Know, for Search" {
		t.Errorf("%v", got)
	}
	if got := n.ok("GET", "/_cluster/health", ""); got["status"] != "green" {
		t.Errorf("%v", got)
	}
	_, _, raw := n.send("GET", "/_cat/indices?format=json", "", nil)
	if !strings.Contains(string(raw), `"docs.count":"1"`) {
		t.Errorf("%s", raw)
	}
	if status, header, raw := n.send("HEAD", "/", "", nil); status != 200 || len(raw) > 0 || header.Get("X-Elastic-Product") == "" {
		t.Errorf("HEAD: %d %v", status, header)
	}
}

func TestUnknownTypeInATemplateIsRefused(t *testing.T) {
	if s, err := estest.New(estest.Config{Templates: []estest.Template{{Mapping: map[string]string{"a": "strong"}}}}); err == nil {
		s.Close()
		t.Error("accepted")
	}
}

func TestDeleteByQueryRemovesWhatItFindsAndNothingElse(t *testing.T) {
	n := start(t, estest.Config{Templates: []estest.Template{{Patterns: []string{"logs*"}, Mapping: map[string]string{"@timestamp": "date"}}}})
	n.fill("logs", `{"@timestamp":"2026-11-21T10:00:00Z"}`, `{"@timestamp":"2026-11-21T11:00:00Z"}`, `{"@timestamp":"2026-11-21T12:00:00Z"}`)
	n.fill("logs-other", `{"@timestamp":"2026-11-21T10:00:00Z"}`)
	answer := n.ok("POST", "/logs/_delete_by_query?conflicts=proceed", `{"query":{"range":{"@timestamp":{"lt":"2026-11-21T11:30:00Z"}}}}`)
	if answer["deleted"] != 2.0 || answer["total"] != 2.0 {
		t.Errorf("answer %v", answer)
	}
	if left, others := n.found("logs", `{"match_all":{}}`), n.Documents("logs-other"); left != "3" || others != 1 {
		t.Errorf("left %q, and %d in another index", left, others)
	}
	if status, answer := n.ask("GET", "/logs/_doc/1", ""); status != http.StatusNotFound {
		t.Errorf("a removed document is there by its id: %v", answer)
	}
	if status, answer := n.ask("POST", "/logs/_delete_by_query", ""); status != http.StatusBadRequest || !strings.Contains(fmt.Sprint(answer), "query is missing") {
		t.Errorf("without a query: %d %v", status, answer)
	}
}
