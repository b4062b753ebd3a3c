package estest

import (
	"math"
	"slices"
	"strings"
	"time"
)

// histogram is a bucket per fixed interval of time.
type histogram struct {
	source
	interval, offset int64 // ms
	least            int   // min_doc_count
	low, high        *int64
	format           string
	inner            bundle
}

func parseHistogram(body object, inner bundle) (aggregation, error) {
	if err := body.known("date_histogram", "field", "fixed_interval", "calendar_interval", "min_doc_count", "extended_bounds",
		"offset", "format", "time_zone"); err != nil {
		return nil, err
	}
	s, err := parseSource("date_histogram", body)
	if err != nil {
		return nil, err
	}
	a := &histogram{source: s, format: "strict_date_time", inner: inner}
	if a.interval, err = histogramInterval(body); err != nil {
		return nil, err
	}
	if err := a.parseShape(body); err != nil {
		return nil, err
	}
	return a, a.parseBounds(body)
}

func (a *histogram) parseShape(body object) (err error) {
	if raw := body["min_doc_count"]; raw != nil {
		if a.least, err = parseInt("min_doc_count", raw); err != nil {
			return err
		}
	}
	if raw := body["format"]; raw != nil {
		if a.format, err = parseString("format", raw); err != nil {
			return err
		}
	}
	if raw := body["time_zone"]; raw != nil {
		if zone, _ := parseString("time_zone", raw); zone != "UTC" && zone != "Z" && zone != "+00:00" {
			return illegal("[date_histogram] only the time zone UTC is simulated, not [%s]", zone)
		}
	}
	if raw := body["offset"]; raw != nil {
		text, err := parseString("offset", raw)
		if err != nil {
			return err
		}
		magnitude, back := strings.CutPrefix(strings.TrimPrefix(text, "+"), "-")
		d, err := parseInterval("offset", magnitude)
		a.offset = d.Milliseconds()
		if back {
			a.offset = -a.offset
		}
		return err
	}
	return nil
}

func histogramInterval(body object) (int64, error) {
	raw, key := body["fixed_interval"], "fixed_interval"
	if raw == nil {
		raw, key = body["calendar_interval"], "calendar_interval"
	}
	if raw == nil || body["fixed_interval"] != nil && body["calendar_interval"] != nil {
		return 0, illegal("Invalid interval specified, must be non-null and non-empty: one of [fixed_interval, calendar_interval]")
	}
	text, err := parseString(key, raw)
	if err != nil {
		return 0, err
	}
	if key == "calendar_interval" {
		whole := map[string]string{"second": "1s", "1s": "1s", "minute": "1m", "1m": "1m", "hour": "1h", "1h": "1h", "day": "1d", "1d": "1d"}
		if whole[text] == "" {
			return 0, illegal("The supplied interval [%s] could not be parsed as a calendar interval.", text)
		}
		text = whole[text]
	}
	d, err := parseInterval("date_histogram."+key, text)
	return d.Milliseconds(), err
}

func (a *histogram) parseBounds(body object) error {
	raw := body["extended_bounds"]
	if raw == nil {
		return nil
	}
	o, err := parseObject(raw)
	if err != nil {
		return err
	}
	if err := o.known("extended_bounds", "min", "max"); err != nil {
		return err
	}
	for key, to := range map[string]**int64{"min": &a.low, "max": &a.high} {
		if o[key] == nil {
			continue
		}
		s, err := parseScalar(key, o[key])
		if err != nil {
			return err
		}
		at, _, err := parseDate(s.text, defaultFormat, time.Now())
		if err != nil {
			return err
		}
		at = a.floor(at)
		*to = &at
	}
	if a.low != nil && a.high != nil && *a.low > *a.high {
		return illegal("[extended_bounds.min][%d] cannot be greater than [extended_bounds.max][%d] for histogram aggregation", *a.low, *a.high)
	}
	return nil
}

func (a *histogram) floor(ms int64) int64 {
	rest := (ms - a.offset) % a.interval
	if rest < 0 {
		rest += a.interval
	}
	return ms - rest
}

func (a *histogram) typed() string { return "date_histogram" }

func (a *histogram) bind(ix *index) error {
	if err := a.source.bind(ix, true); err != nil {
		return err
	}
	return a.inner.bind(ix)
}

func (a *histogram) collector() collector {
	return &histogramCollector{of: a, buckets: map[int64]*bucket{}}
}

type histogramCollector struct {
	of      *histogram
	buckets map[int64]*bucket
	last    *bucket // where the document before went; neighbours in time are neighbours in the list
	lastKey int64
}

func (c *histogramCollector) collect(d *document) {
	previous := int64(math.MinInt64)
	for _, v := range c.of.values(d) {
		key := c.of.floor(int64(v.number))
		if key == previous { // a document counts once per bucket
			continue
		}
		previous = key
		if c.last == nil || key != c.lastKey {
			b := c.buckets[key]
			if b == nil {
				b = c.of.inner.bucket()
				c.buckets[key] = b
			}
			c.last, c.lastKey = b, key
		}
		c.last.collect(d)
	}
}

// keys are the starts of the buckets to show, in order: with min_doc_count 0 every one between the ends.
func (c *histogramCollector) keys() ([]int64, error) {
	var out []int64
	for key, b := range c.buckets {
		if b.count >= c.of.least {
			out = append(out, key)
		}
	}
	if c.of.least == 0 {
		low, high := int64(math.MaxInt64), int64(math.MinInt64)
		for _, key := range out {
			low, high = min(low, key), max(high, key)
		}
		if c.of.low != nil {
			low, high = min(low, *c.of.low), max(high, *c.of.low)
		}
		if c.of.high != nil {
			low, high = min(low, *c.of.high), max(high, *c.of.high)
		}
		out = out[:0]
		if low <= high && (high-low)/c.of.interval >= maxBuckets {
			c.of.inner.buckets += int(min((high-low)/c.of.interval, math.MaxInt32))
			return nil, c.of.inner.full()
		}
		for key := low; key <= high; key += c.of.interval {
			out = append(out, key)
		}
	}
	slices.Sort(out)
	return out, nil
}

func (c *histogramCollector) result() (any, error) {
	keys, err := c.keys()
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, key := range keys {
		b := c.buckets[key]
		if b == nil {
			b = c.of.inner.bucket()
		}
		if err := c.of.inner.full(); err != nil {
			return nil, err
		}
		answer, err := b.answer()
		if err != nil {
			return nil, err
		}
		answer["key"], answer["key_as_string"] = key, printDate(key, c.of.format)
		list = append(list, answer)
	}
	return map[string]any{"buckets": list}, nil
}
