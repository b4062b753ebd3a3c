package estest

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestStandardAnalyzerSplitsAtHyphensNotAtInnerDots(t *testing.T) {
	for text, want := range map[string][]string{
		"app.domain.com-3457":   {"app.domain.com", "3457"},
		"App.Domain.com-3457-b": {"app.domain.com", "3457", "b"},
		"version 1.2.3, v1.x":   {"version", "1.2.3", "v1", "x"},
		"it's 1,000; don't":     {"it's", "1,000", "don't"},
		"GET /a/b?c=d_e":        {"get", "a", "b", "c", "d_e"},
		"...":                   nil,
		"":                      nil,
		"_":                     nil,
		"end.":                  {"end"},
		"10.0.0.1:443":          {"10.0.0.1", "443"},
		"Grok failed: x":        {"grok", "failed", "x"},
		"Größe":                 {"größe"},
	} {
		if diff := cmp.Diff(want, analyze(text)); diff != "" {
			t.Errorf("%q: %s", text, diff)
		}
	}
}

func TestWildcards(t *testing.T) {
	for _, c := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a?c", "abc", true}, {"a?c", "ac", false}, {"a*b*c", "aXbYbZc", true},
		{"a*b*c", "aXcYb", false}, {`a\*`, "a*", true}, {`a\*`, "ab", false}, {"", "", true}, {"", "a", false}, {"abc", "abc", true}, {"ab", "abc", false},
		{`*\*x`, "yy*x", true}, {"é?", "éa", true},
	} {
		if got := wildcard(c.pattern, c.text); got != c.want {
			t.Errorf("%q on %q: %v", c.pattern, c.text, got)
		}
	}
}

func TestDoublesPrintAsJavaPrintsThem(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0.0", 1: "1.0", 42.5: "42.5", 200: "200.0", 9999999: "9999999.0", 1e7: "1.0E7", 1795262417000: "1.795262417E12", 0.001: "0.001", 0.0001: "1.0E-4", -3e7: "-3.0E7",
	} {
		raw, err := json.Marshal(double(v))
		if err != nil || string(raw) != want {
			t.Errorf("%v is printed as %s, %v; want %s", v, raw, err, want)
		}
	}
}

func TestDatesCoverTheTimeThatTheyName(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 34, 56, 0, time.UTC)
	for _, c := range []struct{ text, first, last string }{
		{"2026-11-21T12:00:05Z", "2026-11-21T12:00:05.000Z", "2026-11-21T12:00:05.999Z"},
		{"2026-11-21T12:00:05.250+02:00", "2026-11-21T10:00:05.250Z", "2026-11-21T10:00:05.250Z"},
		{"2026-11-21T12:00", "2026-11-21T12:00:00.000Z", "2026-11-21T12:00:59.999Z"},
		{"2026-11-21", "2026-11-21T00:00:00.000Z", "2026-11-21T23:59:59.999Z"},
		{"2026-02", "2026-02-01T00:00:00.000Z", "2026-02-28T23:59:59.999Z"},
		{"1795262417000", "2026-11-21T12:00:17.000Z", "2026-11-21T12:00:17.000Z"},
		{"now-5m", "2026-11-21T12:29:56.000Z", "2026-11-21T12:29:56.000Z"},
		{"now-1d/h", "2026-11-20T12:00:00.000Z", "2026-11-20T12:59:59.999Z"},
	} {
		first, last, err := parseDate(c.text, defaultFormat, now)
		if err != nil || iso(first) != c.first || iso(last) != c.last {
			t.Errorf("%s covers %s to %s, %v; want %s to %s", c.text, iso(first), iso(last), err, c.first, c.last)
		}
	}
	for _, text := range []string{"", "x", "2026-13-01", "2026-02-30", "2026-11-21 12:00:00", "2026-11-21T25:00:00Z", "now-", "NaN", "1e3"} {
		if first, _, err := parseDate(text, defaultFormat, now); err == nil {
			t.Errorf("%q is taken for %s", text, iso(first))
		}
	}
}

// TestTheTimeRangeIsOnlyAShortcut asks random ranges once with the search over the sorted list and once document by document.
func TestTheTimeRangeIsOnlyAShortcut(t *testing.T) {
	const base = 1_795_262_400_000 // small numbers would be read as years, as Elasticsearch reads them
	rapid.Check(t, func(t *rapid.T) {
		ix, err := newIndex("logs", Template{}, 0, time.Unix(0, 0))
		if err != nil {
			t.Fatal(err)
		}
		times := rapid.SliceOfN(rapid.Int64Range(0, 50), 0, 40).Draw(t, "times")
		for i, at := range times {
			d, err := ix.parse(fmt.Sprint(i), fmt.Appendf(nil, `{"@timestamp":%q}`, iso(base+at*1000)))
			if err != nil {
				t.Fatal(err)
			}
			ix.store(d, time.Unix(1, 0))
		}
		low, high := rapid.Int64Range(-1, 51).Draw(t, "low"), rapid.Int64Range(-1, 51).Draw(t, "high")
		ends := rapid.SampledFrom([][2]string{{"gte", "lt"}, {"gt", "lte"}, {"gte", "lte"}, {"gt", "lt"}}).Draw(t, "ends")
		q, err := parseQuery(fmt.Appendf(nil, `{"range":{"@timestamp":{%q:%d,%q:%d}}}`, ends[0], base+low*1000, ends[1], base+high*1000), 1)
		if err != nil {
			t.Fatal(err)
		}
		want := 0
		for _, at := range times {
			if (at > low || at == low && ends[0] == "gte") && (at < high || at == high && ends[1] == "lte") {
				want++
			}
		}
		_, got, err := (&searchRequest{query: q, aggs: bundle{shape: &shape{}}}).run([]*index{ix}, bundle{shape: &shape{}}.bucket(), 0, 1, time.Unix(2, 0))
		if err != nil || got != want {
			t.Fatalf("found %d, want %d, %v", got, want, err)
		}
	})
}

// BenchmarkPoll is one poll of a verdict over 100,000 documents, a tenth of them in its time range.
func BenchmarkPoll(b *testing.B) {
	ix, err := newIndex("logs", Template{Mapping: map[string]string{"site": "keyword", "agent": "keyword", "status": "long", "duration": "long"}}, 0, time.Unix(0, 0))
	if err != nil {
		b.Fatal(err)
	}
	for i := range 100_000 {
		d, err := ix.parse(fmt.Sprint(i), fmt.Appendf(nil, `{"@timestamp":%q,"site":"app-%d","agent":"Mozilla","status":%d,"duration":%d}`, iso(1_795_262_400_000+int64(i)*5), i%2, 200+i%400, i*1000))
		if err != nil {
			b.Fatal(err)
		}
		ix.store(d, time.Unix(1, 0))
	}
	body := []byte(`{"size":0,"query":{"bool":{"filter":[{"range":{"@timestamp":{"gte":1795262500000,"lt":1795262550000}}}],"must_not":[{"prefix":{"agent":"ELB"}}]}},
		"aggs":{"t":{"date_histogram":{"field":"@timestamp","fixed_interval":"5s"},"aggs":{"arm":{"filters":{"filters":{"new":{"term":{"site":"app-1"}},"old":{"term":{"site":"app-0"}}}},
		"aggs":{"bad":{"filter":{"range":{"status":{"gte":500}}}},"n":{"value_count":{"field":"duration"}}}}}}}}`)
	for b.Loop() {
		r, err := parseSearch(body, false)
		if err != nil {
			b.Fatal(err)
		}
		if _, n, err := r.run([]*index{ix}, r.aggs.bucket(), 0, 1, time.Unix(2, 0)); err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}
