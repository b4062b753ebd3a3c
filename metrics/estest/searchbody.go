package estest

import (
	"encoding/json"
	"math"
	"net/url"
	"strconv"
	"strings"
)

// maxWindow is index.max_result_window.
const maxWindow = 10000

// searchRequest is a search, from its body and its parameters.
type searchRequest struct {
	query       query
	aggs        bundle
	from, size  int
	total       int // count exactly up to here; -1: do not say
	sort        []sortKey
	source      sourceFilter
	partial     bool // allow_partial_search_results
	plainTotal  bool // rest_total_hits_as_int
	wantVersion bool
}

// sortKey is one criterion of order: a field, _doc or _score.
type sortKey struct {
	field        string
	down         bool
	missingFirst bool
	unmapped     bool // a type was given for indices without the field
}

// parseSearch reads the body of a search; nothing in it is left unread.
func parseSearch(raw []byte, typed bool) (*searchRequest, error) {
	r := &searchRequest{query: matchAll{}, size: 10, total: 10000, partial: true, source: sourceFilter{on: true}, aggs: bundle{shape: &shape{typed: typed}}}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return r, nil
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if key, ok := o.stray("query", "aggs", "aggregations", "from", "size", "track_total_hits", "timeout", "sort", "_source", "version"); ok {
		return nil, parsing("Unknown key for a %s in [%s].", tokenName(o[key]), key)
	}
	if o["aggs"] != nil && o["aggregations"] != nil {
		return nil, parsing("[aggs] and [aggregations] are the same")
	}
	readers := map[string]func(json.RawMessage) error{
		"query":            func(v json.RawMessage) (err error) { r.query, err = parseQuery(v, 1); return err },
		"aggs":             func(v json.RawMessage) (err error) { r.aggs, err = parseAggs(v, r.aggs.shape, 1); return err },
		"aggregations":     func(v json.RawMessage) (err error) { r.aggs, err = parseAggs(v, r.aggs.shape, 1); return err },
		"from":             func(v json.RawMessage) (err error) { r.from, err = parseInt("from", v); return err },
		"size":             func(v json.RawMessage) (err error) { r.size, err = parseInt("size", v); return err },
		"version":          func(v json.RawMessage) (err error) { r.wantVersion, err = parseBool("version", v); return err },
		"track_total_hits": r.parseTotal,
		"timeout":          parseTimeout,
		"sort":             r.parseSort,
		"_source":          func(v json.RawMessage) (err error) { r.source, err = parseSourceFilter(v); return err },
	}
	for _, key := range o.keys() {
		if err := readers[key](o[key]); err != nil {
			return nil, err
		}
	}
	return r, r.check()
}

func (r *searchRequest) check() error {
	switch {
	case r.size < 0:
		return illegal("[size] parameter cannot be negative, found [%d]", r.size)
	case r.from < 0:
		return illegal("[from] parameter cannot be negative but was [%d]", r.from)
	case r.from+r.size > maxWindow:
		return illegal("Result window is too large, from + size must be less than or equal to: [%d] but was [%d]. See the scroll api for a more efficient way to request large data sets. This limit can be set by changing the [index.max_result_window] index level setting.", maxWindow, r.from+r.size)
	}
	return nil
}

func (r *searchRequest) parseTotal(raw json.RawMessage) error {
	if n, err := strconv.Atoi(strings.Trim(string(raw), `"`)); err == nil {
		if n < -1 {
			return illegal("[track_total_hits] parameter must be positive or equals to -1, got %d", n)
		}
		r.total = n
		return nil
	}
	on, err := parseBool("track_total_hits", raw)
	r.total = -1
	if on {
		r.total = math.MaxInt
	}
	return err
}

func parseTimeout(raw json.RawMessage) error {
	text, err := parseString("timeout", raw)
	if err != nil || text == "-1" {
		return err
	}
	_, err = parseInterval("timeout", text)
	return err
}

