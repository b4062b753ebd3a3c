package elastic

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"iiscanary/metrics"
)

const (
	cellTime  = 10 * time.Second // of one count of the dispersion
	mostCells = 50_000           // buckets of one search; the cluster allows 65,536
)

// survey looks at old's traffic: first what is there, then how it scatters.
func (s *Source) survey(ctx context.Context, v metrics.Survey) (metrics.Facts, error) {
	body, err := json.Marshal(s.surveyBody(v))
	if err != nil {
		return metrics.Facts{}, err
	}
	var a surveyAnswer
	if err := s.search(ctx, body, &a); err != nil {
		return metrics.Facts{}, err
	}
	facts, err := a.facts(v, s.o.Fields)
	if err != nil {
		return facts, err
	}
	facts.Text = s.curl(body)
	if facts.Lines == 0 {
		return facts, nil
	}
	settled, err := metrics.Settle(v.Metrics, facts)
	if err != nil {
		facts.Problems = append(facts.Problems, metrics.Problem{Kind: metrics.Unreadable, Subject: s.o.Fields.Duration, Text: err.Error(), Fatal: true})
		return facts, nil
	}
	return facts, s.scatter(ctx, v, settled, &facts)
}

func (s *Source) surveyBody(v metrics.Survey) dict {
	f := s.o.Fields
	old := all(f.slots(v.Old...), s.traffic(v.From, v.To))
	return dict{
		"size": 0, "track_total_hits": false, "timeout": searchTime,
		"query": all(f.between(v.From, v.To.Add(future)), f.on(v.Hosts...)),
		"aggs": dict{
			"hosts": dict{
				"terms": dict{"field": f.Host, "size": 3 * len(v.Hosts)},
				"aggs": dict{
					"newest": dict{"max": dict{"field": f.Time}},
					"old":    dict{"filter": old, "aggs": s.coverageAggs()},
				},
			},
			"old":   dict{"filter": old, "aggs": s.coverageAggs()},
			"began": dict{"filter": old, "aggs": dict{"oldest": dict{"min": dict{"field": f.Time}}}},
		},
	}
}

type surveyAnswer struct {
	header
	Aggs *struct {
		Old   *coverageAnswer `json:"old"`
		Began *struct {
			Oldest *moment `json:"oldest"`
		} `json:"began"`
		Hosts *struct {
			Buckets *[]struct {
				Key    string          `json:"key"`
				Newest *moment         `json:"newest"`
				Old    *coverageAnswer `json:"old"`
			} `json:"buckets"`
		} `json:"hosts"`
	} `json:"aggregations"`
}

func (a *surveyAnswer) complete() error {
	if err := a.header.complete(); err != nil {
		return err
	}
	if a.Aggs == nil || a.Aggs.Hosts == nil || a.Aggs.Hosts.Buckets == nil || a.Aggs.Old == nil {
		return lacks("its aggregations")
	}
	return nil
}

func (a *surveyAnswer) facts(v metrics.Survey, fields Fields) (metrics.Facts, error) {
	out := metrics.Facts{Hosts: map[string]metrics.HostFacts{}, Span: v.To.Sub(v.From)}
	if a.Aggs.Began != nil { // a slot that serves for minutes only would otherwise seem to have hardly any traffic
		if oldest := a.Aggs.Began.Oldest.time(); oldest.After(v.From) && oldest.Before(v.To) {
			out.Span = v.To.Sub(oldest)
		}
	}
	var err error
	if out.Coverage, err = a.Aggs.Old.coverage(fields.unit()); err != nil {
		return out, err
	}
	out.Rate = float64(out.Lines) / max(out.Span.Seconds(), 1)
	for _, h := range *a.Aggs.Hosts.Buckets {
		name, ok := known(v.Hosts, h.Key)
		if !ok {
			continue
		}
		c, err := h.Old.coverage(fields.unit())
		if err != nil {
			return out, err
		}
		was := out.Hosts[name]
		if mark := h.Newest.time(); mark.After(was.Watermark) {
			was.Watermark = mark
		}
		was.Lines, was.Status, was.Duration = was.Lines+c.Lines, was.Status+c.Status, was.Duration+c.Duration
		out.Hosts[name] = was
	}
	judgeHosts(&out, v, fields)
	return out, nil
}

