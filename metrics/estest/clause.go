package estest

import (
	"fmt"
	"math"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unique"
)

// query is a parsed part of the query language. It is bound to one index before it is asked about documents.
type query interface {
	bind(*index) (clause, error)
}

// clause is a query bound to one index.
type clause struct {
	match    func(*document) bool
	text     string   // as Lucene prints it
	from, to int64    // no document outside this @timestamp range matches (ms, inclusive)
	none     bool     // matches nothing, whatever the documents
	several  bool     // text has to stand in parentheses within another
	words    []clause // of a text that was analysed into several, any of which will do
}

// inner is the text as a part of another.
func (c clause) inner() string {
	if c.several {
		return "(" + c.text + ")"
	}
	return c.text
}

func always(match func(*document) bool, text string) clause {
	return clause{match: match, text: text, from: math.MinInt64, to: math.MaxInt64}
}

func nothing(text string) clause {
	c := always(func(*document) bool { return false }, "MatchNoDocsQuery(\""+text+"\")")
	c.none = true
	return c
}

func unmapped(name string) clause { return nothing("unmapped field [" + name + "]") }

// onValues matches documents of which a value in the field passes.
func (f *field) onValues(text string, pass func(cell) bool) clause {
	return always(func(d *document) bool {
		for _, c := range f.values(d) {
			if pass(c) {
				return true
			}
		}
		return false
	}, text)
}

// onWords matches documents with an indexed term that passes: a word of analysed text, otherwise the whole string.
func (f *field) onWords(text string, pass func(string) bool) clause {
	seen := map[unique.Handle[string]]bool{}
	return f.onValues(text, func(c cell) bool {
		verdict, known := seen[c.text]
		if known {
			return verdict
		}
		if f.family == texts {
			for _, word := range analyze(c.text.Value()) {
				verdict = verdict || pass(word)
			}
		} else {
			verdict = pass(c.text.Value())
		}
		seen[c.text] = verdict
		return verdict
	})
}

// equals is the exact term query on the field.
func (f *field) equals(s scalar, fold bool) (clause, error) {
	text := f.name + ":" + s.text
	if f.family == longs && strings.Contains(s.text, ".") {
		if n, err := strconv.ParseFloat(s.text, 64); err == nil && n != math.Trunc(n) {
			return nothing(fmt.Sprintf("Value [[% x]] has a decimal part", s.text)), nil
		}
	}
	switch f.family {
	case texts:
		return f.onWords(text, func(word string) bool { return word == s.text || fold && strings.EqualFold(word, s.text) }), nil
	case keywords:
		if fold {
			return f.onWords(text, func(word string) bool { return strings.EqualFold(word, s.text) }), nil
		}
		want := unique.Make(s.text)
		return f.onValues(text, func(c cell) bool { return c.text == want }), nil
	case addresses:
		return f.onAddress(s)
	}
	lo, hi, err := f.interval(s.text, defaultFormat)
	if err != nil {
		return clause{}, err
	}
	return f.onValues(f.name+":["+f.print(lo)+" TO "+f.print(hi)+"]", func(c cell) bool { return c.number >= lo && c.number <= hi }), nil
}

func (f *field) onAddress(s scalar) (clause, error) {
	prefix, err := netip.ParsePrefix(s.text)
	if err != nil {
		a, err := netip.ParseAddr(s.text)
		if err != nil {
			return clause{}, creation("'%s' is not an IP string literal.", s.text)
		}
		prefix = netip.PrefixFrom(a, a.BitLen())
	}
	return f.onWords(f.name+":"+s.text, func(word string) bool {
		a, err := netip.ParseAddr(word)
		return err == nil && prefix.Contains(a)
	}), nil
}

// interval is the range of numbers that a text means in a field of numbers, dates or booleans.
func (f *field) interval(text, format string) (lo, hi float64, err error) {
	switch f.family {
	case dates:
		first, last, err := parseDate(text, format, time.Now())
		return float64(first), float64(last), err
	case booleans:
		switch text {
		case "true":
			return 1, 1, nil
		case "false", "":
			return 0, 0, nil
		}
		return 0, 0, creation("Can't parse boolean value [%s], expected [true] or [false]", text)
	}
	n, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(n) || math.IsInf(n, 0) || strings.ContainsAny(text, "xX_") {
		f := creation("For input string: \"%s\"", text)
		f.cause.typ = "number_format_exception"
		return 0, 0, f
	}
	return n, n, nil
}

