package estest_test

import (
	"testing"

	"iiscanary/metrics/estest"
)

func logsTemplate() []estest.Template {
	return []estest.Template{{Patterns: []string{"logs-*"}, Mapping: ecs(), DataStream: true, StringsAsKeyword: true}}
}

// five documents: a 200, a 404, a 500 of the new slot, a 503 without a duration, and one that was not parsed.
func fillLogs(n node) {
	n.fill("logs-iis.access-default",
		`{"@timestamp":"2026-11-21T12:00:00Z","http":{"response":{"status_code":200}},"event":{"duration":10000000},"iis":{"access":{"site_name":"app-1"}},"host":{"name":"web-01"},"url":{"path":"/a"},"user_agent":{"original":"Mozilla/5.0"},"source":{"ip":"10.0.0.7"}}`,
		`{"@timestamp":"2026-11-21T12:00:03Z","http":{"response":{"status_code":404}},"event":{"duration":20000000},"iis":{"access":{"site_name":"app-1"}},"host":{"name":"web-02"},"url":{"path":"/b"},"user_agent":{"original":"ELB-HealthChecker/2.0"},"source":{"ip":"10.0.1.7"}}`,
		`{"@timestamp":"2026-11-21T12:00:05Z","http.response.status_code":500,"event.duration":30000000,"iis.access.site_name":"app-2","host.name":"web-03","url.path":"/a/b"}`,
		`{"@timestamp":1795262417000,"http":{"response":{"status_code":"503"}},"iis":{"access":{"site_name":["app-2","extra"]}},"host":{"name":"web-03"}}`,
		`{"@timestamp":"2026-11-21T13:00:00.500+01:00","message":"Grok failed: app-2","error":{"message":"Provided Grok expressions do not match"}}`)
}

