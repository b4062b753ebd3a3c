package estest

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"unique"
)

// onField is a query on one field that is left to a function; documents of an index without the field never match.
type onField struct {
	name string
	make func(*field) (clause, error)
}

func (q onField) bind(ix *index) (clause, error) {
	if q.name == "_index" {
		return q.bindIndex(ix)
	}
	if f := ix.fields[q.name]; f != nil {
		return q.make(f)
	}
	return unmapped(q.name), nil
}

// bindIndex asks about the name of the index, which is the same for all its documents.
func (q onField) bindIndex(ix *index) (clause, error) {
	c, err := q.make(&field{name: "_index", family: keywords})
	if err != nil {
		return clause{}, err
	}
	verdict := c.match(&document{cells: []cell{{number: math.NaN(), text: unique.Make(ix.backing)}}})
	return always(func(*document) bool { return verdict }, c.text), nil
}

// fieldOptions reads {"field": {options}}; where value is not "", also {"field": value}.
func fieldOptions(query, value string, raw json.RawMessage, allowed ...string) (string, object, error) {
	o, err := parseObject(raw)
	if err != nil {
		return "", nil, err
	}
	name, body, ok := o.sole()
	switch {
	case len(o) == 0:
		return "", nil, parsing("[%s] query malformed, no field name", query)
	case !ok:
		return "", nil, parsing("[%s] query doesn't support multiple fields, found [%s] and [%s]", query, o.keys()[0], o.keys()[1])
	case tokenName(body) == "START_ARRAY":
		return "", nil, parsing("[%s] query does not support array of values", query)
	case tokenName(body) != "START_OBJECT" && value != "":
		return name, object{value: body}, nil
	case tokenName(body) != "START_OBJECT":
		return "", nil, parsing("[%s] query does not support [%s]", query, name)
	}
	options, err := parseObject(body)
	if err != nil {
		return "", nil, err
	}
	if value != "" {
		allowed = append(allowed, value)
	}
	return name, options, options.only(query, allowed...)
}

// textOption reads the option that the query cannot do without, and case_insensitive.
func textOption(query, value string, options object) (s scalar, fold bool, err error) {
	if options[value] == nil {
		return s, false, illegal("value cannot be null")
	}
	if s, err = parseScalar(query, options[value]); err != nil {
		return s, false, err
	}
	if raw := options["case_insensitive"]; raw != nil {
		fold, err = parseBool("case_insensitive", raw)
	}
	return s, fold, err
}

func parseTerm(raw json.RawMessage, _ int) (query, error) {
	name, options, err := fieldOptions("term", "value", raw, "case_insensitive")
	if err != nil {
		return nil, err
	}
	s, fold, err := textOption("term", "value", options)
	return onField{name, func(f *field) (clause, error) { return f.equals(s, fold) }}, err
}

func parseTerms(raw json.RawMessage, _ int) (query, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	delete(o, "boost")
	delete(o, "_name")
	name, body, ok := o.sole()
	if !ok {
		return nil, parsing("[terms] query requires one field, found %v", o.keys())
	}
	if tokenName(body) != "START_ARRAY" {
		return nil, parsing("[terms] query does not support [%s]", name)
	}
	list, err := parseList(body)
	if err != nil {
		return nil, err
	}
	values := make([]scalar, len(list))
	for i, item := range list {
		if values[i], err = parseScalar("terms", item); err != nil {
			return nil, err
		}
	}
	return onField{name, func(f *field) (clause, error) { return f.among(values) }}, nil
}

// among matches documents that hold any of the values.
func (f *field) among(values []scalar) (clause, error) {
	var matches []func(*document) bool
	var words []string
	for _, v := range values {
		c, err := f.equals(v, false)
		if err != nil {
			return clause{}, err
		}
		matches, words = append(matches, c.match), append(words, v.text)
	}
	return always(func(d *document) bool {
		for _, match := range matches {
			if match(d) {
				return true
			}
		}
		return false
	}, f.name+":("+strings.Join(words, " ")+")"), nil
}

