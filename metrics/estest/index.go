package estest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// index is one index, or one data stream with its only backing index. The server's lock guards it.
type index struct {
	name     string
	backing  string // the name that hits carry; equal to name unless this is a data stream
	uuid     string
	template Template
	fields   map[string]*field
	objects  map[string]bool // parents of fields
	columns  int
	docs     []*document // by at, then by order of arrival
	byID     map[string]*document
	sequence int64
	created  time.Time
	refresh  time.Duration
	replicas int
	fresh    int64 // documents that arrived until then are searchable (ns since 1970)
}

type document struct {
	id       string
	at       int64 // @timestamp in ms since 1970; math.MinInt64 without one
	arrived  int64 // ns since 1970
	visible  int64 // ns since 1970: the refresh that makes it searchable
	sequence int64
	version  int
	source   []byte
	cells    []cell
	several  map[int][]cell // columns with more than one value
}

func (d *document) column(i int) []cell {
	if several, ok := d.several[i]; ok {
		return several
	}
	if i >= len(d.cells) || d.cells[i].absent() {
		return nil
	}
	return d.cells[i : i+1]
}

func (d *document) put(column int, c cell) {
	for len(d.cells) <= column {
		d.cells = append(d.cells, emptyCell())
	}
	held := d.column(column)
	if len(held) == 0 {
		d.cells[column] = c
		return
	}
	if d.several == nil {
		d.several = map[int][]cell{}
	}
	d.several[column] = append(slices.Clone(held), c)
}

func newIndex(name string, t Template, refresh time.Duration, now time.Time) (*index, error) {
	ix := &index{
		name: name, backing: name, uuid: rand.Text()[:22], template: t, fields: map[string]*field{},
		objects: map[string]bool{}, byID: map[string]*document{}, created: now, refresh: refresh,
		replicas: 1,
	}
	if t.settings != (settings{}) {
		ix.apply(t.settings)
	}
	if t.DataStream {
		ix.backing = ".ds-" + name + "-" + now.UTC().Format("2006.01.02") + "-000001"
	}
	for field, typ := range t.Mapping {
		if _, err := ix.add(field, typ); err != nil {
			return nil, err
		}
	}
	return ix, nil
}

// apply takes settings over.
func (ix *index) apply(s settings) {
	ix.replicas = s.replicas
	if s.refresh > 0 {
		ix.refresh = s.refresh
	}
}

// parse reads a document, mapping fields that are new.
func (ix *index) parse(id string, source []byte) (*document, error) {
	dec := json.NewDecoder(bytes.NewReader(source))
	dec.UseNumber()
	var tree map[string]any
	err := dec.Decode(&tree)
	if _, more := dec.Token(); err != nil || tree == nil || more != io.EOF {
		cause := bad("x_content_parse_exception", "Unexpected character or end of the document")
		if !bytes.HasPrefix(bytes.TrimSpace(source), []byte("{")) {
			cause = bad("not_x_content_exception", "Compressor detection can only be called on some xcontent bytes or compressed xcontent bytes")
		}
		return nil, unparsed(cause)
	}
	d := &document{id: id, at: math.MinInt64, source: bytes.Clone(source)}
	if err := ix.read(d, "", tree); err != nil {
		return nil, err
	}
	if f := ix.fields["@timestamp"]; f != nil && f.family == dates {
		if c := f.values(d); len(c) > 0 {
			d.at = int64(c[0].number)
		}
	}
	if ix.template.DataStream && d.at == math.MinInt64 {
		return nil, unparsed(illegal("data stream timestamp field [@timestamp] is missing"))
	}
	return d, nil
}

func documentParsing(format string, args ...any) *failure {
	return bad("mapper_parsing_exception", format, args...)
}

// unparsed is the failure of a whole document.
func unparsed(cause *failure) *failure {
	f := documentParsing("failed to parse")
	f.cause = cause
	return f
}

