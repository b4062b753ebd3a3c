package estest

import (
	"slices"
	"strconv"
	"strings"
)

// part is a bound clause and its sign: '+' must, '-' must not, ' ' should.
type part struct {
	clause
	sign byte
}

// group joins clauses as QueryParserBase.addClause does; nil where the analyzers left nothing of them.
func (q *queryString) group(tree *luceneTree, ix *index) (*clause, error) {
	var parts []part
	for _, c := range tree.clauses {
		bound, err := q.one(c, ix)
		if err != nil {
			return nil, err
		}
		if last := len(parts) - 1; last >= 0 && parts[last].sign != '-' {
			if c.and {
				parts[last].sign = '+'
			}
			if c.or && q.every {
				parts[last].sign = ' '
			}
		}
		if bound == nil {
			continue
		}
		sign := byte(' ')
		switch {
		case c.prohibited:
			sign = '-'
		case c.required, c.and, q.every && !c.or:
			sign = '+'
		}
		if len(bound.words) > 0 && c.leaf != nil && c.leaf.several && !q.every { // addMultiTermClauses
			for _, w := range bound.words {
				parts = append(parts, part{w, ' '})
			}
			continue
		}
		parts = append(parts, part{*bound, sign})
	}
	if len(parts) == 0 {
		return nil, nil
	}
	return joined(parts)
}

// joined is the boolean query of the parts, as Lucene rewrites it: what matches nothing is left out where it may be.
func joined(parts []part) (*clause, error) {
	kept := slices.DeleteFunc(slices.Clone(parts), func(p part) bool { return p.none && p.sign != '+' })
	positive := slices.ContainsFunc(parts, func(p part) bool { return p.sign != '-' })
	switch {
	case len(kept) == 0 && positive:
		kept = parts
	case len(kept) == 0:
		c := always(func(*document) bool { return true }, "(ConstantScore(*:*))^0.0")
		return &c, nil
	case len(kept) == 1 && positive:
		return &kept[0].clause, nil
	}
	out := boolQuery{minimum: -1}
	var texts []string
	var words []clause
	for _, p := range kept {
		switch p.sign {
		case '+':
			out.must = append(out.must, ready(p.clause))
			texts = append(texts, "+"+p.inner())
		case '-': // does not count for the score
			out.mustNot = append(out.mustNot, ready(p.clause))
			bare, constant := strings.CutPrefix(p.inner(), "ConstantScore(")
			if constant {
				bare = strings.TrimSuffix(bare, ")")
			}
			texts = append(texts, "-"+bare)
		default: // of words of which any will do, each is a part of its own
			out.should = append(out.should, ready(p.clause))
			texts = append(texts, p.text)
			words = append(words, p.clause)
			if len(p.words) == 0 && p.several {
				texts[len(texts)-1] = p.inner()
			}
		}
	}
	c, err := out.bind(nil)
	c.text, c.several = strings.Join(texts, " "), true
	if len(words) == len(kept) {
		c.words = words
	}
	if !positive {
		c.text += " #*:*"
	}
	return &c, err
}

// one is a clause with its boost; nil where the analyzer left no word of it.
func (q *queryString) one(c luceneClause, ix *index) (bound *clause, err error) {
	if c.group != nil {
		bound, err = q.group(c.group, ix)
	} else {
		bound, err = q.leaf(c.leaf, ix)
	}
	if bound != nil && c.boost != 1 {
		b := *bound
		b.text, b.several, b.words = "("+b.text+")^"+strconv.FormatFloat(c.boost, 'f', 1, 64), false, nil
		bound = &b
	}
	return bound, err
}
