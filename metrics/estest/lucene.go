package estest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// luceneTree is a parsed query_string text.
type luceneTree struct {
	clauses []luceneClause
}

// luceneClause is one part and how it was joined to the others.
type luceneClause struct {
	and, or              bool // before it
	required, prohibited bool
	boost                float64 // 1: none
	leaf                 *luceneLeaf
	group                *luceneTree
}

// luceneLeaf is a condition on one field, or on all of them where field is "".
type luceneLeaf struct {
	field     string
	text      string // without escapes, unless pattern
	several   bool   // words that no operator parts: one text to the field's analyzer
	quoted    bool
	pattern   bool // has * or ?
	regexp    bool
	isRange   bool
	low, high boundary
}

// luceneReader reads the classic syntax of Lucene as QueryParser.jj of Lucene 9 has it, with what Elasticsearch adds.
type luceneReader struct {
	text   string
	tokens []luceneToken
	at     int
	depth  int
}

func parseLucene(text string) (*luceneTree, error) {
	if strings.TrimSpace(text) == "" {
		return &luceneTree{}, nil
	}
	r := &luceneReader{text: text}
	var err error
	if r.tokens, err = tokenize(text); err != nil {
		return nil, r.refuse(err)
	}
	tree, err := r.query("")
	if err == nil && r.kind(0) != tokenEnd {
		err = r.unexpected()
	}
	if err != nil {
		return nil, r.refuse(err)
	}
	return tree, nil
}

// refuse is the failure of a shard that cannot parse the text.
func (r *luceneReader) refuse(err error) *failure {
	f := bad("query_shard_exception", "Failed to parse query [%s]", r.text)
	f.cause = bad("parse_exception", "Cannot parse '%s': %s", r.text, err)
	f.cause.cause = bad("parse_exception", "%s", err)
	if strings.HasPrefix(err.Error(), "Lexical") {
		f.cause.cause.typ = "token_mgr_error"
	}
	return f
}

// syntaxError is an error in Lucene's own words.
type syntaxError string

func (e syntaxError) Error() string { return string(e) }

// unexpected is the error of the next token.
func (r *luceneReader) unexpected() error {
	t := r.tokens[r.at]
	if t.kind == tokenEnd {
		return syntaxError(fmt.Sprintf("Encountered \"<EOF>\" at line 1, column %d.", t.at))
	}
	return syntaxError(fmt.Sprintf("Encountered \" %s \"%s \"\" at line 1, column %d.", t.kind, escaped(t.image), t.at))
}

func (r *luceneReader) kind(ahead int) tokenKind {
	return r.tokens[min(r.at+ahead, len(r.tokens)-1)].kind
}

// take steps over the next token if it is of one of the kinds.
func (r *luceneReader) take(kinds ...tokenKind) (luceneToken, bool) {
	for _, k := range kinds {
		if r.kind(0) == k {
			r.at++
			return r.tokens[r.at-1], true
		}
	}
	return luceneToken{}, false
}

// query reads clauses up to what cannot begin one.
func (r *luceneReader) query(field string) (*luceneTree, error) {
	if r.depth++; r.depth > maxDepth {
		return nil, fmt.Errorf("nested deeper than %d", maxDepth)
	}
	defer func() { r.depth-- }()
	tree := &luceneTree{}
	for {
		if words := r.words(); words != "" {
			tree.clauses = append(tree.clauses, luceneClause{boost: 1, leaf: &luceneLeaf{field: field, text: words, several: true}})
		} else {
			c := luceneClause{}
			if len(tree.clauses) > 0 {
				_, c.and = r.take(tokenAnd)
				_, c.or = r.take(tokenOr)
			}
			_, c.required = r.take(tokenPlus)
			if !c.required {
				_, c.prohibited = r.take(tokenMinus, tokenNot)
			}
			if err := r.clause(field, &c); err != nil {
				return nil, err
			}
			tree.clauses = append(tree.clauses, c)
		}
		if k := r.kind(0); k == tokenEnd || k == tokenClose || k == tokenColon || k == tokenCaret || k == tokenFuzzy {
			return tree, nil
		}
	}
}

