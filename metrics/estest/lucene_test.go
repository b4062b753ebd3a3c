package estest_test

import (
	"strconv"
	"testing"

	"iiscanary/metrics/estest"
)

// TestQuotesDecideWhichReleaseIsCounted holds the traps of a version name in a text field: the words are split at the hyphen
// but not at the dots.
func TestQuotesDecideWhichReleaseIsCounted(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("logs",
		`{"application_name":"app.domain.com-3457","response":500}`,
		`{"application_name":"app.domain.com-3456","response":200}`,
		`{"application_name":"app.domain.com-3457-b","response":502}`,
		`{"application_name":"other.com-3457","response":200}`)
	for query, want := range map[string]string{
		`application_name:"app.domain.com-3457"`:                           "1 3",
		`application_name:app.domain.com-3457`:                             "1 2 3 4",
		`application_name:app.domain.com\-3457`:                            "1 2 3 4",
		`application_name.keyword:"app.domain.com-3457"`:                   "1",
		`application_name.keyword:app.domain.com-3457`:                     "1",
		`application_name.keyword:app.domain.com\-3457`:                    "1",
		`application_name:"app.domain.com-3457" AND response:500`:          "1",
		`application_name:"app.domain.com-3457" AND response:[500 TO 599]`: "1 3",
		`application_name:"app.domain.com-3457" AND response:>=501`:        "3",
		`application_name:"app.domain.com-3457" AND response:>500`:         "3",
		`application_name:"app.domain.com-3457" AND response:<501`:         "1",
		`response:{500 TO 502}`:                                            "",
		`response:[500 TO 502}`:                                            "1",
		`response:[500 TO *]`:                                              "1 3",
		`no_such_field:500`:                                                "",
		`response:(200 OR 502)`:                                            "2 3 4",
		`response:200 response:502`:                                        "2 3 4",
		`NOT response:200`:                                                 "1 3",
		`-response:200`:                                                    "1 3",
		`response:200 AND NOT application_name.keyword:other.com-3457`:     "2",
		`(response:500 OR response:502) AND application_name.keyword:*-b`:  "3",
		`application_name.keyword:app.domain.com-345?`:                     "1 2",
		`application_name.keyword:app*`:                                    "1 2 3",
		`application_name:APP.DOMAIN.COM`:                                  "1 2 3",
		`_exists_:response AND application_name:other.com`:                 "4",
		`_exists_:nothing`:                                                 "",
		`*:*`:                                                              "1 2 3 4",
		`*`:                                                                "1 2 3 4",
		`3456`:                                                             "2",
		`502`:                                                              "3",
		`response:500 OR response:502 AND application_name:b`:              "3", // AND binds both of its sides: classic Lucene
		`+response:200 application_name:other.com`:                         "2 4",
		`application_name.keyword:[app.domain.com-3456 TO app.domain.com-3457]`: "1 2",
	} {
		if got := n.found("logs", `{"query_string":{"query":`+strconv.Quote(query)+`}}`); got != want {
			t.Errorf("%s found %q, want %q", query, got, want)
		}
	}
	if got := n.found("logs", `{"query_string":{"query":"response:200 application_name:other.com","default_operator":"AND"}}`); got != "4" {
		t.Errorf("default_operator AND found %q", got)
	}
}

func TestLuceneTextThatDoesNotParseIsRefused(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("logs", `{"response":500,"name":"x"}`)
	for _, query := range []string{
		`response:`, `(response:500`, `response:500)`, `"open`, `response:[500 599]`, `response:[500 TO`, `AND`, `a AND`, `a OR OR b`,
		`name:a:b`, `name:/x`, `name:x/y`, `name:x~1`, `()`, `name:x\`, `{`, `:x`, `@timestamp:>=2026-11-21T12:00:00Z`,
	} {
		status, answer := n.ask("POST", "/logs/_search", `{"query":{"query_string":{"query":`+strconv.Quote(query)+`}}}`)
		if status != 400 || at(answer, "error.root_cause.0.type") != "query_shard_exception" || at(answer, "error.type") != "search_phase_execution_exception" {
			t.Errorf("%s was answered %d %v", query, status, answer)
		}
	}
}

func TestWhatDoesNotFitItsFieldFindsNothingUnlessLenienceIsOff(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("logs", `{"response":500,"name":"x"}`)
	for _, query := range []string{`response:5*`, `response:abc`, `response:/5../`, `response:(500 501)`} {
		body := `{"query":{"query_string":{"query":` + strconv.Quote(query) + `}}}`
		if status, answer := n.ask("POST", "/logs/_search", body); status != 200 || at(answer, "hits.total.value") != 0.0 {
			t.Errorf("%s was answered %d %v", query, status, answer)
		}
		strict := `{"query":{"query_string":{"query":` + strconv.Quote(query) + `,"lenient":false}}}`
		if status, answer := n.ask("POST", "/logs/_search", strict); status != 400 || at(answer, "error.root_cause.0.type") != "query_shard_exception" {
			t.Errorf("%s was answered %d %v where lenience is off", query, status, answer)
		}
	}
}

// TestWordsThatNoOperatorPartsAreOneText holds that a keyword is asked for the whole of them, a text for each.
func TestWordsThatNoOperatorPartsAreOneText(t *testing.T) {
	n := start(t, estest.Config{})
	n.fill("logs", `{"name":"web-1"}`, `{"name":"web-2"}`, `{"name":"web-1 web-2"}`)
	for query, want := range map[string]string{
		`name.keyword:(web-1 web-2)`:       "3",
		`name.keyword:(web-1 OR web-2)`:    "1 2",
		`name.keyword:("web-1" web-2)`:     "1 2",
		`name.keyword:(web-1 web-2 OR x)`:  "1 2",
		`name:(1 2)`:                       "1 2 3",
		`name.keyword:/web-[12]/`:          "1 2",
		`name.keyword:web-1^2`:             "1",
		`name.keyword:web-1 AND name:"/"`:  "1", // the analyzer leaves nothing of the second
		`name:web (NOT name.keyword:web*)`: "1 2 3",
	} {
		if got := n.found("logs", `{"query_string":{"query":`+strconv.Quote(query)+`}}`); got != want {
			t.Errorf("%s found %q, want %q", query, got, want)
		}
	}
}
