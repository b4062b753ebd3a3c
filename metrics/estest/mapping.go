package estest

import (
	"encoding/json"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
	"unique"
)

// family is how values of a field type are held and compared.
type family int

const (
	keywords family = iota + 1
	texts
	longs
	doubles
	dates
	booleans
	addresses
)

// families is every field type that the node knows.
func families() map[string]family {
	return map[string]family{
		"keyword": keywords, "wildcard": keywords, "constant_keyword": keywords,
		"text": texts, "match_only_text": texts,
		"long": longs, "integer": longs, "short": longs, "byte": longs,
		"double": doubles, "float": doubles, "half_float": doubles, "scaled_float": doubles,
		"date": dates, "date_nanos": dates, "boolean": booleans, "ip": addresses,
	}
}

// dynamicLimit is the ignore_above of a dynamically mapped .keyword.
const dynamicLimit = 256

// field is one mapped field of an index. A multi-field (x.keyword) shares the column of its parent.
type field struct {
	name   string
	typ    string
	family family
	column int
	limit  int // longer strings are not indexed (ignore_above); 0: no limit
	sub    bool
}

// numeric says whether values are numbers that metrics can be computed over.
func (f *field) numeric() bool {
	return f.family == longs || f.family == doubles || f.family == dates || f.family == booleans
}

// cell is one value of a document: a number (also dates in milliseconds and booleans) or a string.
type cell struct {
	number float64
	text   unique.Handle[string]
}

func (c cell) absent() bool { return c.text == unique.Handle[string]{} && math.IsNaN(c.number) }

func emptyCell() cell { return cell{number: math.NaN()} }

// values is what the document holds in the field.
func (f *field) values(d *document) []cell {
	held := d.column(f.column)
	if f.limit == 0 {
		return held
	}
	for _, c := range held {
		if len(c.text.Value()) > f.limit {
			return slices.DeleteFunc(slices.Clone(held), func(c cell) bool { return len(c.text.Value()) > f.limit })
		}
	}
	return held
}

// add maps a field and its parents' objects.
func (ix *index) add(name, typ string) (*field, error) {
	if f := ix.fields[name]; f != nil {
		if f.typ != typ {
			return nil, illegal("mapper [%s] cannot be changed from type [%s] to [%s]", name, f.typ, typ)
		}
		return f, nil
	}
	if ix.objects[name] {
		return nil, illegal("can't merge a non object mapping [%s] with an object mapping", name)
	}
	for i, r := range name {
		if r != '.' {
			continue
		}
		if parent := ix.fields[name[:i]]; parent != nil {
			return nil, illegal("can't merge a non object mapping [%s] with an object mapping", name[:i])
		}
		ix.objects[name[:i]] = true
	}
	f := &field{name: name, typ: typ, family: families()[typ], column: ix.columns}
	ix.columns++
	ix.fields[name] = f
	return f, nil
}

// addSub maps a multi-field beside its parent.
func (ix *index) addSub(parent *field, name, typ string, limit int) {
	full := parent.name + "." + name
	ix.fields[full] = &field{name: full, typ: typ, family: families()[typ], column: parent.column, limit: limit, sub: true}
}

// dynamic maps a field by the first value that was seen in it.
func (ix *index) dynamic(name string, value any) (*field, error) {
	switch v := value.(type) {
	case bool:
		return ix.add(name, "boolean")
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return ix.add(name, "float")
		}
		return ix.add(name, "long")
	case string:
		if _, _, ok := parseISO(v); ok && len(v) >= len("2006-01-02") {
			return ix.add(name, "date")
		}
		if ix.template.StringsAsKeyword {
			return ix.add(name, "keyword")
		}
		f, err := ix.add(name, "text")
		if err == nil {
			ix.addSub(f, "keyword", "keyword", dynamicLimit)
		}
		return f, err
	}
	return nil, illegal("no field type for a value like %v", value)
}

