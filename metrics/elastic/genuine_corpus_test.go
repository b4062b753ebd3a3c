//go:build genuine

package elastic_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"time"
)

// began is when the traffic of the corpus begins: the border of every bucket that is asked for.
var began = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// corpus is the log of a small fleet, with everything in it that logs have been seen to have: several slots of similar names,
// spellings of servers, lines that could not be parsed, health checks, times on the borders of buckets and beyond.
func corpus(seed uint64, n int) []map[string]any {
	r := rand.New(rand.NewPCG(seed, 7))
	pick := func(of ...any) any { return of[r.IntN(len(of))] }
	var out []map[string]any
	for i := range n {
		at := began.Add(time.Duration(r.IntN(240)) * time.Second)
		if i%9 == 0 {
			at = pick(began, began.Add(-time.Millisecond), began.Add(5*time.Second), began.Add(5*time.Second-time.Millisecond), began.Add(time.Minute),
				began.Add(time.Minute-time.Millisecond), began.Add(4*time.Minute), began.Add(4*time.Minute-time.Millisecond), began.Add(-time.Hour)).(time.Time)
		}
		doc := map[string]any{
			"@timestamp": written(at, i),
			"host":       map[string]any{"name": pick("web-1", "web-1", "WEB-1", "web-2", "web-3", "web-9")},
			"labels":     map[string]any{"slot": pick(newSlot, newSlot, oldSlot, oldSlot, oldSlot, oldSlot+"-b", "other.com-3457")},
			"http":       map[string]any{"response": map[string]any{"status_code": pick(200, 200, 200, 301, 404, 499, 500, 502, 503, 599)}},
			"event":      map[string]any{"duration": pick(0, ms, 20*ms, 31*ms, 249*ms, 250*ms, 250*ms+1, 900*ms, 12000*ms)},
			"user_agent": map[string]any{"original": pick("Mozilla/5.0 (Windows NT 10.0)", "curl/8.1", "ELB-HealthChecker/2.0", "iis-canary/1.0", "elb-healthchecker", strings.Repeat("long ", 60))},
			"url":        map[string]any{"path": pick("/", "/shop", "/shop/cart", "/Shop", "/häuser/straße")},
		}
		if i%11 == 3 { // a line that did not fit its pattern
			delete(doc, "http")
			delete(doc, "event")
			doc["error"] = map[string]any{"message": "the line has 3 values for 15 columns"}
		}
		if i%13 == 5 {
			doc["event"] = map[string]any{"duration": nil}
		}
		if i%17 == 6 {
			delete(doc, []string{"user_agent", "host", "labels", "url"}[r.IntN(4)])
		}
		out = append(out, doc)
	}
	return out
}

// written is a time as various pipelines write it.
func written(at time.Time, i int) any {
	switch i % 5 {
	case 0:
		return at.Format("2006-01-02T15:04:05.000Z")
	case 1:
		return at.In(time.FixedZone("", 2*3600)).Format("2006-01-02T15:04:05.000-07:00")
	case 2:
		return at.Format("2006-01-02T15:04:05.000000000Z")
	}
	return at.Format("2006-01-02T15:04:05.000Z")
}

// steady is old's traffic of four minutes: a request per second and server, 5 % of them failed, 10 % slow.
func steady(edit func(i int, doc map[string]any) bool) []map[string]any {
	var out []map[string]any
	for i := range 240 {
		for h, host := range fleet {
			status, took := 200, 20*ms+int64(i*37%240)*ms/20
			if (i+h)%20 == 0 {
				status = 500
			}
			if i%10 == 3 {
				took = 300 * ms
			}
			doc := map[string]any{"@timestamp": began.Add(time.Duration(i) * time.Second).Format("2006-01-02T15:04:05.000Z"),
				"host": map[string]any{"name": host}, "labels": map[string]any{"slot": oldSlot},
				"http": map[string]any{"response": map[string]any{"status_code": status}}, "event": map[string]any{"duration": took},
				"user_agent": map[string]any{"original": "Mozilla/5.0"}, "url": map[string]any{"path": "/shop"}}
			if edit == nil || edit(i, doc) {
				out = append(out, doc)
			}
		}
	}
	return out
}

// mapped is a mapping of these fields as the body of a request, with the changes made; a type of "" leaves a field out.
func mapped(changes ...string) map[string]any {
	fields := maps.Clone(ecs())
	for i := 0; i < len(changes); i += 2 {
		if fields[changes[i]] = changes[i+1]; changes[i+1] == "" {
			delete(fields, changes[i])
		}
	}
	properties := map[string]any{}
	for name, typ := range fields {
		properties[name] = map[string]any{"type": typ}
	}
	return map[string]any{"properties": properties}
}