func TestQueriesFindWhatElasticsearchFinds(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	for query, want := range map[string]string{
		`{"match_all":{}}`:                                                                            "1 2 3 4 5",
		`{"match_none":{}}`:                                                                           "",
		`{"term":{"http.response.status_code":500}}`:                                                  "3",
		`{"term":{"http.response.status_code":{"value":"503"}}}`:                                      "4",
		`{"term":{"http.response.status_code":500.5}}`:                                                "",
		`{"term":{"iis.access.site_name":"app-2"}}`:                                                   "3 4",
		`{"term":{"iis.access.site_name":"extra"}}`:                                                   "4",
		`{"term":{"iis.access.site_name":"APP-2"}}`:                                                   "",
		`{"term":{"iis.access.site_name":{"value":"APP-2","case_insensitive":true}}}`:                 "3 4",
		`{"term":{"message":"app-2"}}`:                                                                "", // text: the words are "app" and "2"
		`{"term":{"message":"app"}}`:                                                                  "5",
		`{"term":{"message":"Grok"}}`:                                                                 "", // the word is "grok"
		`{"match":{"message":"Grok nothing"}}`:                                                        "5",
		`{"match":{"message":{"query":"Grok nothing","operator":"and"}}}`:                             "",
		`{"match_phrase":{"message":"failed app"}}`:                                                   "5",
		`{"match_phrase":{"message":"grok app"}}`:                                                     "",
		`{"term":{"no.such.field":"x"}}`:                                                              "",
		`{"terms":{"http.response.status_code":[200,404]}}`:                                           "1 2",
		`{"terms":{"host.name":[]}}`:                                                                  "",
		`{"range":{"http.response.status_code":{"gte":404,"lt":503}}}`:                                "2 3",
		`{"range":{"http.response.status_code":{"gt":404}}}`:                                          "3 4",
		`{"range":{"event.duration":{"gt":10000000}}}`:                                                "2 3",
		`{"range":{"@timestamp":{"gte":"2026-11-21T12:00:03Z","lt":"2026-11-21T12:00:05Z"}}}`:         "2",
		`{"range":{"@timestamp":{"gt":"2026-11-21T12:00:00.000Z","lte":"2026-11-21T12:00:05.000Z"}}}`: "2 3 5",
		`{"range":{"@timestamp":{"gte":1795262417000}}}`:                                              "4",
		`{"range":{"@timestamp":{"gte":1795262417,"format":"epoch_second"}}}`:                         "4",
		`{"range":{"@timestamp":{"gte":"2026-11-21","lte":"2026-11-21"}}}`:                            "1 2 3 4 5",
		`{"range":{"@timestamp":{"gt":"2026-11-21"}}}`:                                                "",
		`{"range":{"@timestamp":{"lte":"now-1s","gte":"2026-11-21"}}}`:                                "1 2 3 4 5",
		`{"range":{"host.name":{"gte":"web-02"}}}`:                                                    "2 3 4",
		`{"range":{"http.response.status_code":{}}}`:                                                  "1 2 3 4",
		`{"exists":{"field":"event.duration"}}`:                                                       "1 2 3",
		`{"exists":{"field":"http"}}`:                                                                 "1 2 3 4",
		`{"exists":{"field":"nothing"}}`:                                                              "",
		`{"prefix":{"user_agent.original":"ELB-HealthChecker/"}}`:                                     "2",
		`{"prefix":{"user_agent.original":{"value":"elb-","case_insensitive":true}}}`:                 "2",
		`{"wildcard":{"url.path":"/a*"}}`:                                                             "1 3",
		`{"wildcard":{"url.path":{"value":"/?"}}}`:                                                    "1 2",
		`{"term":{"source.ip":"10.0.0.0/24"}}`:                                                        "1",
		`{"ids":{"values":["2","4","9"]}}`:                                                            "2 4",
		`{"constant_score":{"filter":{"term":{"host.name":"web-03"}}}}`:                               "3 4",
		`{"bool":{}}`: "1 2 3 4 5",
		`{"bool":{"filter":[{"term":{"host.name":"web-03"}}],"must_not":{"exists":{"field":"event.duration"}}}}`:                                        "4",
		`{"bool":{"must_not":[{"prefix":{"user_agent.original":"ELB-"}}]}}`:                                                                             "1 3 4 5",
		`{"bool":{"should":[{"term":{"host.name":"web-01"}},{"term":{"host.name":"web-02"}}]}}`:                                                         "1 2",
		`{"bool":{"filter":{"exists":{"field":"http"}},"should":[{"term":{"host.name":"web-01"}}]}}`:                                                    "1 2 3 4",
		`{"bool":{"filter":{"exists":{"field":"http"}},"should":[{"term":{"host.name":"web-01"}}],"minimum_should_match":1}}`:                           "1",
		`{"bool":{"should":[{"term":{"host.name":"web-03"}},{"exists":{"field":"event.duration"}},{"match_all":{}}],"minimum_should_match":"100%"}}`:    "3",
		`{"bool":{"must":[{"range":{"@timestamp":{"gte":"2026-11-21T12:00:03Z"}}}],"filter":[{"range":{"@timestamp":{"lt":"2026-11-21T12:00:05Z"}}}]}}`: "2",
		`{"bool":{"must_not":[{"range":{"@timestamp":{"gte":"2026-11-21T12:00:03Z"}}}]}}`:                                                               "1 5",
		`{"bool":{"should":[{"range":{"@timestamp":{"gte":"2026-11-21T12:00:05Z"}}},{"term":{"host.name":"web-01"}}]}}`:                                 "1 3 4",
		`{"term":{"_index":"logs-iis.access-default"}}`:                                                                                                 "",
		`{"query_string":{"query":"http.response.status_code:[500 TO 599] AND @timestamp:[2026-11-21T12:00:00Z TO 2026-11-21T12:00:10Z]"}}`:             "3",
		`{"query_string":{"query":"\"app-2\"","default_field":"iis.access.site_name"}}`:                                                                 "3 4",
	} {
		if got := n.found("logs-*", query); got != want {
			t.Errorf("%s found %q, want %q", query, got, want)
		}
	}
}

