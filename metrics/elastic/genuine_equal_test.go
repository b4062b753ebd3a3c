//go:build genuine

package elastic_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
)

// outcome is what the adapter made of an engine's answers.
type outcome struct {
	Value any
	Err   string
}

// compare asks both engines the same, and demands that the adapter comes to the same, from answers that are the same.
func (p *pair) compare(t *testing.T, ask func(*engine) outcome) outcome {
	t.Helper()
	var got [2]outcome
	var wires [2][]exchange
	for i, e := range p.engines {
		e.listen()
		got[i], wires[i] = ask(e), e.listen()
	}
	if diff := differences(got[0], got[1]); diff != "" {
		t.Errorf("the adapter comes to different results:\n%s", diff)
	}
	if diff := differences(wires[0], wires[1]); diff != "" {
		t.Errorf("the engines answer differently:\n%s", diff)
	}
	return got[0]
}

func (p *pair) check(t *testing.T, index string, v metrics.Survey, change func(*elastic.Options)) outcome {
	t.Helper()
	return p.compare(t, func(e *engine) outcome {
		facts, err := metrics.Check(t.Context(), p.source(e, index, change), v)
		facts.Text = p.anonymous(e, facts.Text)
		for i := range facts.Problems {
			facts.Problems[i].Text = p.anonymous(e, facts.Problems[i].Text)
		}
		return outcome{facts, p.told(e, err)}
	})
}

func (p *pair) collect(t *testing.T, index string, q metrics.Query, change func(*elastic.Options)) outcome {
	t.Helper()
	return p.compare(t, func(e *engine) outcome {
		batch, err := p.source(e, index, change).Collect(t.Context(), q)
		batch.Text = p.anonymous(e, batch.Text)
		return outcome{batch, p.told(e, err)}
	})
}

func surveyed() metrics.Survey {
	ms := questions()
	ms[1].SlowerThan, ms[1].Quantile = 0, 0.95
	return metrics.Survey{Old: []string{oldSlot}, Hosts: fleet, Metrics: ms, From: began, To: began.Add(span)}
}

func polled() metrics.Query {
	return metrics.Query{New: newSlot, Old: []string{oldSlot}, Hosts: fleet, Metrics: questions(),
		From: began, To: began.Add(span), Bucket: 5 * time.Second, Settled: began.Add(20 * time.Second)}
}

// keywords are the fields of an index whose strings were mapped dynamically.
func keywords(o *elastic.Options) {
	o.Fields = elastic.Fields{Slot: "labels.slot.keyword", Host: "host.name.keyword", UserAgent: "user_agent.original.keyword"}
}

