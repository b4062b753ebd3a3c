package configs

import (
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// scalar is a value that is written as one word or line and has a form of its own.
type scalar interface {
	parse(text string) error
	allowed() string
}

var (
	_ scalar = (*Secret)(nil)
	_ scalar = (*Size)(nil)
	_ scalar = (*Limit)(nil)
	_ scalar = (*Bad)(nil)
	_ scalar = (*Slower)(nil)
)

func isScalar(v reflect.Value) bool {
	_, is := v.Addr().Interface().(scalar)
	return is
}

// scalar fills a value that has a form of its own.
func (d *decoder) scalar(n *yaml.Node, s scalar, path string, r rules) {
	if secret, is := s.(*Secret); is {
		d.reference(n, secret, path, r)
		return
	}
	if value, is := s.(*Value); is {
		d.setting(n, value, path)
		return
	}
	if _, number := s.(*Size); number && n.Kind == yaml.ScalarNode && n.Tag == "!!str" && wholeNumber.MatchString(n.Value) {
		d.refuse(d.at(n), path, d.found(n)+inQuotes, s.allowed(), n.Value)
		return
	}
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" || s.parse(n.Value) != nil {
		d.refuse(d.at(n), path, d.found(n), s.allowed(), "")
	}
}

const inQuotes = " in quotes, which make it a text"

var wholeNumber = regexp.MustCompile(`^\d+$`)

// reference fills a secret. What is no reference is hidden before anything else is said about its line.
func (d *decoder) reference(n *yaml.Node, s *Secret, path string, r rules) {
	*s = d.secret
	if n.Kind == yaml.ScalarNode && n.Tag != "!!null" && n.Value != "" {
		if s.parse(n.Value) == nil {
			return
		}
		if r.literal {
			s.ref = n.Value
			d.literal(n, path)
			return
		}
		d.source.hide(n.Line, n.Column)
		d.refuse(d.at(n), path, "a value that is written out", s.allowed(), "")
		return
	}
	d.source.hide(n.Line, n.Column)
	d.refuse(d.at(n), path, d.found(n), s.allowed(), "")
}

// literal checks a name that may be written out: a text that is meant to be a reference is none.
func (d *decoder) literal(n *yaml.Node, path string) {
	switch {
	case n.Tag != "!!str" && n.Tag != "!!timestamp":
		d.refuse(d.at(n), path, d.found(n)+", which YAML takes for a number or a switch", "a text, or a reference such as env:NAME", "'"+n.Value+"'")
	case strings.HasPrefix(n.Value, "env:") || strings.HasPrefix(n.Value, "file:"):
		d.refuse(d.at(n), path, d.found(n), new(Secret).allowed(), "")
	}
}

// plain fills a text, a number, a switch or a time.
func (d *decoder) plain(n *yaml.Node, v reflect.Value, path string, r rules) {
	if allowed := shapeOf(v, r); n.Kind != yaml.ScalarNode || n.Tag == "!!null" || !tagged(n, v) || n.Value == "" {
		found := d.found(n)
		near := ""
		switch quotes := n.Style&(yaml.DoubleQuotedStyle|yaml.SingleQuotedStyle) != 0; {
		case n.Kind != yaml.ScalarNode || n.Tag == "!!null" || n.Value == "":
		case v.Kind() == reflect.String:
			found += ", which YAML takes for a number or a switch"
			near = "'" + n.Value + "'"
			if len(r.words) > 0 {
				near = Nearest(near, typed(r.words))
			}
		case quotes:
			found += inQuotes
			near = n.Value
		}
		d.refuse(d.at(n), path, found, allowed, near)
		return
	}
	if d.set(n.Value, v, r) {
		return
	}
	found := d.found(n)
	near := Nearest(n.Value, r.words)
	if v.Type() == reflect.TypeFor[time.Duration]() && wholeNumber.MatchString(n.Value) {
		near = n.Value + "s"
	}
	d.refuse(d.at(n), path, found, shapeOf(v, r), near)
}

