package elastic_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
)

func (c *cluster) survey() metrics.Survey {
	ms := questions()
	ms[1].SlowerThan, ms[1].Quantile = 0, 0.95
	return metrics.Survey{Old: []string{oldSlot}, Hosts: fleet, Metrics: ms, From: c.start, To: c.start.Add(span)}
}

// span is how long old's traffic is.
const span = 4 * time.Minute

// past logs old's traffic: a request per second and server, 5 % of them failed, 10 % slow.
func (c *cluster) past(edit func(*request) bool) {
	for i := range int(span / time.Second) {
		for h, host := range fleet {
			r := request{time.Duration(i) * second, host, oldSlot, 200, (20 + int64(i%10)) * ms, "Mozilla/5.0"}
			if (i+h)%20 == 0 {
				r.status = 500
			}
			if i%10 == 3 {
				r.took = 300 * ms
			}
			if edit == nil || edit(&r) {
				c.log(r)
			}
		}
	}
	c.ship(index)
}

func TestAPreflightMeasuresOldsTraffic(t *testing.T) {
	c := newCluster(t, ecs())
	c.past(nil)
	facts, err := metrics.Check(t.Context(), c.source(nil), c.survey())
	if err != nil {
		t.Fatal(err)
	}
	if len(facts.Problems) > 0 {
		t.Errorf("problems: %v", facts.Problems)
	}
	if facts.Lines != 720 || facts.Rate != 3 || facts.Lag != time.Second || facts.Status != 720 || facts.Duration != 720 {
		t.Errorf("%d lines, %g/s, lag %s", facts.Lines, facts.Rate, facts.Lag)
	}
	if facts.P95 != 300*time.Millisecond || facts.P50 < 20*time.Millisecond || facts.P50 > 30*time.Millisecond {
		t.Errorf("p50 %s, p95 %s", facts.P50, facts.P95)
	}
	if b := facts.Baseline["errors"]; b != (metrics.Tally{Bad: 36, Total: 720}) {
		t.Errorf("baseline %+v", b)
	}
	if facts.Phi["errors"] != 1 || facts.Bursts != 1 {
		t.Errorf("evenly spread requests have a dispersion of %g, and bursts of %g", facts.Phi["errors"], facts.Bursts)
	}
	if len(facts.Hosts) != 3 || facts.Hosts["web-2"].Lines != 240 {
		t.Errorf("servers: %+v", facts.Hosts)
	}
	if _, err := metrics.Settle(c.survey().Metrics, facts); err != nil {
		t.Error(err)
	}
}

func TestARateIsMeasuredFromWhenTheOldSlotBeganToServe(t *testing.T) {
	c := newCluster(t, ecs())
	c.past(nil)
	v := c.survey()
	v.From = v.From.Add(-time.Hour)
	facts, err := metrics.Check(t.Context(), c.source(nil), v)
	if err != nil || facts.Rate != 3 || facts.Span != span {
		t.Errorf("%g requests/s in %s, error %v; want 3 in %s", facts.Rate, facts.Span, err, span)
	}
}

func TestClusteredErrorsShowAsDispersion(t *testing.T) {
	c := newCluster(t, ecs())
	c.past(func(r *request) bool {
		r.status = 200
		if r.host == "web-1" && r.after%time.Minute < 8*time.Second {
			r.status = 500
		}
		return true
	})
	facts, err := metrics.Check(t.Context(), c.source(nil), c.survey())
	if err != nil || facts.Phi["errors"] < 5 {
		t.Errorf("dispersion %g, %v", facts.Phi["errors"], err)
	}
}

