package estest

import (
	"strings"
	"unicode/utf8"
)

// luceneTree is a parsed query_string text.
type luceneTree struct {
	clauses []luceneClause
}

// luceneClause is one part and how it takes part: '+' must, '-' must not, ' ' should.
type luceneClause struct {
	occur byte
	leaf  *luceneLeaf
	group *luceneTree
}

// luceneLeaf is a condition on one field, or on all of them where field is "".
type luceneLeaf struct {
	field     string
	text      string // without escapes, unless pattern
	quoted    bool
	pattern   bool // has * or ?
	isRange   bool
	low, high boundary
}

// luceneReader reads the classic syntax of Lucene: AND, OR, NOT, +, -, parentheses, phrases, ranges and wildcards.
type luceneReader struct {
	text  string
	at    int
	every bool // the default operator is AND
	depth int
}

func parseLucene(text string, every bool) (*luceneTree, error) {
	if strings.TrimSpace(text) == "" {
		return &luceneTree{}, nil
	}
	r := &luceneReader{text: text, every: every}
	tree, err := r.clauses("")
	if err == nil && r.at < len(text) {
		err = r.fail("unexpected %q", text[r.at:r.at+1])
	}
	return tree, err
}

func (r *luceneReader) fail(format string, args ...any) error {
	f := bad("query_shard_exception", "Failed to parse query [%s]", r.text)
	f.cause = bad("parse_exception", "Cannot parse '"+strings.ReplaceAll(r.text, "%", "%%")+"': "+format, args...)
	return f
}

func (r *luceneReader) space() {
	for r.at < len(r.text) && strings.IndexByte(" \t\n\r", r.text[r.at]) >= 0 {
		r.at++
	}
}

// take steps over one of the words if it is next.
func (r *luceneReader) take(words ...string) bool {
	for _, w := range words {
		rest, ok := strings.CutPrefix(r.text[r.at:], w)
		letters := w[0] >= 'A' && w[0] <= 'Z'
		if ok && (!letters || rest == "" || strings.IndexByte(" \t\n\r()", rest[0]) >= 0) {
			r.at += len(w)
			return true
		}
	}
	return false
}