// words joins terms that follow each other (MultiTerm); "" where there is at most one.
func (r *luceneReader) words() string {
	var words []string
	next := func(ahead int) bool {
		if r.kind(ahead) != tokenTerm {
			return false
		}
		switch r.kind(ahead + 1) {
		case tokenColon, tokenStar, tokenFuzzy, tokenCaret, tokenAnd, tokenOr:
			return false
		}
		return true
	}
	if r.kind(0) != tokenTerm || !next(1) {
		return ""
	}
	words = append(words, unescape(r.tokens[r.at].image))
	for r.at++; next(0); r.at++ {
		words = append(words, unescape(r.tokens[r.at].image))
	}
	return strings.Join(words, " ")
}

// clause reads [field:] and a term, phrase, range or group.
func (r *luceneReader) clause(field string, c *luceneClause) (err error) {
	if k := r.kind(0); (k == tokenTerm || k == tokenStar) && r.kind(1) == tokenColon {
		field = unescape(r.tokens[r.at].image)
		r.at += 2
	}
	if _, group := r.take(tokenOpen); group {
		if c.group, err = r.query(field); err != nil {
			return err
		}
		if _, closed := r.take(tokenClose); !closed {
			return r.unexpected()
		}
	} else if c.leaf, err = r.leaf(field); err != nil {
		return err
	}
	c.boost, err = r.boost()
	return err
}

// boost reads ^2, and refuses ~, which is not simulated.
func (r *luceneReader) boost() (float64, error) {
	if r.kind(0) == tokenFuzzy {
		return 1, errors.New("fuzzy words and sloppy phrases are not simulated")
	}
	if _, is := r.take(tokenCaret); !is {
		return 1, nil
	}
	t, ok := r.take(tokenNumber)
	if !ok {
		return 1, r.unexpected()
	}
	return strconv.ParseFloat(t.image, 64)
}

func (r *luceneReader) leaf(field string) (*luceneLeaf, error) {
	t, ok := r.take(tokenTerm, tokenStar, tokenPrefix, tokenWild, tokenRegexp, tokenNumber, tokenBare, tokenQuoted, tokenFrom, tokenAfter)
	if !ok {
		return nil, r.unexpected()
	}
	l := &luceneLeaf{field: field}
	switch t.kind {
	case tokenFrom, tokenAfter:
		return l, r.interval(l, t.kind == tokenAfter)
	case tokenQuoted:
		l.quoted, l.text = true, unescape(t.image[1:len(t.image)-1])
	case tokenRegexp:
		l.regexp, l.text = true, t.image[1:len(t.image)-1]
	case tokenBare:
		l.text = t.image[:1]
	case tokenTerm:
		l.text = unescape(t.image)
		l.compare()
	default:
		l.pattern, l.text = true, t.image
	}
	return l, nil
}

// compare turns >=5, >5, <=5 and <5 into a range, where a field is named.
func (l *luceneLeaf) compare() {
	if l.field == "" || len(l.text) < 2 || l.text[0] != '<' && l.text[0] != '>' {
		return
	}
	end, text := &l.low, l.text[1:]
	if l.text[0] == '<' {
		end = &l.high
	}
	end.open = true
	if len(text) > 1 && text[0] == '=' {
		end.open, text = false, text[1:]
	}
	end.set, end.value.text = true, text
	l.isRange = true
}

// interval reads "a TO b]", "a TO b}"; * is no limit.
func (r *luceneReader) interval(l *luceneLeaf, open bool) error {
	l.isRange = true
	for i, end := range []*boundary{&l.low, &l.high} {
		t, ok := r.take(tokenRangeGoop, tokenRangeQuoted, tokenTo)
		if !ok {
			return r.unexpected()
		}
		text := t.image
		if t.kind == tokenRangeQuoted {
			text = text[1 : len(text)-1]
		}
		*end = boundary{set: t.image != "*", value: scalar{text: unescape(text)}}
		if i == 0 {
			if _, to := r.take(tokenTo); !to {
				return r.unexpected()
			}
		}
	}
	t, ok := r.take(tokenUpTo, tokenBefore)
	if !ok {
		return r.unexpected()
	}
	l.low.open, l.high.open = open, t.kind == tokenBefore
	return nil
}

// unescape takes the backslashes out.
func unescape(s string) string {
	var out strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		out.WriteByte(s[i])
	}
	return out.String()
}
