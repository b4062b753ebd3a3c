package elastic

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"iiscanary/metrics"
)

// dict and array are JSON; encoding/json sorts the keys, so that the same query is the same text.
type (
	dict  = map[string]any
	array = []any
)

// searchTime is how long the cluster itself may search before it gives up and says so.
const searchTime = "3s"

// future is how far ahead lines are looked for, so that a wrong time zone can be named.
const future = 15 * time.Hour

const instant = "2006-01-02T15:04:05.000Z"

func utc(t time.Time) string { return t.UTC().Format(instant) }

func (f Fields) between(from, to time.Time) dict {
	return dict{"range": dict{f.Time: dict{"gte": utc(from), "lt": utc(to), "format": "strict_date_optional_time"}}}
}

func (f Fields) before(t time.Time) dict {
	return dict{"range": dict{f.Time: dict{"lt": utc(t), "format": "strict_date_optional_time"}}}
}

// on matches lines of these servers however their names are spelled: pipelines lower-case them, Windows upper-cases them.
func (f Fields) on(hosts ...string) dict {
	var spelled []string
	for _, h := range hosts {
		spelled = append(spelled, h, strings.ToLower(h), strings.ToUpper(h))
	}
	slices.Sort(spelled)
	return dict{"terms": dict{f.Host: slices.Compact(spelled)}}
}

func (f Fields) slots(names ...string) dict {
	if len(names) == 1 {
		return dict{"term": dict{f.Slot: dict{"value": names[0]}}}
	}
	return dict{"terms": dict{f.Slot: append([]string{}, names...)}}
}

func exists(field string) dict { return dict{"exists": dict{"field": field}} }

func all(clauses ...any) dict { return dict{"bool": dict{"filter": clauses}} }

// traffic matches what customers did: no health checks, nothing of our own, and what the operator's filter leaves.
func (s *Source) traffic(from, to time.Time) dict {
	f := s.o.Fields
	own := func(prefix string) dict { return dict{"prefix": dict{f.UserAgent: dict{"value": prefix}}} }
	filter := array{f.between(from, to)}
	if s.o.Filter != "" {
		filter = append(filter, lucene(s.o.Filter))
	}
	return dict{"bool": dict{"filter": filter, "must_not": array{own("ELB-HealthChecker"), own("iis-canary")}}}
}

func lucene(text string) dict { return dict{"query_string": dict{"query": text}} }

// countable matches the requests that a metric can tell good from bad.
func (s *Source) countable(m metrics.Metric) []any {
	if m.Kind == metrics.Slow {
		return array{exists(s.o.Fields.Duration)}
	}
	return array{exists(s.o.Fields.Status)}
}

// bad matches the requests that are bad, among those that are countable.
func (s *Source) bad(m metrics.Metric) dict {
	f := s.o.Fields
	if m.Kind == metrics.Errors {
		return dict{"range": dict{f.Status: dict{"gte": m.StatusFrom}}}
	}
	slow := dict{"range": dict{f.Duration: dict{"gt": units(m.SlowerThan, f.unit())}}}
	failed := dict{"range": dict{f.Status: dict{"gte": 500}}}
	return dict{"bool": dict{"should": array{slow, failed}, "minimum_should_match": 1}}
}

// units is a duration in the field's unit, as a whole number where it is one.
func units(d, unit time.Duration) any {
	if d%unit == 0 {
		return int64(d / unit)
	}
	return float64(d) / float64(unit)
}

// metricAggs counts every metric: an aggregation "m0", "m1" ... of the countable requests, with "bad" inside.
func (s *Source) metricAggs(ms []metrics.Metric, except func(metrics.Metric) []any) dict {
	aggs := dict{}
	for i, m := range ms {
		clause := dict{"filter": s.countable(m)}
		if skipped := except(m); len(skipped) > 0 {
			clause["must_not"] = skipped
		}
		aggs["m"+strconv.Itoa(i)] = dict{
			"filter": dict{"bool": clause},
			"aggs":   dict{"bad": dict{"filter": s.bad(m)}},
		}
	}
	return aggs
}

// quiet matches the first requests to the new slot of each server, which do not count for a metric.
func (s *Source) quiet(q metrics.Query, m metrics.Metric) []any {
	var out []any
	if m.SkipFirst <= 0 {
		return out
	}
	f := s.o.Fields
	for _, host := range slices.Sorted(maps.Keys(q.Quiet)) {
		out = append(out, all(f.slots(q.New), f.on(host), f.before(q.Quiet[host].Add(m.SkipFirst))))
	}
	return out
}

func (s *Source) coverageAggs() dict {
	f := s.o.Fields
	return dict{
		"status":   dict{"filter": exists(f.Status)},
		"duration": dict{"filter": exists(f.Duration)},
		"took":     dict{"percentiles": dict{"field": f.Duration, "percents": array{50, 95, 99}}},
	}
}

// body is the search of one poll.
func (s *Source) body(q metrics.Query) dict {
	f := s.o.Fields
	arms := dict{"filters": dict{"new": f.slots(q.New), "old": f.slots(q.Old...)}}
	return dict{
		"size": 0, "track_total_hits": false, "timeout": searchTime,
		"query": all(f.between(q.From, q.To.Add(future)), f.on(q.Hosts...)),
		"aggs": dict{
			"hosts": s.hostsAgg(q),
			"traffic": dict{"filter": s.traffic(q.From, q.To), "aggs": dict{
				"arms": dict{"filters": arms, "aggs": s.coverageAggs()},
				"time": dict{
					"date_histogram": dict{"field": f.Time, "fixed_interval": strconv.FormatInt(q.Bucket.Milliseconds(), 10) + "ms", "min_doc_count": 1},
					"aggs": dict{"arms": dict{"filters": arms,
						"aggs": s.metricAggs(q.Metrics, func(m metrics.Metric) []any { return s.quiet(q, m) })}},
				},
			}},
		},
	}
}

// hostsAgg finds how far each server's lines have arrived, health checks included, and what its new slot got.
func (s *Source) hostsAgg(q metrics.Query) dict {
	f := s.o.Fields
	settled := q.Settled
	if settled.IsZero() {
		settled = q.From
	}
	return dict{
		"terms": dict{"field": f.Host, "size": 3 * len(q.Hosts)},
		"aggs": dict{
			"newest": dict{"max": dict{"field": f.Time}},
			"new": dict{"filter": all(f.slots(q.New), s.traffic(q.From, q.To)), "aggs": dict{
				"first":   dict{"min": dict{"field": f.Time}},
				"settled": dict{"filter": f.before(settled)},
			}},
		},
	}
}
