package estest

import (
	"encoding/json"
	"strings"
)

// maxBuckets is search.max_buckets.
const maxBuckets = 65536

// aggregation is one parsed aggregation of a search. bind prepares it for the documents of one index; its collectors, one
// per bucket that it appears in, then see those documents.
type aggregation interface {
	bind(*index) error
	collector() collector
	typed() string // the type in the names of typed_keys
}

// collector gathers what one aggregation says about the documents of one bucket.
type collector interface {
	collect(*document)
	result() (any, error)
}

// named is an aggregation with its name and the ones inside it.
type named struct {
	name string
	aggregation
}

// shape is what all aggregations of one search share.
type shape struct {
	typed   bool // names carry the type
	buckets int  // made so far, at all levels
}

// full says that the search has made more buckets than Elasticsearch allows.
func (s *shape) full() error {
	if s.buckets <= maxBuckets {
		return nil
	}
	return bad("too_many_buckets_exception", "Trying to create too many buckets. Must be less than or equal to: [%d] but was [%d]. This limit can be set by changing the [search.max_buckets] cluster level setting.", maxBuckets, s.buckets)
}

// bundle is the aggregations of one level.
type bundle struct {
	parts []named
	*shape
}

func (b bundle) bind(ix *index) error {
	for _, p := range b.parts {
		if err := p.bind(ix); err != nil {
			return err
		}
	}
	return nil
}

// bucket is a group of documents and what the inner aggregations say about it.
type bucket struct {
	count int
	of    bundle
	inner []collector
}

func (b bundle) bucket() *bucket {
	b.buckets++
	out := &bucket{of: b, inner: make([]collector, len(b.parts))}
	for i, p := range b.parts {
		out.inner[i] = p.collector()
	}
	return out
}

func (b *bucket) collect(d *document) {
	b.count++
	for _, c := range b.inner {
		c.collect(d)
	}
}

// into writes the inner results beside what the bucket already says.
func (b *bucket) into(out map[string]any) error {
	for i, p := range b.of.parts {
		result, err := b.inner[i].result()
		if err != nil {
			return err
		}
		name := p.name
		if b.of.typed {
			name = p.typed() + "#" + name
		}
		out[name] = result
	}
	return nil
}

func (b *bucket) answer() (map[string]any, error) {
	out := map[string]any{"doc_count": b.count}
	return out, b.into(out)
}

type aggParser func(body object, inner bundle) (aggregation, error)

// aggParsers is every aggregation that the node knows; leaf ones take no inner aggregations.
func aggParsers() (buckets, leaves map[string]aggParser) {
	buckets = map[string]aggParser{
		"date_histogram": parseHistogram, "filters": parseFilters, "filter": parseFilter, "terms": parseTermsAgg, "missing": parseMissing,
	}
	leaves = map[string]aggParser{"percentiles": parsePercentiles, "cardinality": parseCardinality, "value_count": parseCount}
	for _, name := range []string{"max", "min", "avg", "sum", "stats"} {
		leaves[name] = func(body object, _ bundle) (aggregation, error) { return parseMetric(name, body) }
	}
	return buckets, leaves
}

// parseAggs reads {"name": {"type": {...}, "aggs": {...}}}.
func parseAggs(raw json.RawMessage, common *shape, depth int) (bundle, error) {
	out := bundle{shape: common}
	if depth > maxDepth {
		return out, illegal("the aggregations are nested deeper than %d", maxDepth)
	}
	o, err := parseObject(raw)
	if err != nil {
		return out, err
	}
	for _, name := range o.keys() {
		if name == "" || strings.ContainsAny(name, "[]>") {
			return out, parsing("Invalid aggregation name [%s]. Aggregation names can contain any character except '[', ']', and '>'", name)
		}
		part, err := parseAgg(name, o[name], common, depth)
		if err != nil {
			return out, err
		}
		out.parts = append(out.parts, named{name, part})
	}
	return out, nil
}

func parseAgg(name string, raw json.RawMessage, common *shape, depth int) (aggregation, error) {
	if tokenName(raw) != "START_OBJECT" {
		return nil, parsing("Aggregation definition for [%s] starts with a [%s], expected a [START_OBJECT].", name, tokenName(raw))
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	inner := bundle{shape: common}
	if o["aggs"] != nil && o["aggregations"] != nil {
		return nil, parsing("Found two sub aggregation definitions under [%s]", name)
	}
	for _, key := range []string{"aggs", "aggregations"} {
		if o[key] != nil {
			if inner, err = parseAggs(o[key], common, depth+1); err != nil {
				return nil, err
			}
		}
	}
	delete(o, "aggs")
	delete(o, "aggregations")
	delete(o, "meta")
	typ, body, ok := o.sole()
	if len(o) == 0 {
		return nil, parsing("Missing definition for aggregation [%s]", name)
	}
	if !ok {
		return nil, parsing("Found two aggregation type definitions in [%s]: [%s] and [%s]", name, o.keys()[0], o.keys()[1])
	}
	return parseAggBody(name, typ, body, inner)
}

func parseAggBody(name, typ string, raw json.RawMessage, inner bundle) (aggregation, error) {
	buckets, leaves := aggParsers()
	parse, isBucket := buckets[typ]
	if !isBucket {
		parse = leaves[typ]
	}
	if parse == nil {
		return nil, parsing("Unknown aggregation type [%s]", typ)
	}
	if tokenName(raw) != "START_OBJECT" {
		return nil, parsing("Expected [START_OBJECT] under [%s], but got a [%s] in [%s]", typ, tokenName(raw), name)
	}
	if !isBucket && len(inner.parts) > 0 {
		return nil, bad("aggregation_initialization_exception", "Aggregator [%s] of type [%s] cannot accept sub-aggregations", name, typ)
	}
	body := object{"filter": raw}
	if typ != "filter" {
		var err error
		if body, err = parseObject(raw); err != nil {
			return nil, err
		}
	}
	return parse(body, inner)
}

// known refuses options that the aggregation does not have.
func (o object) known(agg string, allowed ...string) error {
	if key, ok := o.stray(allowed...); ok {
		return bad("x_content_parse_exception", "[1:1] [%s] unknown field [%s]", agg, key)
	}
	return nil
}

// source is the field that an aggregation reads.
type source struct {
	agg  string
	name string
	held *field // nil: not mapped in the index at hand
}

func parseSource(agg string, body object) (source, error) {
	if body["field"] == nil {
		return source{}, illegal("Required one of fields [field, script], but none were specified. ")
	}
	name, err := parseString("field", body["field"])
	return source{agg: agg, name: name}, err
}

// bind finds the field; text and, where numbers are needed, anything that is not a number is refused.
func (s *source) bind(ix *index, numbers bool) error {
	s.held = ix.fields[s.name]
	if s.held == nil {
		return nil
	}
	if s.held.family == texts {
		return fielddata(s.name, ix)
	}
	if numbers && !s.held.numeric() {
		return illegal("Field [%s] of type [%s] is not supported for aggregation [%s]", s.name, s.held.typ, s.agg)
	}
	return nil
}

func fielddata(name string, ix *index) *failure {
	return illegal("Fielddata is disabled on [%s] in [%s]. Text fields are not optimised for operations that require per-document field data like aggregations and sorting, so these operations are disabled by default. Please use a keyword field instead. Alternatively, set fielddata=true on [%s] in order to load field data by uninverting the inverted index. Note that this can use significant memory.", name, ix.backing, name)
}

func (s *source) values(d *document) []cell {
	if s.held == nil {
		return nil
	}
	return s.held.values(d)
}
