package estest

import (
	"cmp"
	"encoding/json"
	"math"
	"slices"
	"strings"
)

// termsAgg is a bucket per value, the largest first.
type termsAgg struct {
	source
	size, least int
	orders      []termsOrder
	inner       bundle
	printer     *field // a field of the type that keys are printed as
}

// termsOrder is one criterion of order; by is _count, _key or the name of an inner metric.
type termsOrder struct {
	by   string
	down bool
}

func parseTermsAgg(body object, inner bundle) (aggregation, error) {
	if err := body.known("terms", "field", "size", "shard_size", "min_doc_count", "order", "execution_hint", "collect_mode"); err != nil {
		return nil, err
	}
	s, err := parseSource("terms", body)
	if err != nil {
		return nil, err
	}
	a := &termsAgg{source: s, size: 10, least: 1, inner: inner}
	for key, to := range map[string]*int{"size": &a.size, "min_doc_count": &a.least} {
		if body[key] != nil {
			if *to, err = parseInt(key, body[key]); err != nil {
				return nil, err
			}
		}
	}
	if a.size < 1 {
		return nil, illegal("[size] must be greater than 0. Found [%d] in [terms]", a.size)
	}
	if a.least < 1 {
		return nil, illegal("[terms] min_doc_count below 1 is not simulated")
	}
	return a, a.parseOrder(body["order"])
}

func (a *termsAgg) parseOrder(raw json.RawMessage) error {
	if raw != nil {
		list, err := parseList(raw)
		if err != nil {
			return err
		}
		for _, item := range list {
			o, err := parseObject(item)
			if err != nil {
				return err
			}
			by, direction, ok := o.sole()
			if !ok {
				return parsing("Must specify at least one field for [order]")
			}
			word, err := parseString("order", direction)
			if word = strings.ToLower(word); err != nil || word != "asc" && word != "desc" {
				return parsing("Unknown order direction [%s]", word)
			}
			a.orders = append(a.orders, termsOrder{by, word == "desc"})
		}
	}
	for _, o := range a.orders {
		if o.by != "_count" && o.by != "_key" && !slices.ContainsFunc(a.inner.parts, func(n named) bool { return n.name == o.by }) {
			return bad("aggregation_execution_exception", "Invalid aggregation order path [%s]. The provided aggregation [%s] either does not exist, or is a pipeline aggregation and cannot be used to sort the buckets.", o.by, o.by)
		}
	}
	if len(a.orders) == 0 {
		a.orders = []termsOrder{{"_count", true}}
	}
	a.orders = append(a.orders, termsOrder{"_key", false})
	return nil
}

func (a *termsAgg) typed() string {
	switch {
	case a.printer == nil:
		return "umterms"
	case a.printer.family == doubles:
		return "dterms"
	case a.printer.numeric():
		return "lterms"
	}
	return "sterms"
}

func (a *termsAgg) bind(ix *index) error {
	if err := a.source.bind(ix, false); err != nil {
		return err
	}
	if a.held != nil {
		if a.printer != nil && a.printer.numeric() != a.held.numeric() {
			return bad("aggregation_execution_exception", "Failed trying to format bytes as a number: the field [%s] has different types in different indices", a.name)
		}
		a.printer = a.held
	}
	return a.inner.bind(ix)
}

func (a *termsAgg) collector() collector {
	return &termsCollector{of: a, buckets: map[cell]*bucket{}}
}

type termsCollector struct {
	of      *termsAgg
	buckets map[cell]*bucket
}

func (c *termsCollector) collect(d *document) {
	held := c.of.values(d)
	for i, v := range held {
		if slices.ContainsFunc(held[:i], func(w cell) bool { return w.text == v.text && (w.number == v.number || math.IsNaN(v.number)) }) {
			continue
		}
		if math.IsNaN(v.number) {
			v.number = 0 // so that keys can be equal
		}
		b := c.buckets[v]
		if b == nil {
			b = c.of.inner.bucket()
			c.buckets[v] = b
		}
		b.collect(d)
	}
}

type termsBucket struct {
	key    cell
	count  int
	answer map[string]any
}

func (c *termsCollector) result() (any, error) {
	var list []termsBucket
	for key, b := range c.buckets {
		if b.count < c.of.least {
			continue
		}
		answer, err := b.answer()
		if err != nil {
			return nil, err
		}
		k, text := c.of.printer.keyOf(key)
		answer["key"] = k
		if text != "" {
			answer["key_as_string"] = text
		}
		list = append(list, termsBucket{key, b.count, answer})
	}
	slices.SortFunc(list, c.of.compare)
	others := 0
	for _, b := range list[min(c.of.size, len(list)):] {
		others += b.count
	}
	shown := []any{}
	for _, b := range list[:min(c.of.size, len(list))] {
		shown = append(shown, b.answer)
	}
	return map[string]any{"doc_count_error_upper_bound": 0, "sum_other_doc_count": others, "buckets": shown}, nil
}

func (a *termsAgg) compare(x, y termsBucket) int {
	for _, o := range a.orders {
		var c int
		switch o.by {
		case "_count":
			c = cmp.Compare(x.count, y.count)
		case "_key":
			c = cmp.Or(cmp.Compare(valueText(x.key), valueText(y.key)), cmp.Compare(x.key.number, y.key.number))
		default:
			c = cmp.Compare(a.metricOf(x, o.by), a.metricOf(y, o.by))
		}
		if o.down {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return 0
}

// metricOf is the value, or for a bucket the count, of an inner aggregation.
func (a *termsAgg) metricOf(b termsBucket, name string) float64 {
	for _, p := range a.inner.parts {
		if p.name != name {
			continue
		}
		if a.inner.typed {
			name = p.typed() + "#" + name
		}
		answer, _ := b.answer[name].(map[string]any)
		for _, key := range []string{"value", "doc_count"} {
			switch v := answer[key].(type) {
			case double:
				return float64(v)
			case int:
				return float64(v)
			}
		}
	}
	return math.Inf(-1)
}

// valueText is the string of a cell, "" for a number.
func valueText(c cell) string {
	if c.absent() || c.text == (cell{}).text {
		return ""
	}
	return c.text.Value()
}