// misfit is a value that does not fit the type of its field.
func (f *field) misfit(d *document, value any) *failure {
	fail := documentParsing("failed to parse field [%s] of type [%s] in document with id '%s'. Preview of field's value: '%s'", f.name, f.typ, d.id, preview(value))
	switch {
	case isObject(value):
		fail.cause = bad("illegal_state_exception", "Can't get text on a START_OBJECT")
	case f.family == dates:
		fail.cause = illegal("failed to parse date field [%v] with format [%s]", value, defaultFormat)
		fail.cause.cause = bad("date_time_parse_exception", "Failed to parse with all enclosed parsers")
	case f.family == doubles:
		fail.cause = bad("number_format_exception", "For input string: \"%v\"", value)
	default:
		fail.cause = illegal("For input string: \"%v\"", value)
	}
	return fail
}

func isObject(value any) bool {
	_, is := value.(map[string]any)
	return is
}

// preview prints a value as Java prints maps and strings.
func preview(value any) string {
	tree, is := value.(map[string]any)
	if !is {
		return fmt.Sprint(value)
	}
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(tree)) {
		parts = append(parts, name+"="+preview(tree[name]))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func (ix *index) read(d *document, prefix string, tree map[string]any) error {
	for name, value := range tree {
		if name == "" {
			return unparsed(illegal("field name cannot be an empty string"))
		}
		if err := ix.readValue(d, prefix+name, value); err != nil {
			return err
		}
	}
	return nil
}

func (ix *index) readValue(d *document, name string, value any) error {
	switch v := value.(type) {
	case nil:
		return nil
	case map[string]any:
		if f := ix.fields[name]; f != nil {
			return f.misfit(d, v)
		}
		return ix.read(d, name+".", v)
	case []any:
		for _, item := range v {
			if err := ix.readValue(d, name, item); err != nil {
				return err
			}
		}
		return nil
	}
	return ix.readScalar(d, name, value)
}

func (ix *index) readScalar(d *document, name string, value any) error {
	if ix.objects[name] {
		return documentParsing("object mapping for [%s] tried to parse field [%s] as object, but found a concrete value", name, name[strings.LastIndex(name, ".")+1:])
	}
	f := ix.fields[name]
	if f == nil {
		var err error
		if f, err = ix.dynamic(name, value); err != nil {
			return err
		}
	}
	if f.sub {
		return documentParsing("cannot write into the multi-field [%s]", name)
	}
	c, ok := f.read(value)
	if !ok {
		return f.misfit(d, value)
	}
	d.put(f.column, c)
	return nil
}

// store puts a parsed document in, replacing one of the same id, and says whether it is new.
func (ix *index) store(d *document, now time.Time) bool {
	ix.sequence++
	d.sequence, d.version, d.arrived = ix.sequence-1, 1, now.UnixNano()
	d.visible = d.arrived
	if ix.refresh > 0 {
		since := now.Sub(ix.created)
		d.visible = ix.created.Add(since.Truncate(ix.refresh) + ix.refresh).UnixNano()
	}
	old := ix.byID[d.id]
	if old != nil {
		d.version = old.version + 1
		ix.docs = slices.DeleteFunc(ix.docs, func(x *document) bool { return x == old })
	}
	ix.byID[d.id] = d
	i := len(ix.docs)
	for i > 0 && ix.docs[i-1].at > d.at {
		i--
	}
	ix.docs = slices.Insert(ix.docs, i, d)
	return old == nil
}

// forget drops documents that arrived before a moment, oldest @timestamp first.
func (ix *index) forget(before time.Time) {
	n := 0
	for n < len(ix.docs) && ix.docs[n].arrived < before.UnixNano() {
		delete(ix.byID, ix.docs[n].id)
		ix.docs[n] = nil
		n++
	}
	ix.docs = ix.docs[n:]
}

func (ix *index) searchable(d *document, now int64) bool {
	return d.visible <= now || d.arrived <= ix.fresh
}

// between is the documents whose @timestamp is in [from, to] ms, as a part of the sorted list.
func (ix *index) between(from, to int64) []*document {
	byTime := func(d *document, at int64) int {
		switch {
		case d.at < at:
			return -1
		case d.at > at:
			return 1
		}
		return 0
	}
	lo, _ := slices.BinarySearchFunc(ix.docs, from, byTime)
	hi := len(ix.docs)
	if to < math.MaxInt64 {
		hi, _ = slices.BinarySearchFunc(ix.docs, to+1, byTime)
	}
	if lo >= hi {
		return nil
	}
	return ix.docs[lo:hi]
}