// read turns a JSON value into a cell of the field's family.
func (f *field) read(value any) (cell, bool) {
	c := emptyCell()
	text, isText := value.(string)
	if n, ok := value.(json.Number); ok {
		text = n.String()
	}
	if b, ok := value.(bool); ok {
		text = strconv.FormatBool(b)
		if f.family == longs || f.family == doubles || f.family == dates {
			return c, false
		}
	}
	switch f.family {
	case keywords, texts:
		c.text = unique.Make(text)
		return c, true
	case addresses:
		a, err := netip.ParseAddr(text)
		c.text = unique.Make(a.String())
		return c, err == nil && isText
	case booleans:
		c.number = map[string]float64{"true": 1}[text]
		return c, text == "true" || text == "false" || text == ""
	case dates:
		first, _, err := parseDate(text, defaultFormat, time.Time{})
		c.number = float64(first)
		return c, err == nil && !strings.HasPrefix(text, "now")
	}
	n, err := strconv.ParseFloat(text, 64)
	if f.family == longs {
		n = math.Trunc(n)
	}
	c.number = n
	return c, err == nil && !math.IsInf(n, 0) && !math.IsNaN(n) && f.fits(n)
}

// fits says whether a whole number is in the range of the type.
func (f *field) fits(n float64) bool {
	bits := map[string]float64{"long": 63, "integer": 31, "short": 15, "byte": 7}[f.typ]
	return bits == 0 || (n >= -math.Exp2(bits) && n <= math.Exp2(bits)-1)
}

// mapProperties adds the "properties" of a mapping request under a prefix.
func (ix *index) mapProperties(prefix string, raw json.RawMessage) error {
	properties, err := parseObject(raw)
	if err != nil {
		return err
	}
	for _, name := range properties.keys() {
		if err := ix.mapProperty(prefix+name, properties[name]); err != nil {
			return err
		}
	}
	return nil
}

func (ix *index) mapProperty(name string, raw json.RawMessage) error {
	o, err := parseObject(raw)
	if err != nil {
		return err
	}
	if nested, ok := o["properties"]; ok {
		ix.objects[name] = true
		return ix.mapProperties(name+".", nested)
	}
	typ, err := parseString(name, o["type"])
	if o["type"] == nil || err != nil {
		return mapperParsing("No type specified for field [%s]", name)
	}
	if families()[typ] == 0 {
		return mapperParsing("No handler for type [%s] declared on field [%s]", typ, name)
	}
	if key, ok := o.stray("type", "fields", "ignore_above", "format", "scaling_factor", "norms", "index", "doc_values", "value"); ok {
		return mapperParsing("unknown parameter [%s] on mapper [%s] of type [%s]", key, name, typ)
	}
	f, err := ix.add(name, typ)
	if err != nil {
		return err
	}
	if f.limit, err = ignoreAbove(o); err != nil {
		return err
	}
	return ix.mapSubs(f, o["fields"])
}

func ignoreAbove(o object) (int, error) {
	if o["ignore_above"] == nil {
		return 0, nil
	}
	return parseInt("ignore_above", o["ignore_above"])
}

func (ix *index) mapSubs(parent *field, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	subs, err := parseObject(raw)
	if err != nil {
		return err
	}
	for _, name := range subs.keys() {
		o, err := parseObject(subs[name])
		if err != nil {
			return err
		}
		typ, err := parseString(name, o["type"])
		if err != nil || (families()[typ] != keywords && families()[typ] != texts) || (parent.family != keywords && parent.family != texts) {
			return mapperParsing("No handler for type [%s] declared on field [%s]", typ, name)
		}
		limit, err := ignoreAbove(o)
		if err != nil {
			return err
		}
		ix.addSub(parent, name, typ, limit)
	}
	return nil
}

func mapperParsing(format string, args ...any) *failure {
	f := bad("mapper_parsing_exception", "Failed to parse mapping: "+format, args...)
	f.cause = bad("mapper_parsing_exception", format, args...)
	return f
}
