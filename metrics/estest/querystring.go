package estest

import (
	"encoding/json"
	"slices"
	"strings"
)

// queryString is a query_string query. Its syntax errors are met by shards, as in Elasticsearch.
type queryString struct {
	tree    *luceneTree
	broken  error
	fields  []string // where a term without a field is looked for; none: everywhere
	every   bool     // the default operator is AND
	lenient bool     // what does not fit a field's type matches nothing
}

func parseQueryString(raw json.RawMessage, _ int) (query, error) {
	o, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	if err := o.only("query_string", "query", "default_field", "fields", "default_operator", "lenient", "analyze_wildcard", "allow_leading_wildcard"); err != nil {
		return nil, err
	}
	if o["query"] == nil {
		return nil, parsing("[query_string] must be provided with a [query]")
	}
	text, err := parseString("query", o["query"])
	if err != nil {
		return nil, err
	}
	q := &queryString{}
	if err := q.options(o); err != nil {
		return nil, err
	}
	q.tree, q.broken = parseLucene(text, q.every)
	return q, nil
}

func (q *queryString) options(o object) (err error) {
	if o["default_field"] != nil {
		name, err := parseString("default_field", o["default_field"])
		if err != nil {
			return err
		}
		if name != "*" {
			q.fields = []string{name}
		}
	}
	if o["fields"] != nil {
		if q.fields, err = parseNames(o["fields"]); err != nil {
			return err
		}
	}
	for _, name := range q.fields {
		if strings.ContainsAny(name, "*^") {
			return illegal("[query_string] field [%s]: wildcards and boosts are not simulated", name)
		}
	}
	if o["default_operator"] != nil {
		word, err := parseString("default_operator", o["default_operator"])
		word = strings.ToUpper(word)
		if err != nil || word != "AND" && word != "OR" {
			return illegal("No enum constant org.elasticsearch.index.query.Operator.%s", word)
		}
		q.every = word == "AND"
	}
	for _, key := range []string{"lenient", "analyze_wildcard", "allow_leading_wildcard"} {
		if o[key] == nil {
			continue
		}
		on, err := parseBool(key, o[key])
		if err != nil {
			return err
		}
		if key == "lenient" {
			q.lenient = on
		}
	}
	return nil
}

func (q *queryString) bind(ix *index) (clause, error) {
	if q.broken != nil {
		return clause{}, q.broken
	}
	if len(q.tree.clauses) == 0 {
		return nothing("empty query"), nil
	}
	return q.group(q.tree, ix)
}

// ready is a query that is bound already.
type ready clause

func (r ready) bind(*index) (clause, error) { return clause(r), nil }

func (q *queryString) group(tree *luceneTree, ix *index) (clause, error) {
	out := boolQuery{minimum: -1}
	for _, part := range tree.clauses {
		var bound clause
		var err error
		if part.group != nil {
			bound, err = q.group(part.group, ix)
		} else {
			bound, err = q.leaf(part.leaf, ix)
		}
		if err != nil {
			return clause{}, err
		}
		switch part.occur {
		case '+':
			out.must = append(out.must, ready(bound))
		case '-':
			out.mustNot = append(out.mustNot, ready(bound))
		default:
			out.should = append(out.should, ready(bound))
		}
	}
	if len(tree.clauses) == 1 && tree.clauses[0].occur != '-' {
		return slices.Concat(out.must, out.should)[0].bind(ix)
	}
	return out.bind(ix)
}

func (q *queryString) leaf(l *luceneLeaf, ix *index) (clause, error) {
	switch {
	case l.field == "*" && l.text == "*", l.field == "" && l.text == "*" && l.pattern:
		return matchAll{}.bind(ix)
	case l.field == "_exists_":
		return exists(l.text).bind(ix)
	case l.text == "*" && l.pattern:
		return exists(l.field).bind(ix)
	case l.field != "":
		f := ix.fields[l.field]
		if f == nil {
			return unmapped(l.field), nil
		}
		bound, err := q.onField(l, f)
		if err != nil && q.lenient {
			return nothing("failed [" + l.field + "] query, caused by " + err.Error()), nil
		}
		return bound, err
	}
	return q.anywhere(l, ix)
}

// anywhere looks for a term in the default fields; where it does not fit a field's type it is not there.
func (q *queryString) anywhere(l *luceneLeaf, ix *index) (clause, error) {
	names := q.fields
	if len(names) == 0 {
		for name := range ix.fields {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	out := boolQuery{minimum: -1}
	for _, name := range names {
		f := ix.fields[name]
		if f == nil {
			continue
		}
		bound, err := q.onField(l, f)
		if err != nil {
			if len(q.fields) > 0 && !q.lenient {
				return clause{}, err
			}
			continue
		}
		out.should = append(out.should, ready(bound))
	}
	if len(out.should) == 0 {
		return nothing("no field to look in"), nil
	}
	c, err := out.bind(ix)
	c.text = "(" + strings.ReplaceAll(c.text, " ", " | ") + ")"
	return c, err
}

func (q *queryString) onField(l *luceneLeaf, f *field) (clause, error) {
	s := scalar{text: l.text}
	switch {
	case l.isRange:
		return f.within(l.low, l.high, defaultFormat)
	case l.pattern:
		return q.pattern(l.text, f)
	case l.quoted:
		return f.phrase(s)
	}
	return f.analyzed(s, q.every)
}

// pattern is a wildcard, or a prefix when its only wildcard is at the end; on analysed text it is lower-cased as the words are.
func (q *queryString) pattern(text string, f *field) (clause, error) {
	if f.family == texts {
		text = strings.ToLower(text)
	}
	kind := "wildcard"
	if strings.IndexAny(text, "*?") == len(text)-1 && strings.HasSuffix(text, "*") {
		kind = "prefix"
	}
	return f.onPattern(kind, text, func(word string) bool { return wildcard(text, word) })
}