func TestGenuineEngineAndEstestCountTheSame(t *testing.T) {
	p := newPair(t)
	p.create("explicit", mapped())
	p.create("dynamic", nil)
	p.create("many-1", mapped())
	p.create("many-2", mapped("event.duration", "double", "http.response.status_code", "short"))
	p.create("few-1", mapped())
	p.create("few-2", mapped("event.duration", ""))
	p.create("empty", mapped())
	p.stream("stream", mapped())
	for seed, name := range []string{"explicit", "dynamic", "stream", "many-1", "many-2", "few-1"} {
		p.fill(name, corpus(uint64(seed), 600))
	}
	p.fill("stream-2", corpus(9, 50))
	changed := func(edit func(*metrics.Query)) metrics.Query {
		q := polled()
		edit(&q)
		return q
	}
	queries := map[string]metrics.Query{
		"as usual":        polled(),
		"a minute":        changed(func(q *metrics.Query) { q.To = q.From.Add(time.Minute) }),
		"seconds":         changed(func(q *metrics.Query) { q.Bucket = time.Second }),
		"between buckets": changed(func(q *metrics.Query) { q.To = q.From.Add(61*time.Second + time.Millisecond) }),
		"one server":      changed(func(q *metrics.Query) { q.Hosts = fleet[:1] }),
		"no such server":  changed(func(q *metrics.Query) { q.Hosts = []string{"web-77"} }),
		"several old":     changed(func(q *metrics.Query) { q.Old = []string{oldSlot, oldSlot + "-b", "never.was-1"} }),
		"no such slot":    changed(func(q *metrics.Query) { q.New, q.Old = "never.was-2", []string{"never.was-1"} }),
		"unsettled":       changed(func(q *metrics.Query) { q.Settled = time.Time{} }),
		"another day":     changed(func(q *metrics.Query) { q.From, q.To = q.From.AddDate(0, 0, 7), q.To.AddDate(0, 0, 7) }),
		"a quiet start": changed(func(q *metrics.Query) {
			q.Metrics[1].SkipFirst = 30 * time.Second
			q.Quiet = map[string]time.Time{"web-1": began.Add(10 * time.Second), "web-2": began.Add(30*time.Second + time.Millisecond)}
		}),
		"client errors": changed(func(q *metrics.Query) { q.Metrics[0].StatusFrom = 400; q.Metrics[1].SlowerThan = 31 * time.Millisecond }),
		"one metric":    changed(func(q *metrics.Query) { q.Metrics = q.Metrics[:1] }),
	}
	sources := map[string]struct {
		index  string
		change func(*elastic.Options)
	}{
		"explicit": {"explicit", nil}, "dynamic": {"dynamic", keywords}, "data stream": {"stream", nil}, "wildcard": {"many-*", nil},
		"wildcard over data streams": {"stream*", nil}, "a list": {"explicit,many-1", nil}, "a field in one index only": {"few-*", nil},
		"without documents": {"empty", nil},
		"milliseconds":      {"explicit", func(o *elastic.Options) { o.Fields.DurationUnit = "ms" }},
		"filtered":          {"explicit", func(o *elastic.Options) { o.Filter = `url.path:\/shop* AND NOT http.response.status_code:[400 TO 499]` }},
	}
	for where, s := range sources {
		for what, q := range queries {
			t.Run(where+"/"+what, func(t *testing.T) {
				index := p.prefix + strings.ReplaceAll(s.index, ",", ","+p.prefix)
				if got := p.collect(t, index, q, s.change); got.Err != "" {
					t.Errorf("the genuine engine made %s of it", got.Err)
				}
			})
		}
	}
}

func TestGenuineEngineAndEstestAreSurveyedTheSame(t *testing.T) {
	p := newPair(t)
	p.create("steady", mapped())
	p.fill("steady", steady(nil))
	p.create("dynamic", nil)
	p.fill("dynamic", steady(nil))
	p.stream("stream", mapped())
	p.fill("stream", steady(nil))
	p.create("ragged", mapped())
	p.fill("ragged", corpus(3, 900))
	p.create("empty", mapped())
	wrong := map[string][]string{
		"slot-text": {"labels.slot", "text"}, "slot-twofold": {"labels.slot", ""}, "status-keyword": {"http.response.status_code", "keyword"},
		"agent-text": {"user_agent.original", "text"}, "host-text": {"host.name", "text"}, "time-keyword": {"@timestamp", "keyword"},
		"duration-double": {"event.duration", "double"}, "status-wildcard": {"url.path", "wildcard"}, "time-nanos": {"@timestamp", "date_nanos"},
	}
	for name, change := range wrong {
		if name == "status-wildcard" {
			continue
		}
		p.create("wrong-"+name, mapped(change...))
		p.fill("wrong-"+name, steady(nil))
	}
	for name, edit := range silenced() {
		p.create("silent-"+name, mapped())
		p.fill("silent-"+name, steady(edit))
	}
	at := map[string]func(*elastic.Options){
		"steady": nil, "dynamic": keywords, "stream": nil, "ragged": nil, "empty": nil, "steady,ragged": nil, "wrong-*": nil, "s*": nil,
		"wrong-slot-text,steady": nil,
	}
	for name := range wrong {
		at["wrong-"+name] = nil
	}
	delete(at, "wrong-status-wildcard")
	for name := range silenced() {
		at["silent-"+name] = nil
	}
	for name, change := range at {
		t.Run(name, func(t *testing.T) {
			index := p.prefix + strings.ReplaceAll(name, ",", ","+p.prefix)
			p.check(t, index, surveyed(), change)
		})
	}
	t.Run("an hour before", func(t *testing.T) {
		v := surveyed()
		v.From = v.From.Add(-time.Hour)
		p.check(t, p.prefix+"steady", v, nil)
	})
	t.Run("no fields of that name", func(t *testing.T) {
		p.check(t, p.prefix+"steady", surveyed(), func(o *elastic.Options) {
			o.Fields = elastic.Fields{Time: "time", Status: "sc_status", Duration: "time_taken", Host: "s_computername", Slot: "app", UserAgent: "agent"}
		})
	})
}