func (f *field) print(n float64) string {
	switch {
	case f.family != doubles && math.IsInf(n, 1):
		return strconv.Itoa(math.MaxInt64)
	case f.family != doubles && math.IsInf(n, -1):
		return strconv.Itoa(math.MinInt64)
	case math.IsInf(n, 0):
		return strings.TrimPrefix(fmt.Sprintf("%finity", n), "+")
	case f.family == doubles:
		text, err := double(n).MarshalJSON()
		if err != nil {
			return ""
		}
		return string(text)
	}
	return strconv.FormatFloat(n, 'f', -1, 64)
}

// creation is the failure of a shard to turn a query into one on its fields.
func creation(format string, args ...any) *failure {
	f := bad("query_shard_exception", "failed to create query: "+format, args...)
	f.cause = bad("illegal_argument_exception", format, args...)
	return f
}

// boundary is one end of a range: absent, inclusive or exclusive.
type boundary struct {
	set, open bool
	value     scalar
}

// within is the range query on the field.
func (f *field) within(low, high boundary, format string) (clause, error) {
	if f.family == keywords || f.family == texts || f.family == addresses {
		return f.withinWords(low, high), nil
	}
	from, to := math.Inf(-1), math.Inf(1)
	if low.set {
		lo, hi, err := f.interval(low.value.text, format)
		if err != nil {
			return clause{}, err
		}
		from = lo
		if low.open { // gt 2026-11-21 starts after that day, gt 5 after 5
			from = math.Nextafter(hi, math.Inf(1))
		}
	}
	if high.set {
		lo, hi, err := f.interval(high.value.text, format)
		if err != nil {
			return clause{}, err
		}
		to = hi
		if high.open {
			to = math.Nextafter(lo, math.Inf(-1))
		}
	}
	if f.family != doubles {
		from, to = math.Ceil(from), math.Floor(to)
	}
	c := f.onValues(f.name+":["+f.print(from)+" TO "+f.print(to)+"]", func(c cell) bool { return c.number >= from && c.number <= to })
	if f.name == "@timestamp" && f.family == dates {
		c.from, c.to = limit(from), limit(to)
	}
	return c, nil
}

// limit brings a whole or infinite number into the range of int64.
func limit(n float64) int64 {
	switch {
	case n <= math.MinInt64:
		return math.MinInt64
	case n >= math.MaxInt64:
		return math.MaxInt64
	}
	return int64(n)
}

func (f *field) withinWords(low, high boundary) clause {
	end := func(b boundary) string {
		if b.set {
			return b.value.text
		}
		return "*"
	}
	left, right := "[", "]"
	if low.open {
		left = "{"
	}
	if high.open {
		right = "}"
	}
	return f.onWords(f.name+":"+left+end(low)+" TO "+end(high)+right, func(word string) bool {
		return (!low.set || word > low.value.text || !low.open && word == low.value.text) &&
			(!high.set || word < high.value.text || !high.open && word == high.value.text)
	})
}

// onRegexp is a regular expression, which has to fit the whole term. Lucene's own operators # @ & < > ~ are not simulated.
func (f *field) onRegexp(text string) (clause, error) {
	if f.family != keywords && f.family != texts {
		return clause{}, bad("query_shard_exception", "Can only use regexp queries on keyword and text fields - not on [%s] which is of type [%s]", f.name, f.typ)
	}
	if strings.ContainsAny(text, "#@&<>~") {
		return clause{}, illegal("the regular expression [%s] has operators that are not simulated", text)
	}
	expression, err := regexp.Compile("^(?:" + text + ")$")
	if err != nil {
		return clause{}, illegal("%v", err)
	}
	return f.onWords(f.name+":/"+text+"/", expression.MatchString), nil
}

// onPattern is a prefix or wildcard query; only strings can be asked that way.
func (f *field) onPattern(kind, text string, pass func(string) bool) (clause, error) {
	if f.family != keywords && f.family != texts {
		return clause{}, bad("query_shard_exception", "Can only use %s queries on keyword, text and wildcard fields - not on [%s] which is of type [%s]", kind, f.name, f.typ)
	}
	return f.onWords(f.name+":"+text, pass), nil
}