// tagged reports whether a scalar is of the kind that the field holds. YAML reads 1e5 as a number and true as a switch: where a
// text is meant they need quotes, as an editor that goes by the schema says too.
func tagged(n *yaml.Node, v reflect.Value) bool {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		return true
	case v.Kind() == reflect.String:
		return n.Tag == "!!str" || n.Tag == "!!timestamp"
	case v.Kind() == reflect.Bool:
		return n.Tag == "!!bool"
	case v.Kind() == reflect.Int:
		return n.Tag == "!!int"
	}
	return n.Tag == "!!float" || n.Tag == "!!int"
}

// set reads text into a field; false when it is not of the field's form or out of its range.
func (d *decoder) set(text string, v reflect.Value, r rules) bool {
	switch {
	case v.Type() == reflect.TypeFor[time.Duration]():
		t, err := duration(text)
		v.SetInt(int64(t))
		return err == nil && within64(float64(t), r, durationBound)
	case v.Kind() == reflect.String:
		v.SetString(text)
		f, formed := formNamed(r.form)
		return (len(r.words) == 0 || oneOf(text, r.words)) && (!formed || d.fits(f, text))
	case v.Kind() == reflect.Bool:
		b, err := strconv.ParseBool(text)
		v.SetBool(b)
		return err == nil
	case v.Kind() == reflect.Int:
		i, err := strconv.Atoi(text)
		v.SetInt(int64(i))
		return err == nil && within64(float64(i), r, numberBound)
	}
	f, err := strconv.ParseFloat(text, 64)
	v.SetFloat(f)
	return err == nil && within64(f, r, numberBound)
}

// preset gives a field the default of its tag.
func (d *decoder) preset(v reflect.Value, r rules) {
	if _, is := v.Addr().Interface().(*Waves); is {
		return // nil is "each"
	}
	if s, is := v.Addr().Interface().(scalar); is {
		_ = s.parse(r.preset) // proven by a test over every tag
		return
	}
	d.set(r.preset, v, r)
}

// oneOf accepts a listed word; "tag:NAME" in the list stands for tag: and any name.
func oneOf(text string, words []string) bool {
	for _, w := range words {
		if kind, open := strings.CutSuffix(w, "NAME"); open && strings.HasPrefix(text, kind) && len(text) > len(kind) {
			return true
		}
		if text == w {
			return true
		}
	}
	return false
}

func numberBound(text string) float64 {
	f, err := strconv.ParseFloat(text, 64)
	if err != nil {
		return 0
	}
	return f
}

func durationBound(text string) float64 {
	t, err := duration(text)
	if err != nil {
		return 0
	}
	return float64(t)
}

func within64(v float64, r rules, bound func(string) float64) bool {
	return v == v && (r.least == "" || v >= bound(r.least)) && (r.most == "" || v <= bound(r.most))
}

// shapeOf says in words what a field may hold.
func shapeOf(v reflect.Value, r rules) string {
	switch {
	case len(r.words) > 0:
		return strings.Join(typed(r.words), ", ")
	case v.Type() == reflect.TypeFor[time.Duration]():
		return durationAllowed + ranged(r)
	case v.Kind() == reflect.String:
		if f, formed := formNamed(r.form); formed {
			return f.allowed
		}
		return "a text"
	case v.Kind() == reflect.Bool:
		return "true or false"
	case v.Kind() == reflect.Int:
		return "a whole number" + ranged(r)
	}
	return "a number" + ranged(r)
}

// typed is words as they have to be typed: in quotes where YAML would take one for a number.
func typed(words []string) []string {
	out := slices.Clone(words)
	for i, word := range out {
		if _, err := strconv.ParseFloat(word, 64); err == nil {
			out[i] = "'" + word + "'"
		}
	}
	return out
}

func ranged(r rules) string {
	switch {
	case r.least != "" && r.most != "":
		return fmt.Sprintf(", from %s to %s", r.least, r.most)
	case r.most != "":
		return ", at most " + r.most
	}
	return ""
}