// scatter measures the baseline and the dispersion of each metric, and of the requests themselves.
func (s *Source) scatter(ctx context.Context, v metrics.Survey, ms []metrics.Metric, facts *metrics.Facts) error {
	perCell := 1 + 2*len(ms)
	cells := max(mostCells/(perCell*max(len(v.Hosts), 1)+1), 6)
	from := v.To.Add(-min(v.To.Sub(v.From), time.Duration(cells)*cellTime))
	body, err := json.Marshal(s.scatterBody(v, ms, from))
	if err != nil {
		return err
	}
	var a scatterAnswer
	if err := s.search(ctx, body, &a); err != nil {
		return err
	}
	tallies, requests, err := a.read(len(ms))
	if err != nil {
		return err
	}
	facts.Baseline, facts.Phi = map[string]metrics.Tally{}, map[string]float64{}
	for i, m := range ms {
		facts.Baseline[m.Name] = sum(tallies[i])
		facts.Phi[m.Name] = metrics.Dispersion(tallies[i])
	}
	facts.Bursts = bursts(requests)
	return nil
}

func sum(ts []metrics.Tally) metrics.Tally {
	var out metrics.Tally
	for _, t := range ts {
		out.Bad, out.Total = out.Bad+t.Bad, out.Total+t.Total
	}
	return out
}

func (s *Source) scatterBody(v metrics.Survey, ms []metrics.Metric, from time.Time) dict {
	f := s.o.Fields
	none := func(metrics.Metric) []any { return nil }
	return dict{
		"size": 0, "track_total_hits": false, "timeout": searchTime,
		"query": all(f.between(from, v.To), f.on(v.Hosts...), f.slots(v.Old...), s.traffic(from, v.To)),
		"aggs": dict{"time": dict{
			"date_histogram": dict{"field": f.Time, "fixed_interval": strconv.FormatInt(cellTime.Milliseconds(), 10) + "ms", "min_doc_count": 1},
			"aggs": dict{"hosts": dict{
				"terms": dict{"field": f.Host, "size": 3 * len(v.Hosts)},
				"aggs":  s.metricAggs(ms, none),
			}},
		}},
	}
}

type scatterAnswer struct {
	header
	Aggs *struct {
		Time *struct {
			Buckets *[]struct {
				Hosts *struct {
					Buckets *[]hostCell `json:"buckets"`
				} `json:"hosts"`
			} `json:"buckets"`
		} `json:"time"`
	} `json:"aggregations"`
}

type hostCell struct {
	Key string
	armAnswer
}

// UnmarshalJSON reads the key beside what an arm has.
func (h *hostCell) UnmarshalJSON(raw []byte) error {
	var key struct {
		Key string `json:"key"`
	}
	if err := json.Unmarshal(raw, &key); err != nil {
		return err
	}
	h.Key = key.Key
	return h.armAnswer.UnmarshalJSON(raw)
}

func (a *scatterAnswer) complete() error {
	if err := a.header.complete(); err != nil {
		return err
	}
	if a.Aggs == nil || a.Aggs.Time == nil || a.Aggs.Time.Buckets == nil {
		return lacks("its aggregations")
	}
	return nil
}

// read returns every metric's tallies, one for each server and stretch of time, and each stretch's requests by server.
func (a *scatterAnswer) read(n int) (tallies [][]metrics.Tally, requests []map[string]int64, err error) {
	tallies = make([][]metrics.Tally, n)
	for _, t := range *a.Aggs.Time.Buckets {
		if t.Hosts == nil || t.Hosts.Buckets == nil {
			return nil, nil, lacks("the servers of a bucket")
		}
		row := map[string]int64{}
		for i := range *t.Hosts.Buckets {
			h := &(*t.Hosts.Buckets)[i]
			cell, err := h.read(n)
			if err != nil {
				return nil, nil, err
			}
			row[h.Key] += cell.Requests
			for m, tally := range cell.Tallies {
				tallies[m] = append(tallies[m], tally)
			}
		}
		requests = append(requests, row)
	}
	return tallies, requests, nil
}

// bursts is Pearson's dispersion of the request counts around each server's share of each stretch of time; at least 1.
func bursts(rows []map[string]int64) float64 {
	shares, total := map[string]float64{}, 0.0
	for _, row := range rows {
		for host, n := range row {
			shares[host] += float64(n)
			total += float64(n)
		}
	}
	chi, freedom := 0.0, 0.0
	for _, row := range rows {
		all := 0.0
		for _, n := range row {
			all += float64(n)
		}
		for _, host := range slices.Sorted(maps.Keys(shares)) {
			expected := all * shares[host] / total
			chi += math.Pow(float64(row[host])-expected, 2) / expected
		}
		freedom += float64(len(shares) - 1)
	}
	if freedom <= 0 || math.IsNaN(chi) {
		return 1
	}
	return max(chi/freedom, 1)
}