func (r *searchRequest) parseSort(raw json.RawMessage) error {
	list, err := parseList(raw)
	if err != nil {
		return err
	}
	for _, item := range list {
		if tokenName(item) == "VALUE_STRING" {
			name, err := parseString("sort", item)
			if err != nil {
				return err
			}
			r.sort = append(r.sort, sortKey{field: name, down: name == "_score"})
			continue
		}
		o, err := parseObject(item)
		if err != nil {
			return err
		}
		for _, name := range o.keys() {
			key, err := parseSortKey(name, o[name])
			if err != nil {
				return err
			}
			r.sort = append(r.sort, key)
		}
	}
	return nil
}

func parseSortKey(name string, raw json.RawMessage) (sortKey, error) {
	key, options := sortKey{field: name, down: name == "_score"}, object{"order": raw}
	if tokenName(raw) == "START_OBJECT" {
		var err error
		if options, err = parseObject(raw); err != nil {
			return key, err
		}
	}
	if err := options.known("field_sort", "order", "missing", "unmapped_type", "format"); err != nil {
		return key, err
	}
	if options["order"] != nil {
		word, err := parseString("order", options["order"])
		if err != nil || word != "asc" && word != "desc" {
			return key, illegal("Unknown SortOrder [%s]", word)
		}
		key.down = word == "desc"
	}
	if options["missing"] != nil {
		word, err := parseString("missing", options["missing"])
		if err != nil || word != "_first" && word != "_last" {
			return key, illegal("[missing] only _first and _last are simulated, not [%s]", word)
		}
		key.missingFirst = word == "_first"
	}
	key.unmapped = options["unmapped_type"] != nil
	return key, nil
}

// parseParams adds what the address says to what the body said.
func (r *searchRequest) parseParams(p url.Values) error {
	quoted := func(key string) json.RawMessage { return json.RawMessage(strconv.Quote(p.Get(key))) }
	readers := map[string]func() error{
		"size":             func() (err error) { r.size, err = parseInt("size", quoted("size")); return err },
		"from":             func() (err error) { r.from, err = parseInt("from", quoted("from")); return err },
		"track_total_hits": func() error { return r.parseTotal(quoted("track_total_hits")) },
		"timeout":          func() error { return parseTimeout(quoted("timeout")) },
		"allow_partial_search_results": func() (err error) {
			r.partial, err = parseBool("allow_partial_search_results", quoted("allow_partial_search_results"))
			return err
		},
		"rest_total_hits_as_int": func() (err error) {
			r.plainTotal, err = parseBool("rest_total_hits_as_int", quoted("rest_total_hits_as_int"))
			return err
		},
		"q": func() (err error) { r.query, err = queryOfParams(p); return err },
		"sort": func() error {
			for part := range strings.SplitSeq(p.Get("sort"), ",") {
				name, order, _ := strings.Cut(part, ":")
				r.sort = append(r.sort, sortKey{field: name, down: order == "desc"})
			}
			return nil
		},
	}
	for key, read := range readers {
		if p.Has(key) {
			if err := read(); err != nil {
				return err
			}
		}
	}
	return r.parseSourceParams(p)
}

func (r *searchRequest) parseSourceParams(p url.Values) error {
	if p.Has("_source") {
		switch v := p.Get("_source"); v {
		case "true", "false", "":
			r.source.on = v != "false"
		default:
			r.source.includes = strings.Split(v, ",")
		}
	}
	for key, to := range map[string]*[]string{"_source_includes": &r.source.includes, "_source_excludes": &r.source.excludes} {
		if p.Has(key) {
			*to = strings.Split(p.Get(key), ",")
		}
	}
	return r.check()
}

// queryOfParams is the query of ?q=.
func queryOfParams(p url.Values) (query, error) {
	options := map[string]any{"query": p.Get("q")}
	for param, option := range map[string]string{"df": "default_field", "default_operator": "default_operator", "lenient": "lenient", "analyze_wildcard": "analyze_wildcard"} {
		if p.Has(param) {
			options[option] = p.Get(param)
		}
	}
	raw, err := json.Marshal(options)
	if err != nil {
		return nil, err
	}
	return parseQueryString(raw, 1)
}