func TestAPreflightNamesWhatIsWrong(t *testing.T) {
	as := func(field, typ string) map[string]string {
		m := maps.Clone(ecs())
		if m[field] = typ; typ == "" {
			delete(m, field)
		}
		return m
	}
	one := func(host string, edit func(*request)) func(*request) bool {
		return func(r *request) bool {
			if r.host == host {
				edit(r)
			}
			return true
		}
	}
	for _, p := range []struct {
		name    string
		mapping map[string]string
		edit    func(*request) bool
		change  func(*elastic.Options)
		kind    metrics.ProblemKind
		words   string
	}{
		{"a field is missing", ecs(), nil, func(o *elastic.Options) { o.Fields.Slot = "application_name" }, metrics.FieldMissing, "no index has the field application_name for the slot"},
		{"a slot is text", as("labels.slot", "text"), nil, nil, metrics.FieldType, "labels.slot for the slot is of type text"},
		{"a text has a keyword", as("labels.slot", ""), nil, nil, metrics.FieldType, "use labels.slot.keyword"},
		{"a status is a string", as("http.response.status_code", "keyword"), nil, nil, metrics.FieldType, "is of type keyword, or not indexed: wanted is long"},
		{"no user agent", as("user_agent.original", "text"), nil, nil, metrics.HealthChecksIn, "health checks of the load balancer are counted"},
		{"a filter does not parse", ecs(), nil, func(o *elastic.Options) { o.Filter = `url.path:(` }, metrics.BadFilter, "cannot be read"},
		{"a filter matches nothing", ecs(), nil, func(o *elastic.Options) { o.Filter = `urlpath:"/shop"` }, metrics.BadFilter, "matches nothing"},
		{"old has no traffic", ecs(), func(r *request) bool { r.slot = "other"; return true }, nil, metrics.NoTraffic, "no request to " + oldSlot},
		{"a server is silent", ecs(), func(r *request) bool { return r.host != "web-3" }, nil, metrics.HostSilent, "web-3 has no line"},
		{"a server has no status", ecs(), one("web-2", func(r *request) { r.status = nil }), nil, metrics.Unreadable, "no line of web-2 has a status"},
		{"a server has no times", ecs(), one("web-2", func(r *request) { r.took = nil }), nil, metrics.Unreadable, "no line of web-2 has a response time"},
		{"a time zone", ecs(), one("web-2", func(r *request) {
			if r.after > span/2 {
				r.after += 2 * time.Hour
			}
		}), nil, metrics.TimeZone, "log times of web-2 are 2h0m0s ahead"},
	} {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, p.mapping)
			c.past(p.edit)
			facts, err := metrics.Check(t.Context(), c.source(p.change), c.survey())
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range facts.Problems {
				if found.Kind == p.kind && strings.Contains(found.Text, p.words) && found.Fatal == (p.kind != metrics.HealthChecksIn) {
					return
				}
			}
			t.Errorf("want %s, %q among %+v", p.kind, p.words, facts.Problems)
		})
	}
}

func TestThePreflightShowsHowAFilterWasUnderstood(t *testing.T) {
	c := newCluster(t, ecs())
	c.past(nil)
	facts, err := metrics.Check(t.Context(), c.source(func(o *elastic.Options) { o.Filter = `url.path:"/shop"` }), c.survey())
	if err != nil || len(facts.Problems) > 0 || !strings.Contains(facts.Filter, "/shop") {
		t.Errorf("understood as %q, %v, %v", facts.Filter, facts.Problems, err)
	}
}

func TestAFilterWithoutAFieldMayBeInAnyOfThem(t *testing.T) {
	c := newCluster(t, ecs())
	c.past(nil)
	for filter, barren := range map[string]bool{
		`"Mozilla/5.0"`: false, `host.name:web-1 OR nothing.here:5`: false, `host.name:(web\-1 OR web\-2) AND NOT nothing.here:5`: false,
		`nowhere.named AND nothing.here:5`: true, `nothing.here:5 nothing.there:6`: true, `http.response.status_code:abc`: true,
		`host.name:web-1 AND http.response.status_code:5*`: true,
	} {
		facts, err := metrics.Check(t.Context(), c.source(func(o *elastic.Options) { o.Filter = filter }), c.survey())
		if err != nil {
			t.Fatal(err)
		}
		found := slices.ContainsFunc(facts.Problems, func(p metrics.Problem) bool {
			return p.Kind == metrics.BadFilter && strings.Contains(p.Text, "matches nothing")
		})
		if found != barren {
			t.Errorf("%s, understood as %s: %v", filter, facts.Filter, facts.Problems)
		}
	}
}

func TestAFilterThatCannotBeReadIsRefusedInWordsForPeople(t *testing.T) {
	c := newCluster(t, ecs())
	c.past(nil)
	facts, err := metrics.Check(t.Context(), c.source(func(o *elastic.Options) { o.Filter = `url.path:/shop` }), c.survey())
	if err != nil || len(facts.Problems) != 1 {
		t.Fatalf("%v, %v", facts.Problems, err)
	}
	const want = `the filter "url.path:/shop" cannot be read: Cannot parse 'url.path:/shop': Lexical error at line 1, column 15. Encountered: <EOF> after : "/shop"`
	if facts.Problems[0].Text != want {
		t.Errorf("got %s", facts.Problems[0].Text)
	}
}

func TestIndicesThatDisagreeAboutAFieldAreNamed(t *testing.T) {
	c := newCluster(t, nil)
	c.log(request{second, "web-1", oldSlot, 200, ms, "Mozilla/5.0"})
	c.ship("logs-1")
	c.log(request{second, "web-1", oldSlot, "two hundred", ms, "Mozilla/5.0"})
	c.ship("logs-2")
	s := c.source(func(o *elastic.Options) {
		o.Index = "logs-*"
		o.Fields = elastic.Fields{Slot: "labels.slot.keyword", Host: "host.name.keyword", UserAgent: "user_agent.original.keyword"}
	})
	facts, err := metrics.Check(t.Context(), s, c.survey())
	if err != nil || len(facts.Problems) != 1 || facts.Problems[0].Kind != metrics.FieldConflict {
		t.Fatalf("got %+v, %v", facts.Problems, err)
	}
	for _, part := range []string{"http.response.status_code", "long or text", "logs-2"} {
		if !strings.Contains(facts.Problems[0].Text, part) {
			t.Errorf("%q does not name %s", facts.Problems[0].Text, part)
		}
	}
}