func TestWhatElasticsearchDoesNotKnowIsRefused(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	n.fill("plain", `{"name":"a b"}`)
	search := "/logs-iis.access-default/_search"
	for _, c := range []struct {
		method, path, body string
		status             int
		path2, want        string
	}{
		{"POST", search, `{"query":{"trem":{"a":1}}}`, 400, "error.root_cause.0.type", "parsing_exception"},
		{"POST", search, `{"query":{"trem":{"a":1}}}`, 400, "error.reason", "unknown query [trem]"},
		{"POST", search, `{"query":{"bool":{"filters":[]}}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"query":{"term":{"a":1,"b":2}}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"query":{"term":{"a":{"value":1,"bust":2}}}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"query":{"term":{"a":null}}}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"query":{"term":{"a":[1]}}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"query":{"range":{"a":{"from":1}}}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"query":{}}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"query":[]}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"quarry":{}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"size":-1}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"size":10001}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"size":1,"size":2}`, 400, "error.type", "x_content_parse_exception"},
		{"POST", search, `{"size":1`, 400, "error.type", "x_content_parse_exception"},
		{"POST", search, `{"timeout":"3"}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"aggs":{"a":{"histo":{"field":"x"}}}}`, 400, "error.reason", "Unknown aggregation type [histo]"},
		{"POST", search, `{"aggs":{"a":{"max":{"field":"event.duration"},"aggs":{"b":{"max":{"field":"x"}}}}}}`, 400, "error.type", "aggregation_initialization_exception"},
		{"POST", search, `{"aggs":{"a":{}}}`, 400, "error.type", "parsing_exception"},
		{"POST", search, `{"aggs":{"a":{"max":{}}}}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"aggs":{"a":{"date_histogram":{"field":"@timestamp","interval":"5s"}}}}`, 400, "error.type", "x_content_parse_exception"},
		{"POST", search, `{"aggs":{"a":{"date_histogram":{"field":"@timestamp","fixed_interval":"5"}}}}`, 400, "error.type", "illegal_argument_exception"},
		{"POST", search, `{"aggs":{"a":{"date_histogram":{"field":"@timestamp","fixed_interval":"1ms","extended_bounds":{"min":"2026-01-01","max":"2026-12-01"}}}}}`, 400, "error.type", "too_many_buckets_exception"},
		{"POST", search, `{"aggs":{"a":{"date_histogram":{"field":"@timestamp","fixed_interval":"1s","extended_bounds":{"min":"2026-11-21T12:00:00Z","max":"2026-11-21T12:10:00Z"}},"aggs":{"b":{"date_histogram":{"field":"@timestamp","fixed_interval":"1s","extended_bounds":{"min":"2026-11-21T12:00:00Z","max":"2026-11-21T12:10:00Z"}}}}}}}`, 400, "error.type", "too_many_buckets_exception"},
		{"POST", search, `{"aggs":{"a":{"terms":{"field":"message"}}}}`, 400, "error.root_cause.0.type", "illegal_argument_exception"},
		{"POST", "/plain/_search", `{"aggs":{"a":{"value_count":{"field":"name"}}}}`, 400, "error.type", "search_phase_execution_exception"},
		{"POST", search, `{"aggs":{"a":{"avg":{"field":"host.name"}}}}`, 400, "error.failed_shards.0.reason.reason", "Field [host.name] of type [keyword] is not supported for aggregation [avg]"},
		{"POST", search, `{"query":{"term":{"http.response.status_code":"5xx"}}}`, 400, "error.root_cause.0.reason", `failed to create query: For input string: "5xx"`},
		{"POST", search, `{"query":{"prefix":{"http.response.status_code":"5"}}}`, 400, "error.root_cause.0.type", "query_shard_exception"},
		{"POST", search, `{"sort":["message"]}`, 400, "error.root_cause.0.type", "illegal_argument_exception"},
		{"POST", search, `{"sort":["nothing"]}`, 400, "error.root_cause.0.reason", "No mapping found for [nothing] in order to sort on"},
		{"POST", search + "?sizes=1", ``, 400, "error.reason", "request [/logs-iis.access-default/_search] contains unrecognized parameter: [sizes]"},
		{"POST", search + "?allow_partial_search_results=maybe", ``, 400, "error.type", "illegal_argument_exception"},
		{"DELETE", search, ``, 405, "error", "Incorrect HTTP method for uri [/logs-iis.access-default/_search] and method [DELETE], allowed: [GET, POST]"},
		{"GET", "/_bulk", ``, 405, "error", "Incorrect HTTP method for uri [/_bulk] and method [GET], allowed: [POST, PUT]"},
		{"POST", "/a/b/c", ``, 400, "error", "no handler found for uri [/a/b/c] and method [POST]"},
		{"POST", "/logs-x/_search", ``, 404, "error.type", "index_not_found_exception"},
		{"POST", "/nope-*/_search?allow_no_indices=false", ``, 404, "error.type", "index_not_found_exception"},
		{"POST", "/logs-iis.access-default,nope/_search", ``, 404, "error.reason", "no such index [nope]"},
		{"GET", "/logs-*/_field_caps", ``, 400, "error.type", "action_request_validation_exception"},
		{"PUT", "/Upper", ``, 400, "error.type", "invalid_index_name_exception"},
		{"PUT", "/plain", ``, 400, "error.type", "resource_already_exists_exception"},
		{"PUT", "/new", `{"mappings":{"properties":{"a":{"type":"strong"}}}}`, 400, "error.type", "mapper_parsing_exception"},
		{"DELETE", "/logs-*", ``, 400, "error.type", "illegal_argument_exception"},
		{"POST", "/logs-iis.access-default/_doc/1", `{"@timestamp":"2026-11-21"}`, 400, "error.reason", "only write ops with an op_type of create are allowed in data streams"},
		{"POST", "/logs-iis.access-default/_create/77", `{"a":1}`, 400, "error.type", "mapper_parsing_exception"},
		{"POST", "/logs-iis.access-default/_create/1", `{"@timestamp":"2026-11-21"}`, 409, "error.type", "version_conflict_engine_exception"},
		{"POST", "/plain/_doc", `{"name":{"first":"x"}}`, 400, "error.type", "mapper_parsing_exception"},
		{"POST", "/plain/_doc", `{"name":`, 400, "error.type", "mapper_parsing_exception"},
		{"POST", "/_bulk", `{"create":{"_index":"plain"}}`, 400, "error.reason", "The bulk request must be terminated by a newline [\\n]"},
		{"POST", "/_bulk", "{\"creat\":{\"_index\":\"plain\"}}\n{}\n", 400, "error.type", "illegal_argument_exception"},
		{"POST", "/_bulk", "{\"create\":{}}\n{}\n", 400, "error.type", "action_request_validation_exception"},
	} {
		status, answer := n.ask(c.method, c.path, c.body)
		if got := at(answer, c.path2); status != c.status || got != c.want {
			t.Errorf("%s %s %s\n answered %d, %s = %v\n want     %d %v\n whole: %v", c.method, c.path, c.body, status, c.path2, got, c.status, c.want, answer)
		}
	}
}