// clauses reads up to the end or a closing parenthesis, joining as Lucene's QueryParserBase.addClause does.
func (r *luceneReader) clauses(field string) (*luceneTree, error) {
	if r.depth++; r.depth > maxDepth {
		return nil, r.fail("nested deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	tree := &luceneTree{}
	for {
		r.space()
		if r.at == len(r.text) || r.text[r.at] == ')' {
			if len(tree.clauses) == 0 {
				return nil, r.fail("an expression is missing at position %d", r.at)
			}
			return tree, nil
		}
		and, or := false, false
		if len(tree.clauses) > 0 {
			and = r.take("AND", "&&")
			or = !and && r.take("OR", "||")
			r.space()
		}
		required := r.take("+")
		prohibited := !required && r.take("-", "!", "NOT")
		r.space()
		c, err := r.clause(field)
		if err != nil {
			return nil, err
		}
		tree.join(c, and, or, required, prohibited, r.every)
	}
}

func (t *luceneTree) join(c luceneClause, and, or, required, prohibited, every bool) {
	if last := len(t.clauses) - 1; last >= 0 && t.clauses[last].occur != '-' {
		if and {
			t.clauses[last].occur = '+'
		}
		if or && every {
			t.clauses[last].occur = ' '
		}
	}
	c.occur = ' '
	switch {
	case prohibited:
		c.occur = '-'
	case required, and, every && !or:
		c.occur = '+'
	}
	t.clauses = append(t.clauses, c)
}

// clause reads [field:] and a term, phrase, range or group.
func (r *luceneReader) clause(field string) (luceneClause, error) {
	if r.at < len(r.text) && strings.IndexByte("([{\"<>", r.text[r.at]) < 0 {
		start := r.at
		name, pattern, err := r.word()
		if err != nil {
			return luceneClause{}, err
		}
		if r.at == len(r.text) || r.text[r.at] != ':' {
			if strings.Contains(" AND OR NOT && || ", " "+r.text[start:r.at]+" ") {
				return luceneClause{}, r.fail("unexpected %q at position %d", r.text[start:r.at], start)
			}
			return leaf(&luceneLeaf{field: field, text: name, pattern: pattern}), r.suffix()
		}
		if pattern && name != "*" {
			return luceneClause{}, r.fail("field names with wildcards are not simulated: %s", name)
		}
		r.at++
		r.space()
		field = name
	}
	return r.value(field)
}

func leaf(l *luceneLeaf) luceneClause { return luceneClause{leaf: l} }

// value reads what follows a field.
func (r *luceneReader) value(field string) (luceneClause, error) {
	if r.at == len(r.text) {
		return luceneClause{}, r.fail("a value is missing after %s", field)
	}
	switch r.text[r.at] {
	case '(':
		r.at++
		tree, err := r.clauses(field)
		if err != nil {
			return luceneClause{}, err
		}
		if !r.take(")") {
			return luceneClause{}, r.fail("a closing parenthesis is missing")
		}
		return luceneClause{group: tree}, r.suffix()
	case '[', '{':
		l, err := r.interval(field)
		return leaf(l), err
	case '<', '>':
		l, err := r.comparison(field)
		return leaf(l), err
	case '"':
		text, err := r.phrase()
		if err != nil {
			return luceneClause{}, err
		}
		return leaf(&luceneLeaf{field: field, text: text, quoted: true}), r.suffix()
	}
	text, pattern, err := r.word()
	if err != nil {
		return luceneClause{}, err
	}
	return leaf(&luceneLeaf{field: field, text: text, pattern: pattern}), r.suffix()
}

// suffix refuses what may follow a term in Lucene but is not simulated, and what may not.
func (r *luceneReader) suffix() error {
	if r.at < len(r.text) && strings.IndexByte("^~:\"[]{}", r.text[r.at]) >= 0 {
		return r.fail("unexpected %q at position %d", r.text[r.at:r.at+1], r.at)
	}
	return nil
}

// word reads one term. Escapes stay in it when it is a pattern, where they matter.
func (r *luceneReader) word() (text string, pattern bool, err error) {
	if r.text[r.at] == '/' {
		return "", false, r.fail("regular expressions are not simulated")
	}
	var raw, plain strings.Builder
	for r.at < len(r.text) {
		char, size := utf8.DecodeRuneInString(r.text[r.at:])
		if char == '\\' {
			if r.at+size == len(r.text) {
				return "", false, r.fail("Term can not end with escape character.")
			}
			_, next := utf8.DecodeRuneInString(r.text[r.at+size:])
			raw.WriteString(r.text[r.at : r.at+size+next])
			plain.WriteString(r.text[r.at+size : r.at+size+next])
			r.at += size + next
			continue
		}
		if strings.ContainsRune(" \t\n\r()[]{}\"^~:", char) {
			break
		}
		pattern = pattern || char == '*' || char == '?'
		raw.WriteString(r.text[r.at : r.at+size])
		plain.WriteString(r.text[r.at : r.at+size])
		r.at += size
	}
	if raw.Len() == 0 {
		return "", false, r.fail("unexpected %q at position %d", r.text[r.at:min(r.at+1, len(r.text))], r.at)
	}
	if pattern {
		return raw.String(), true, nil
	}
	return plain.String(), false, nil
}

func (r *luceneReader) phrase() (string, error) {
	var b strings.Builder
	for r.at++; r.at < len(r.text); r.at++ {
		switch r.text[r.at] {
		case '"':
			r.at++
			return b.String(), nil
		case '\\':
			if r.at++; r.at == len(r.text) {
				return "", r.fail("a closing quotation mark is missing")
			}
		}
		b.WriteByte(r.text[r.at])
	}
	return "", r.fail("a closing quotation mark is missing")
}
