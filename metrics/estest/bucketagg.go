package estest

import (
	"encoding/json"
	"strings"
)

// filterAgg is one bucket of documents that match.
type filterAgg struct {
	query query
	bound clause
	inner bundle
}

func parseFilter(body object, inner bundle) (aggregation, error) {
	q, err := parseQuery(body["filter"], 1)
	return &filterAgg{query: q, inner: inner}, err
}

// unwrapped is the cause of a query that could not be created: in aggregations nothing is put around it.
func unwrapped(err error) error {
	if f, ok := err.(*failure); ok && f.typ == "query_shard_exception" && f.cause != nil && strings.HasPrefix(f.reason, "failed to create query: ") {
		return f.cause
	}
	return err
}

func (a *filterAgg) typed() string { return "filter" }

func (a *filterAgg) bind(ix *index) (err error) {
	if a.bound, err = a.query.bind(ix); err != nil {
		return unwrapped(err)
	}
	return a.inner.bind(ix)
}

func (a *filterAgg) collector() collector { return &filterCollector{of: a, bucket: a.inner.bucket()} }

type filterCollector struct {
	of     *filterAgg
	bucket *bucket
}

func (c *filterCollector) collect(d *document) {
	if c.of.bound.match(d) {
		c.bucket.collect(d)
	}
}

func (c *filterCollector) result() (any, error) { return c.bucket.answer() }

// missing is one bucket of documents without a value in the field.
type missing struct {
	source
	inner bundle
}

func parseMissing(body object, inner bundle) (aggregation, error) {
	if err := body.known("missing", "field"); err != nil {
		return nil, err
	}
	s, err := parseSource("missing", body)
	return &missing{s, inner}, err
}

func (a *missing) typed() string { return "missing" }

func (a *missing) bind(ix *index) error {
	if err := a.source.bind(ix, false); err != nil {
		return err
	}
	return a.inner.bind(ix)
}

func (a *missing) collector() collector { return &missingCollector{of: a, bucket: a.inner.bucket()} }

type missingCollector struct {
	of     *missing
	bucket *bucket
}

func (c *missingCollector) collect(d *document) {
	if len(c.of.values(d)) == 0 {
		c.bucket.collect(d)
	}
}

func (c *missingCollector) result() (any, error) { return c.bucket.answer() }

// filtersAgg is a bucket per query; a document may be in several.
type filtersAgg struct {
	names []string // nil: a list instead of an object
	parts []query
	bound []clause
	other string // name of the bucket of the rest; "": none
	inner bundle
}

func parseFilters(body object, inner bundle) (aggregation, error) {
	if err := body.known("filters", "filters", "other_bucket", "other_bucket_key"); err != nil {
		return nil, err
	}
	a := &filtersAgg{inner: inner}
	var parts []json.RawMessage
	switch tokenName(body["filters"]) {
	case "START_OBJECT":
		o, err := parseObject(body["filters"])
		if err != nil {
			return nil, err
		}
		a.names = o.keys()
		for _, name := range a.names {
			parts = append(parts, o[name])
		}
	case "START_ARRAY":
		var err error
		if parts, err = parseList(body["filters"]); err != nil {
			return nil, err
		}
	}
	if len(parts) == 0 {
		return nil, illegal("[filters] cannot be empty")
	}
	for _, raw := range parts {
		q, err := parseQuery(raw, 1)
		if err != nil {
			return nil, err
		}
		a.parts = append(a.parts, q)
	}
	var err error
	a.other, err = otherBucket(body)
	return a, err
}

func otherBucket(body object) (string, error) {
	if raw := body["other_bucket_key"]; raw != nil {
		return parseString("other_bucket_key", raw)
	}
	if raw := body["other_bucket"]; raw != nil {
		if wanted, err := parseBool("other_bucket", raw); !wanted || err != nil {
			return "", err
		}
		return "_other_", nil
	}
	return "", nil
}

func (a *filtersAgg) typed() string { return "filters" }

func (a *filtersAgg) bind(ix *index) error {
	a.bound = a.bound[:0]
	for _, q := range a.parts {
		c, err := q.bind(ix)
		if err != nil {
			return unwrapped(err)
		}
		a.bound = append(a.bound, c)
	}
	return a.inner.bind(ix)
}

func (a *filtersAgg) collector() collector {
	c := &filtersCollector{of: a}
	for range a.parts {
		c.buckets = append(c.buckets, a.inner.bucket())
	}
	if a.other != "" {
		c.other = a.inner.bucket()
	}
	return c
}

type filtersCollector struct {
	of      *filtersAgg
	buckets []*bucket
	other   *bucket
}

func (c *filtersCollector) collect(d *document) {
	hit := false
	for i, part := range c.of.bound {
		if part.match(d) {
			hit = true
			c.buckets[i].collect(d)
		}
	}
	if !hit && c.other != nil {
		c.other.collect(d)
	}
}

func (c *filtersCollector) result() (any, error) {
	buckets, names := c.buckets, c.of.names
	if c.other != nil {
		buckets = append(buckets[:len(buckets):len(buckets)], c.other)
		if names != nil {
			names = append(names[:len(names):len(names)], c.of.other)
		}
	}
	byName, list := map[string]any{}, []any{}
	for i, b := range buckets {
		answer, err := b.answer()
		if err != nil {
			return nil, err
		}
		list = append(list, answer)
		if names != nil {
			byName[names[i]] = answer
		}
	}
	if names != nil {
		return map[string]any{"buckets": byName}, nil
	}
	return map[string]any{"buckets": list}, nil
}