func TestGenuineEngineAndEstestUnderstandFiltersTheSame(t *testing.T) {
	p := newPair(t)
	p.create("keywords", mapped())
	p.fill("keywords", corpus(5, 400))
	p.create("texts", nil)
	p.fill("texts", corpus(5, 400))
	for _, filter := range filters() {
		for name, change := range map[string]func(*elastic.Options){"keywords": func(*elastic.Options) {}, "texts": keywords} {
			t.Run(fmt.Sprintf("%s/%s", name, filter), func(t *testing.T) {
				filtered := func(o *elastic.Options) {
					change(o)
					o.Filter = filter
				}
				p.check(t, p.prefix+name, surveyed(), filtered)
				p.collect(t, p.prefix+name, polled(), filtered)
			})
		}
	}
}

func TestGenuineEngineAndEstestRefuseTheSame(t *testing.T) {
	p := newPair(t)
	p.create("one", mapped())
	p.fill("one", corpus(1, 50))
	p.create("time-keyword", mapped("@timestamp", "keyword"))
	p.fill("time-keyword", corpus(1, 50))
	p.create("status-text", mapped("http.response.status_code", "text"))
	p.fill("status-text", corpus(1, 50))
	p.create("host-text", mapped("host.name", "text"))
	p.fill("host-text", corpus(1, 50))
	p.create("duration-keyword", mapped("event.duration", "keyword"))
	p.fill("duration-keyword", corpus(1, 50))
	p.create("slot-long", mapped("labels.slot", "long", "labels.number", "keyword"))
	for _, index := range []string{"missing", "missing-*", "one,missing", "one,missing-*", "missing-1,missing-2", "*-missing", "one", "time-keyword", "status-text",
		"host-text", "duration-keyword", "one,host-text", "slot-long", "-one", "UPPER"} {
		t.Run(index, func(t *testing.T) {
			name := p.prefix + strings.ReplaceAll(index, ",", ","+p.prefix)
			p.collect(t, name, polled(), nil)
			p.check(t, name, surveyed(), nil)
			p.check(t, name, surveyed(), func(o *elastic.Options) { o.Filter = "url.path:x" })
		})
	}
	t.Run("too many buckets", func(t *testing.T) {
		q := polled()
		q.Bucket = time.Millisecond
		p.collect(t, p.prefix+"one", q, nil)
	})
}

func TestGenuineEngineAndEstestTakeTheSameDocuments(t *testing.T) {
	p := newPair(t)
	p.create("plain", mapped())
	p.stream("stream", mapped())
	now := began.Format(time.RFC3339Nano)
	for name, w := range map[string]struct {
		index    string
		document any
	}{
		"plain":                     {"plain", map[string]any{"@timestamp": now, "kind": "deployed", "failed": 1}},
		"into a new index":          {"fresh", map[string]any{"@timestamp": now, "event": "deployed", "failed": 1, "old": []string{"a", "b"}}},
		"into a data stream":        {"stream", map[string]any{"@timestamp": now, "labels": map[string]any{"slot": "x"}}},
		"without a time":            {"stream", map[string]any{"labels": map[string]any{"slot": "x"}}},
		"a wrong type":              {"plain", map[string]any{"http": map[string]any{"response": map[string]any{"status_code": "two hundred"}}}},
		"a wrong time":              {"plain", map[string]any{"@timestamp": "yesterday"}},
		"an object for a value":     {"plain", map[string]any{"host": map[string]any{"name": map[string]any{"first": "web-1"}}}},
		"a value for an object":     {"plain", map[string]any{"host": "web-1"}},
		"a list":                    {"plain", []int{1}},
		"null":                      {"plain", nil},
		"a name in upper case":      {"Plain", map[string]any{"a": 1}},
		"a name with an underscore": {"_plain", map[string]any{"a": 1}},
	} {
		t.Run(name, func(t *testing.T) {
			index := p.prefix + w.index
			if strings.HasPrefix(w.index, "_") {
				index = w.index
			}
			p.compare(t, func(e *engine) outcome {
				return outcome{nil, p.told(e, p.source(e, p.prefix+"plain", nil).Write(t.Context(), index, w.document))}
			})
		})
	}
}
