package estest

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"
)

// maxDepth is indices.query.bool.max_nested_depth.
const maxDepth = 30

type parser func(raw json.RawMessage, depth int) (query, error)

func parsers() map[string]parser {
	return map[string]parser{
		"bool": parseBoolQuery, "term": parseTerm, "terms": parseTerms, "range": parseRange, "exists": parseExists,
		"match_all": parseMatchAll, "match_none": parseMatchNone, "prefix": parsePrefix, "wildcard": parseWildcard,
		"match": parseMatch, "match_phrase": parsePhrase, "query_string": parseQueryString, "ids": parseIDs,
		"constant_score": parseConstantScore,
	}
}

// parseQuery reads one query: {"term": {...}}.
func parseQuery(raw json.RawMessage, depth int) (query, error) {
	if depth > maxDepth {
		return nil, illegal("The nested depth of the query exceeds the maximum nested depth for bool queries set in [indices.query.bool.max_nested_depth]")
	}
	if name := tokenName(raw); name != "START_OBJECT" {
		return nil, parsing("[_na] query malformed, must start with start_object")
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if len(o) == 0 {
		return nil, illegal("query malformed, empty clause found")
	}
	name, body, ok := o.sole()
	if !ok {
		return nil, parsing("[%s] malformed query, expected [END_OBJECT] but found [FIELD_NAME]", o.keys()[0])
	}
	parse, known := parsers()[name]
	if !known {
		return nil, parsing("unknown query [%s]", name)
	}
	if tokenName(body) != "START_OBJECT" {
		return nil, parsing("[%s] query malformed, no start_object after query name", name)
	}
	return parse(body, depth)
}

type matchAll struct{}

func (matchAll) bind(*index) (clause, error) {
	return always(func(*document) bool { return true }, "*:*"), nil
}

type matchNone struct{}

func (matchNone) bind(*index) (clause, error) {
	return nothing("User requested \\\"match_none\\\" query."), nil
}

func parseMatchAll(raw json.RawMessage, _ int) (query, error) {
	return matchAll{}, plain("match_all", raw)
}
func parseMatchNone(raw json.RawMessage, _ int) (query, error) {
	return matchNone{}, plain("match_none", raw)
}

// plain accepts only what every query has.
func plain(name string, raw json.RawMessage, more ...string) error {
	o, err := parseObject(raw)
	if err != nil {
		return err
	}
	return o.only(name, more...)
}

func (o object) only(name string, more ...string) error {
	if key, ok := o.stray(append(more, "boost", "_name")...); ok {
		return parsing("[%s] query does not support [%s]", name, key)
	}
	return nil
}

type boolQuery struct {
	filter, must, mustNot, should []query
	minimum                       int // of should; -1: not given
}

func parseBoolQuery(raw json.RawMessage, depth int) (query, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if err := o.only("bool", "filter", "must", "must_not", "should", "minimum_should_match", "adjust_pure_negative"); err != nil {
		return nil, err
	}
	q := boolQuery{minimum: -1}
	for name, into := range map[string]*[]query{"filter": &q.filter, "must": &q.must, "must_not": &q.mustNot, "should": &q.should} {
		if o[name] == nil {
			continue
		}
		list, err := parseList(o[name])
		if err != nil {
			return nil, err
		}
		for _, item := range list {
			part, err := parseQuery(item, depth+1)
			if err != nil {
				return nil, err
			}
			*into = append(*into, part)
		}
	}
	if raw := o["minimum_should_match"]; raw != nil {
		if q.minimum, err = minimumOf(raw, len(q.should)); err != nil {
			return nil, err
		}
	}
	return q, nil
}

// minimumOf reads 2, "2", -1 or "75%" of n clauses.
func minimumOf(raw json.RawMessage, n int) (int, error) {
	s, err := parseScalar("minimum_should_match", raw)
	if err != nil {
		return 0, err
	}
	share, percent := strings.CutSuffix(s.text, "%")
	v, err := strconv.Atoi(share)
	if err != nil {
		return 0, bad("number_format_exception", "For input string: \"%s\"", s.text)
	}
	if percent {
		v = int(math.Trunc(float64(v) * float64(n) / 100))
	}
	if v < 0 {
		v += n
	}
	return max(v, 0), nil
}

func (q boolQuery) bind(ix *index) (clause, error) {
	minimum := q.minimum
	if minimum < 0 {
		minimum = 0
		if len(q.must)+len(q.filter) == 0 && len(q.should) > 0 {
			minimum = 1
		}
	}
	out := clause{from: math.MinInt64, to: math.MaxInt64}
	var needed, refused, optional []func(*document) bool
	var words []string
	for _, group := range []struct {
		queries []query
		sign    string
		into    *[]func(*document) bool
	}{{q.must, "+", &needed}, {q.should, "", &optional}, {q.filter, "#", &needed}, {q.mustNot, "-", &refused}} {
		for _, part := range group.queries {
			c, err := part.bind(ix)
			if err != nil {
				return clause{}, err
			}
			*group.into = append(*group.into, c.match)
			words = append(words, group.sign+bracket(c.text))
			if group.into == &needed {
				out.from, out.to = max(out.from, c.from), min(out.to, c.to)
			}
		}
	}
	out.text = strings.Join(words, " ")
	if len(needed)+len(optional)+len(refused) == 0 {
		out.text = "*:*"
	}
	out.match = combine(needed, refused, optional, minimum)
	return out, nil
}

func bracket(text string) string {
	if strings.Contains(text, " ") && !strings.HasSuffix(text, "]") && !strings.HasSuffix(text, "\"") {
		return "(" + text + ")"
	}
	return text
}

func combine(needed, refused, optional []func(*document) bool, minimum int) func(*document) bool {
	return func(d *document) bool {
		for _, match := range needed {
			if !match(d) {
				return false
			}
		}
		for _, match := range refused {
			if match(d) {
				return false
			}
		}
		missing := minimum
		for _, match := range optional {
			if missing <= 0 {
				break
			}
			if match(d) {
				missing--
			}
		}
		return missing <= 0
	}
}

func parseConstantScore(raw json.RawMessage, depth int) (query, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if err := o.only("constant_score", "filter"); err != nil {
		return nil, err
	}
	if o["filter"] == nil {
		return nil, parsing("[constant_score] requires a 'filter' element")
	}
	return parseQuery(o["filter"], depth+1)
}

type ids []string

func parseIDs(raw json.RawMessage, _ int) (query, error) {
	if err := plain("ids", raw, "values"); err != nil {
		return nil, err
	}
	var body struct{ Values []string }
	if err := json.Unmarshal(raw, &body); err != nil {
		return nil, parsing("[ids] failed to parse field [values]")
	}
	return ids(body.Values), nil
}

func (q ids) bind(*index) (clause, error) {
	return always(func(d *document) bool { return slices.Contains(q, d.id) }, "_id:("+strings.Join(q, " ")+")"), nil
}
