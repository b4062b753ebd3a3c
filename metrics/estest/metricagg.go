package estest

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"time"
)

// metric is max, min, avg, sum or stats.
type metric struct {
	source
	isDate bool
}

func parseMetric(kind string, body object) (aggregation, error) {
	if err := body.known(kind, "field"); err != nil {
		return nil, err
	}
	s, err := parseSource(kind, body)
	return &metric{source: s}, err
}

func (m *metric) typed() string { return m.agg }

func (m *metric) bind(ix *index) error {
	err := m.source.bind(ix, true)
	m.isDate = m.isDate || m.held != nil && m.held.family == dates
	return err
}

func (m *metric) collector() collector {
	return &metricCollector{of: m, low: math.Inf(1), high: math.Inf(-1)}
}

type metricCollector struct {
	of        *metric
	count     int
	sum       float64
	low, high float64
}

func (c *metricCollector) collect(d *document) {
	for _, v := range c.of.values(d) {
		c.count++
		c.sum += v.number
		c.low, c.high = min(c.low, v.number), max(c.high, v.number)
	}
}

func (c *metricCollector) result() (any, error) {
	values := map[string]float64{"min": c.low, "max": c.high, "avg": c.sum / float64(c.count), "sum": c.sum}
	if c.of.agg == "stats" {
		out := map[string]any{"count": c.count}
		for name, v := range values {
			c.write(out, name, v)
		}
		return out, nil
	}
	out := map[string]any{}
	c.write(out, c.of.agg, values[c.of.agg])
	out["value"] = out[c.of.agg]
	if s, ok := out[c.of.agg+"_as_string"]; ok {
		out["value_as_string"] = s
		delete(out, c.of.agg+"_as_string")
	}
	delete(out, c.of.agg)
	return out, nil
}

// write leaves null where there was nothing to measure, except for sums, which are 0.
func (c *metricCollector) write(out map[string]any, name string, v float64) {
	if c.count == 0 && name != "sum" {
		out[name] = nil
		return
	}
	out[name] = double(v)
	if c.of.isDate {
		out[name+"_as_string"] = iso(int64(v))
	}
}

// counted is value_count or, with only different ones, cardinality.
type counted struct {
	source
	different bool
}

func parseCount(body object, _ bundle) (aggregation, error) {
	if err := body.known("value_count", "field"); err != nil {
		return nil, err
	}
	s, err := parseSource("value_count", body)
	return &counted{source: s}, err
}

func parseCardinality(body object, _ bundle) (aggregation, error) {
	if err := body.known("cardinality", "field", "precision_threshold"); err != nil {
		return nil, err
	}
	s, err := parseSource("cardinality", body)
	return &counted{source: s, different: true}, err
}

func (a *counted) typed() string        { return a.agg }
func (a *counted) bind(ix *index) error { return a.source.bind(ix, false) }

func (a *counted) collector() collector {
	return &countCollector{of: a, seen: map[cell]bool{}}
}

type countCollector struct {
	of    *counted
	count int
	seen  map[cell]bool
}

func (c *countCollector) collect(d *document) {
	for _, v := range c.of.values(d) {
		if !c.of.different {
			c.count++
			continue
		}
		if !c.of.held.numeric() {
			v.number = 0 // not a number is never equal to itself
		}
		c.seen[v] = true
	}
}

func (c *countCollector) result() (any, error) {
	return map[string]any{"value": c.count + len(c.seen)}, nil
}

// percentiles are exact: linear between neighbours, as t-digest 3.2 is for few values.
type percentiles struct {
	source
	percents []float64
	list     bool // keyed:false
}

func parsePercentiles(body object, _ bundle) (aggregation, error) {
	if err := body.known("percentiles", "field", "percents", "keyed", "tdigest", "hdr"); err != nil {
		return nil, err
	}
	s, err := parseSource("percentiles", body)
	if err != nil {
		return nil, err
	}
	a := &percentiles{source: s, percents: []float64{1, 5, 25, 50, 75, 95, 99}}
	if raw := body["percents"]; raw != nil {
		if json.Unmarshal(raw, &a.percents) != nil {
			return nil, parsing("[percentiles] failed to parse field [percents]")
		}
	}
	for _, p := range a.percents {
		if p < 0 || p > 100 {
			return nil, illegal("percent must be in [0,100], got [%v]: [percentiles]", p)
		}
	}
	if raw := body["keyed"]; raw != nil {
		keyed, err := parseBool("keyed", raw)
		if err != nil {
			return nil, err
		}
		a.list = !keyed
	}
	for key, allowed := range map[string][]string{"tdigest": {"compression", "execution_hint"}, "hdr": {"number_of_significant_value_digits"}} {
		if body[key] == nil {
			continue
		}
		method, err := parseObject(body[key])
		if err != nil {
			return nil, err
		}
		if err := method.known(key, allowed...); err != nil {
			return nil, err
		}
	}
	return a, nil
}

func (a *percentiles) typed() string        { return "tdigest_percentiles" }
func (a *percentiles) bind(ix *index) error { return a.source.bind(ix, true) }
func (a *percentiles) collector() collector { return &percentileCollector{of: a} }

type percentileCollector struct {
	of     *percentiles
	values []float64
}

func (c *percentileCollector) collect(d *document) {
	for _, v := range c.of.values(d) {
		c.values = append(c.values, v.number)
	}
}

func (c *percentileCollector) result() (any, error) {
	slices.Sort(c.values)
	keyed, list := map[string]any{}, []any{}
	for _, p := range c.of.percents {
		v := double(quantile(c.values, p/100))
		key, err := double(p).MarshalJSON()
		if err != nil {
			return nil, err
		}
		keyed[string(key)] = v
		list = append(list, map[string]any{"key": double(p), "value": v})
	}
	if c.of.list {
		return map[string]any{"values": list}, nil
	}
	return map[string]any{"values": keyed}, nil
}

// quantile of sorted values; not a number without any.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return math.NaN()
	}
	at := max(q*float64(len(sorted))-0.5, 0) // each value stands in the middle of its share
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (sorted[i+1]-sorted[i])*(at-float64(i))
}

// keyOf is how a bucket key of the field is printed; text is "" where the key needs no key_as_string.
func (f *field) keyOf(c cell) (key any, text string) {
	switch f.family {
	case dates:
		return int64(c.number), iso(int64(c.number))
	case booleans:
		return int64(c.number), strconv.FormatBool(c.number != 0)
	case longs:
		return int64(c.number), ""
	case doubles:
		return double(c.number), ""
	}
	return c.text.Value(), ""
}

// printDate prints a date in a format of a search.
func printDate(ms int64, format string) string {
	switch format {
	case "epoch_millis":
		return strconv.FormatInt(ms, 10)
	case "epoch_second":
		return strconv.FormatInt(ms/1000, 10)
	case "strict_date_time_no_millis", "date_time_no_millis":
		return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05Z")
	}
	return iso(ms)
}