func parseRange(raw json.RawMessage, _ int) (query, error) {
	name, options, err := fieldOptions("range", "", raw, "gt", "gte", "lt", "lte", "format")
	if err != nil {
		return nil, err
	}
	var low, high boundary
	for key, to := range map[string]*boundary{"gt": &low, "gte": &low, "lt": &high, "lte": &high} {
		raw := options[key]
		if raw == nil || tokenName(raw) == "VALUE_NULL" {
			continue
		}
		if to.set {
			return nil, illegal("[range] query has two limits on one side of [%s]", name)
		}
		to.set, to.open = true, len(key) == 2
		if to.value, err = parseScalar("range", raw); err != nil {
			return nil, err
		}
	}
	format := defaultFormat
	if raw := options["format"]; raw != nil {
		if format, err = parseString("format", raw); err != nil {
			return nil, err
		}
	}
	return onField{name, func(f *field) (clause, error) { return f.within(low, high, format) }}, nil
}

type exists string

func parseExists(raw json.RawMessage, _ int) (query, error) {
	if err := plain("exists", raw, "field"); err != nil {
		return nil, err
	}
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if o["field"] == nil {
		return nil, illegal("field name is null or empty")
	}
	name, err := parseString("exists", o["field"])
	return exists(name), err
}

// bind takes an object's name for any field below it.
func (q exists) bind(ix *index) (clause, error) {
	var fields []*field
	for name, f := range ix.fields {
		if name == string(q) || strings.HasPrefix(name, string(q)+".") {
			fields = append(fields, f)
		}
	}
	if len(fields) == 0 {
		return unmapped(string(q)), nil
	}
	match := func(d *document) bool {
		return slices.ContainsFunc(fields, func(f *field) bool { return len(f.values(d)) > 0 })
	}
	return always(match, "ConstantScore(FieldExistsQuery [field="+string(q)+"])"), nil
}

func parsePrefix(raw json.RawMessage, _ int) (query, error) {
	name, options, err := fieldOptions("prefix", "value", raw, "case_insensitive", "rewrite")
	if err != nil {
		return nil, err
	}
	s, fold, err := textOption("prefix", "value", options)
	return onField{name, func(f *field) (clause, error) {
		return f.onPattern("prefix", s.text+"*", func(word string) bool {
			return len(word) >= len(s.text) && (strings.HasPrefix(word, s.text) || fold && strings.EqualFold(word[:len(s.text)], s.text))
		})
	}}, err
}

func parseWildcard(raw json.RawMessage, _ int) (query, error) {
	value := "value"
	if strings.Contains(string(raw), `"wildcard"`) { // the older name of the option
		value = "wildcard"
	}
	name, options, err := fieldOptions("wildcard", value, raw, "case_insensitive", "rewrite")
	if err != nil {
		return nil, err
	}
	s, fold, err := textOption("wildcard", value, options)
	return onField{name, func(f *field) (clause, error) { return f.matching(s.text, fold) }}, err
}

// matching is the wildcard query on the field.
func (f *field) matching(pattern string, fold bool) (clause, error) {
	return f.onPattern("wildcard", pattern, func(word string) bool {
		return wildcard(pattern, word) || fold && wildcard(strings.ToLower(pattern), strings.ToLower(word))
	})
}

func parseMatch(raw json.RawMessage, _ int) (query, error) {
	name, options, err := fieldOptions("match", "query", raw, "operator", "lenient", "minimum_should_match", "zero_terms_query", "auto_generate_synonyms_phrase_query")
	if err != nil {
		return nil, err
	}
	s, _, err := textOption("match", "query", options)
	if err != nil {
		return nil, err
	}
	operator := "or"
	if raw := options["operator"]; raw != nil {
		if operator, err = parseString("operator", raw); err != nil {
			return nil, err
		}
	}
	operator = strings.ToLower(operator)
	if operator != "or" && operator != "and" {
		return nil, illegal("operator needs to be either AND or OR, but not [%s]", operator)
	}
	for _, key := range []string{"lenient", "minimum_should_match", "zero_terms_query"} {
		if options[key] != nil {
			return nil, illegal("[match] option [%s] is not simulated", key)
		}
	}
	return onField{name, func(f *field) (clause, error) { return f.analyzed(s, operator == "and") }}, nil
}

func parsePhrase(raw json.RawMessage, _ int) (query, error) {
	name, options, err := fieldOptions("match_phrase", "query", raw)
	if err != nil {
		return nil, err
	}
	s, _, err := textOption("match_phrase", "query", options)
	return onField{name, func(f *field) (clause, error) { return f.phrase(s) }}, err
}
