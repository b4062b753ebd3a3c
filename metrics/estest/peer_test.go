package estest_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"iiscanary/metrics/estest"
)

// ecs is the part of the ECS mapping of IIS access logs that the tests need.
func ecs() map[string]string {
	return map[string]string{
		"@timestamp": "date", "http.response.status_code": "long", "event.duration": "long", "event.created": "date",
		"host.name": "keyword", "iis.access.site_name": "keyword", "url.path": "wildcard", "user_agent.original": "keyword",
		"source.address": "keyword", "source.ip": "ip", "message": "match_only_text",
	}
}

type node struct {
	*estest.Server
	t *testing.T
}

func start(t *testing.T, config estest.Config) node {
	t.Helper()
	s, err := estest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return node{s, t}
}

// ask sends one request and gives the status and the decoded answer.
func (n node) ask(method, path, body string) (int, map[string]any) {
	n.t.Helper()
	kind := "application/json"
	if strings.Contains(path, "_bulk") {
		kind = "application/x-ndjson"
	}
	status, header, raw := n.send(method, path, body, map[string]string{"Content-Type": kind})
	if header.Get("X-Elastic-Product") != "Elasticsearch" {
		n.t.Errorf("%s %s: no product header", method, path)
	}
	var answer map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &answer); err != nil {
			n.t.Fatalf("%s %s answered %q: %v", method, path, raw, err)
		}
	}
	return status, answer
}

func (n node) send(method, path, body string, headers map[string]string) (int, http.Header, []byte) {
	n.t.Helper()
	request, err := http.NewRequestWithContext(n.t.Context(), method, n.URL()+path, strings.NewReader(body))
	if err != nil {
		n.t.Fatal(err)
	}
	for name, value := range headers {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		n.t.Fatal(err)
	}
	defer response.Body.Close()
	raw, err := io.ReadAll(response.Body)
	if err != nil {
		n.t.Fatal(err)
	}
	return response.StatusCode, response.Header, raw
}

// ok is an answer of the status 200 or 201.
func (n node) ok(method, path, body string) map[string]any {
	n.t.Helper()
	status, answer := n.ask(method, path, body)
	if status/100 != 2 {
		n.t.Fatalf("%s %s: %d %v", method, path, status, answer)
	}
	return answer
}

// fill indexes documents under the ids 1, 2, ... and makes them searchable.
func (n node) fill(index string, documents ...string) {
	n.t.Helper()
	var b bytes.Buffer
	for i, d := range documents {
		fmt.Fprintf(&b, "{\"create\":{\"_index\":%q,\"_id\":\"%d\"}}\n%s\n", index, i+1, d)
	}
	answer := n.ok("POST", "/_bulk?refresh=true", b.String())
	if answer["errors"] != false {
		n.t.Fatalf("bulk: %v", answer)
	}
}

// at follows keys and indices into an answer: "hits.hits.0._id".
func at(tree any, path string) any {
	for key := range strings.SplitSeq(path, ".") {
		switch v := tree.(type) {
		case map[string]any:
			tree = v[key]
		case []any:
			var i int
			if _, err := fmt.Sscan(key, &i); err != nil || i >= len(v) {
				return nil
			}
			tree = v[i]
		default:
			return nil
		}
	}
	return tree
}

// found is the ids of the documents that a query finds, in order of arrival.
func (n node) found(index, query string) string {
	n.t.Helper()
	answer := n.ok("POST", "/"+index+"/_search?size=100", `{"query":`+query+`}`)
	var ids []string
	for _, h := range at(answer, "hits.hits").([]any) {
		ids = append(ids, at(h, "_id").(string))
	}
	return strings.Join(ids, " ")
}
