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
	lenient bool     // what does not fit a field's type matches nothing; the default where all fields are searched
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
	if o["lenient"] == nil {
		q.lenient = len(q.fields) == 0
	}
	q.tree, q.broken = parseLucene(text)
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
	found, err := q.group(q.tree, ix)
	switch {
	case err != nil:
		return clause{}, err
	case found == nil && len(q.tree.clauses) == 0:
		return nothing(""), nil
	case found == nil: // the analyzer left no word of any clause
		c := nothing("")
		c.text = ""
		return c, nil
	}
	return *found, nil
}

// ready is a query that is bound already.
type ready clause

func (r ready) bind(*index) (clause, error) { return clause(r), nil }

func (q *queryString) leaf(l *luceneLeaf, ix *index) (*clause, error) {
	var c clause
	var err error
	switch {
	case l.field == "*" && l.text == "*", l.field == "" && l.text == "*" && l.pattern:
		c, err = matchAll{}.bind(ix)
	case l.field == "_exists_":
		if c, err = anyValue(l.text, ix); c.none {
			c.text = `MatchNoDocsQuery("unmapped field:` + l.text + `")`
		}
	case l.text == "*" && l.pattern && ix.fields[l.field] != nil:
		c, err = anyValue(l.field, ix)
	case l.field != "":
		f := ix.fields[l.field]
		if f == nil {
			c = nothing("unmapped fields [" + l.field + "]")
			break
		}
		return q.tried(l, f)
	default:
		return q.anywhere(l, ix)
	}
	return &c, err
}

// anyValue is the exists query, rewritten where every document has the field.
func anyValue(name string, ix *index) (clause, error) {
	c, err := exists(name).bind(ix)
	if !c.none && !slices.ContainsFunc(ix.docs, func(d *document) bool { return !c.match(d) }) {
		c.text = "ConstantScore(*:*)"
	}
	return c, err
}

// tried is a condition on a field. Where it does not fit the field's type, a lenient query finds nothing.
func (q *queryString) tried(l *luceneLeaf, f *field) (*clause, error) {
	if f.family == texts && !l.isRange && !l.pattern && !l.regexp && len(analyze(l.text)) == 0 {
		return nil, nil
	}
	bound, err := q.onField(l, f)
	if err == nil || !q.lenient {
		return &bound, err
	}
	typ, reason := "exception", err.Error()
	if fail, ok := err.(*failure); ok {
		typ, reason = fail.typ, fail.reason
		if fail.cause != nil {
			typ, reason = fail.cause.typ, fail.cause.reason
		}
	}
	c := nothing("failed [" + f.name + "] query, caused by " + typ + ":[" + reason + "]")
	return &c, nil
}

// anywhere looks for a term in the default fields, of which any will do.
func (q *queryString) anywhere(l *luceneLeaf, ix *index) (*clause, error) {
	names := q.fields
	if len(names) == 0 {
		for name := range ix.fields {
			names = append(names, name)
		}
		slices.Sort(names)
	}
	out := boolQuery{minimum: -1}
	var words []string
	for _, name := range names {
		f := ix.fields[name]
		if f == nil {
			continue
		}
		bound, err := q.tried(l, f)
		if err != nil {
			return nil, err
		}
		if bound == nil {
			continue
		}
		out.should = append(out.should, ready(*bound))
		words = append(words, bound.inner())
	}
	if len(out.should) == 0 {
		return nil, nil
	}
	c, err := out.bind(ix)
	if c.text = strings.Join(words, " | "); len(words) > 1 {
		c.text = "(" + c.text + ")"
	}
	return &c, err
}

func (q *queryString) onField(l *luceneLeaf, f *field) (clause, error) {
	s := scalar{text: l.text}
	switch {
	case l.isRange:
		return f.within(l.low, l.high, defaultFormat)
	case l.regexp:
		return f.onRegexp(l.text)
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
	return f.onPattern(kind, unescape(text), func(word string) bool { return wildcard(text, word) })
}
