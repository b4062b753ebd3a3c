package estest

import "strings"

// interval reads [a TO b], {a TO b} or a mix; * is no limit.
func (r *luceneReader) interval(field string) (*luceneLeaf, error) {
	l := &luceneLeaf{field: field, isRange: true}
	l.low.open = r.text[r.at] == '{'
	r.at++
	var err error
	if l.low, err = r.limit(l.low.open); err != nil {
		return nil, err
	}
	if r.space(); !r.take("TO") {
		return nil, r.fail("a range needs TO")
	}
	if l.high, err = r.limit(false); err != nil {
		return nil, err
	}
	r.space()
	switch {
	case r.take("]"):
	case r.take("}"):
		l.high.open = true
	default:
		return nil, r.fail("a range is not closed")
	}
	return l, r.suffix()
}

func (r *luceneReader) limit(open bool) (boundary, error) {
	r.space()
	end := strings.IndexAny(r.text[r.at:], " \t\n\r]}")
	if r.at < len(r.text) && r.text[r.at] == '"' {
		text, err := r.phrase()
		return boundary{set: true, open: open, value: scalar{text: text}}, err
	}
	if end <= 0 {
		return boundary{}, r.fail("a limit of the range is missing")
	}
	text := strings.ReplaceAll(r.text[r.at:r.at+end], "\\", "")
	r.at += end
	return boundary{set: text != "*", open: open, value: scalar{text: text}}, nil
}

// comparison reads >=5, >5, <=5 or <5.
func (r *luceneReader) comparison(field string) (*luceneLeaf, error) {
	l := &luceneLeaf{field: field, isRange: true}
	end := &l.low
	if r.text[r.at] == '<' {
		end = &l.high
	}
	r.at++
	end.set, end.open = true, !r.take("=")
	r.space()
	if r.at == len(r.text) {
		return nil, r.fail("a value is missing after the comparison")
	}
	var err error
	if r.text[r.at] == '"' {
		end.value.text, err = r.phrase()
	} else {
		end.value.text, _, err = r.word()
	}
	if err != nil {
		return nil, err
	}
	return l, r.suffix()
}