// oneShard is the settings of every index here.
func oneShard() map[string]any {
	return map[string]any{"index": map[string]any{"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "1s"}}
}

// create makes an index on both engines; mappings nil: all fields are mapped dynamically.
func (p *pair) create(name string, mappings map[string]any) {
	p.t.Helper()
	body := map[string]any{"settings": oneShard()}
	if mappings != nil {
		body["mappings"] = mappings
	}
	p.both("PUT", "/"+p.prefix+name, body)
}

// stream makes every index whose name begins with name a data stream.
func (p *pair) stream(name string, mappings map[string]any) {
	p.t.Helper()
	p.both("PUT", "/_index_template/"+p.prefix+"stream", map[string]any{"index_patterns": []string{p.prefix + name + "*"}, "priority": 500,
		"data_stream": map[string]any{}, "template": map[string]any{"settings": oneShard(), "mappings": mappings}})
}

// fill writes documents to both engines and makes them searchable.
func (p *pair) fill(name string, docs []map[string]any) {
	p.t.Helper()
	var lines bytes.Buffer
	for i, doc := range docs {
		raw, err := json.Marshal(doc)
		if err != nil {
			p.t.Fatal(err)
		}
		fmt.Fprintf(&lines, "{\"create\":{\"_id\":\"line-%d\"}}\n%s\n", i, raw)
	}
	p.both("POST", "/"+p.prefix+name+"/_bulk?refresh=true", lines.Bytes())
}

// filters are what operators paste from Kibana, and what goes wrong with it.
func filters() []string {
	return []string{
		`url.path:"/shop"`, `url.path:\/shop`, `url.path:/shop`, `url.path:/shop/`, `url.path:shop`, `url.path:\/shop*`, `url.path:*cart`,
		`labels.slot:"app.domain.com-3457"`, `labels.slot:app.domain.com-3457`, `labels.slot:app.domain.com\-3457`, `labels.slot:"app.domain.com"`,
		`http.response.status_code:500`, `http.response.status_code:[500 TO 599]`, `http.response.status_code:[500 TO *]`, `http.response.status_code:{499 TO 599}`,
		`http.response.status_code:>=500`, `http.response.status_code:>499`, `http.response.status_code:<400`, `http.response.status_code:"404"`,
		`http.response.status_code:abc`, `http.response.status_code:5*`, `http.response.status_code:[a TO b]`, `http.response.status_code:5.5`,
		`host.name:web-1`, `host.name:(web-1 OR web-2)`, `host.name:(web-1 web-2)`, `host.name:web-1 AND NOT url.path:"/shop"`,
		`host.name:web-1 OR host.name:web-2 AND url.path:"/"`, `+host.name:web-1 -url.path:"/shop"`, `NOT host.name:web-1`, `!host.name:web-1`, `-host.name:web-1`,
		`host.name:web-1 && url.path:"/"`, `host.name:web-1 || url.path:"/"`, `host.name:web-?`, `host.name:WEB-1`,
		`_exists_:event.duration`, `event.duration:*`, `*`, `*:*`, `NOT _exists_:error.message`, `_exists_:nothing.here`,
		`nothing.here:5`, `urlpath:"/shop"`, `Mozilla`, `"/shop"`, `500`, `web-1`,
		`@timestamp:[2026-03-04T12:00:00Z TO 2026-03-04T12:01:00Z]`, `@timestamp:>=2026-03-04T12:01:00Z`, `@timestamp:["2026-03-04" TO *}`, `@timestamp:2026-03-04`, `@timestamp:yesterday`,
		`host.name:web-1 AND http.response.status_code:5*`, `nothing.here:5 nothing.there:6`, `host.name:web-1 OR nothing.here:5`, `NOT nothing.here:5`,
		`host.name:web-1 AND nothing.here:5`, `host.name:(web-1 web-2 OR web-3)`, `host.name:web-1^2 url.path:"/"`, `url.path:/\/shop.*/`, `url.path:{a TO z]`,
		`host.name:web-1 (NOT url.path:"/shop")`, `(host.name:web-1 OR host.name:web-3) AND (url.path:"/" OR http.response.status_code:>=500)`,
		`http.response.status_code:(500 502)`, `http.response.status_code:(>=500 AND <503)`, `url.path:"/" url.path:"-"`, `@timestamp:>2026-03-04`,
		`user_agent.original:Mozilla*`, `user_agent.original:"Mozilla/5.0 (Windows NT 10.0)"`, `user_agent.original:mozilla`, `user_agent.original:(curl OR Windows)`,
		`url.path:(`, `url.path:"`, `url.path:[`, `url.path:[a TO`, `url.path:`, `AND`, `a AND`, `(host.name:web-1`, `host.name:web-1)`, `host.name:web-1 AND`, `\`, `()`, `:`, `a:b:c`, `host.name: web-1`, `{`, `]`,
	}
}

// silenced is what can be wrong with a server's lines.
func silenced() map[string]func(int, map[string]any) bool {
	is := func(doc map[string]any, host string) bool { return doc["host"].(map[string]any)["name"] == host }
	return map[string]func(int, map[string]any) bool{
		"host":     func(_ int, d map[string]any) bool { return !is(d, "web-3") },
		"status":   func(_ int, d map[string]any) bool { return drop(d, is(d, "web-2"), "http") },
		"duration": func(_ int, d map[string]any) bool { return drop(d, is(d, "web-2"), "event") },
		"all":      func(_ int, d map[string]any) bool { return drop(d, true, "labels") },
		"ahead": func(i int, d map[string]any) bool {
			if is(d, "web-2") && i > 120 {
				d["@timestamp"] = began.Add(time.Duration(i)*time.Second + 2*time.Hour).Format(time.RFC3339)
			}
			return true
		},
	}
}

func drop(doc map[string]any, doIt bool, field string) bool {
	if doIt {
		delete(doc, field)
	}
	return true
}