func TestAbsentIndicesAreNoErrorWhereAllowed(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("plain", `{"name":"a"}`)
	for path, shards := range map[string]float64{
		"/nope-*/_search": 0, "/plain,nope/_search?ignore_unavailable=true": 1, "/_search": 1, "/*,-plain/_search": 0, "/_all/_search": 1,
	} {
		if got := at(n.ok("POST", path, ""), "_shards.total"); got != shards {
			t.Errorf("%s asked %v shards, want %v", path, got, shards)
		}
	}
}

func TestValidateShowsTheRewrittenQuery(t *testing.T) {
	n := start(t, estest.Config{Templates: logsTemplate()})
	fillLogs(n)
	for query, want := range map[string]string{
		`{"query_string":{"query":"http.response.status_code:[500 TO 599]"}}`:                      "http.response.status_code:[500 TO 599]",
		`{"query_string":{"query":"message:app-2"}}`:                                               "message:app message:2",
		`{"query_string":{"query":"message:\"app-2\""}}`:                                           `message:"app 2"`,
		`{"query_string":{"query":"host.name:web-01 AND NOT nothing:5"}}`:                          `host.name:web-01`,
		`{"bool":{"filter":[{"term":{"host.name":"a"}}],"must_not":[{"term":{"host.name":"b"}}]}}`: "#host.name:a -host.name:b",
	} {
		answer := n.ok("POST", "/logs-*/_validate/query?explain=true&rewrite=true", `{"query":`+query+`}`)
		if answer["valid"] != true || at(answer, "explanations.0.explanation") != want {
			t.Errorf("%s was explained as %v", query, answer)
		}
	}
	for _, query := range []string{`{"term":{"http.response.status_code":"abc"}}`, `{"query_string":{"query":"(a"}}`, `{"nonsense":{}}`} {
		if answer := n.ok("POST", "/logs-*/_validate/query?explain=true", `{"query":`+query+`}`); answer["valid"] != false {
			t.Errorf("%s is valid: %v", query, answer)
		}
	}
}
