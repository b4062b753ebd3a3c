package configs

import (
	"fmt"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// decoder is the pass over the shape: it fills a Spec from YAML nodes, and collects every mistake on the way.
type decoder struct {
	source    *source
	secret    Secret // dir and lookup for every secret
	positions map[string]Pos
	broken    map[string]bool // paths whose value is not to be relied on
	problems  Problems
}

// rules are what the tags of a field say.
type rules struct {
	key, preset, least, most string
	words, later             []string
	required, literal        bool
}

func rulesOf(f reflect.StructField) rules {
	return rules{
		key: f.Tag.Get("yaml"), preset: f.Tag.Get("default"), least: f.Tag.Get("min"), most: f.Tag.Get("max"),
		words: strings.Fields(f.Tag.Get("oneof")), later: strings.Fields(f.Tag.Get("later")), required: f.Tag.Get("required") == "true",
		literal: f.Tag.Get("literal") == "true",
	}
}

func nearestPos(positions map[string]Pos, path string) Pos {
	for {
		if p, ok := positions[path]; ok {
			return p
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return positions[""]
		}
		path = path[:cut]
	}
}

func problemAt(s *source, at Pos, path, found, allowed string) Problem {
	return Problem{File: at.File, Line: at.Line, Column: at.Column, Path: path, Found: found, Allowed: allowed, Text: s.text(at.Line)}
}

// refuse notes a mistake and that nothing can rely on the value of the path.
func (d *decoder) refuse(at Pos, path, found, allowed, near string) {
	d.broken[path] = true
	d.note(at, path, found, allowed, near)
}

// note keeps a mistake. Its text is added at the end, when everything that must be hidden is known.
func (d *decoder) note(at Pos, path, found, allowed, near string) {
	d.problems = append(d.problems, Problem{File: at.File, Line: at.Line, Column: at.Column, Path: path, Found: found,
		Allowed: allowed, Nearest: near})
}

func (d *decoder) at(n *yaml.Node) Pos { return Pos{d.source.file, n.Line, n.Column} }

// found describes a node without showing a secret.
func (d *decoder) found(n *yaml.Node) string {
	switch {
	case n.Kind == yaml.MappingNode:
		return "a mapping"
	case n.Kind == yaml.SequenceNode:
		return "a list"
	case n.Kind == yaml.AliasNode:
		return "an alias"
	case n.Tag == "!!null":
		return "nothing"
	case d.source.conceals(n.Line, n.Column):
		return "a value that is not shown here"
	}
	return quoted(n.Value)
}

func quoted(text string) string {
	if r := []rune(text); len(r) > 60 {
		text = string(r[:59]) + "…"
	}
	return fmt.Sprintf("%q", text)
}

// value fills v from a node.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, r rules) {
	d.positions[path] = d.at(n)
	if n.Kind == yaml.AliasNode || n.Anchor != "" {
		d.refuse(d.at(n), path, "an anchor or alias", "the value itself, written out", "")
		return
	}
	if w, is := v.Addr().Interface().(*Waves); is {
		d.waves(n, w, path)
		return
	}
	if s, is := v.Addr().Interface().(scalar); is {
		d.scalar(n, s, path, r)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.section(n, v, path)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		d.section(n, v.Elem(), path)
	case reflect.Slice:
		d.list(n, v, path, r)
	case reflect.Map:
		d.dictionary(n, v, path)
	default:
		d.plain(n, v, path, r)
	}
}

// section fills a struct: every key known, none twice, the required ones there, defaults for the rest.
func (d *decoder) section(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.refuse(d.at(n), path, d.found(n), "a section with the keys "+strings.Join(keysOf(v.Type()), ", "), "")
		return
	}
	given := d.keys(n, path)
	for _, f := range reflect.VisibleFields(v.Type()) {
		r := rulesOf(f)
		if r.key == "" || r.key == "-" {
			continue
		}
		field, where := v.FieldByIndex(f.Index), join(path, r.key)
		if node, ok := given[r.key]; ok {
			d.value(node, field, where, r)
			delete(given, r.key)
			continue
		}
		d.absent(field, where, r)
	}
	d.unknown(n, given, v.Type(), path)
}

// keys are the values of a mapping by key; a key that stands there twice is a mistake.
func (d *decoder) keys(n *yaml.Node, path string) map[string]*yaml.Node {
	given, first := map[string]*yaml.Node{}, map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		if key.Kind != yaml.ScalarNode {
			d.refuse(d.at(key), path, d.found(key), "a key that is a word", "")
			continue
		}
		if was, twice := first[key.Value]; twice {
			d.refuse(d.at(key), join(path, key.Value), fmt.Sprintf("the key %s a second time", quoted(key.Value)),
				fmt.Sprintf("each key once; the first stands in line %d", was.Line), "")
			continue
		}
		given[key.Value], first[key.Value] = n.Content[i+1], d.at(key)
	}
	return given
}

// unknown refuses what is left of a mapping. Where a section holds secrets, a misspelt key may be one: its value is hidden.
func (d *decoder) unknown(n *yaml.Node, left map[string]*yaml.Node, t reflect.Type, path string) {
	names := keysOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value, is := left[key.Value]
		if !is || value != n.Content[i+1] {
			continue
		}
		if holdsSecret(t) {
			d.source.hide(value.Line, value.Column)
		}
		d.refuse(d.at(key), join(path, key.Value), "the unknown key "+quoted(key.Value), strings.Join(names, ", "),
			Nearest(key.Value, names))
	}
}

// absent gives a field that is not in the file its default.
func (d *decoder) absent(v reflect.Value, path string, r rules) {
	switch {
	case r.required:
		d.refuse(nearestPos(d.positions, path), path, "nothing", "a value: the key "+r.key+" is required", "")
	case r.preset != "":
		d.preset(v, r)
	case v.Kind() == reflect.Struct && !isScalar(v):
		d.absentSection(v, path)
	}
}

// absentSection fills a section that is not in the file, unless the section as a whole may be missing.
func (d *decoder) absentSection(v reflect.Value, path string) {
	for _, f := range reflect.VisibleFields(v.Type()) {
		if r := rulesOf(f); r.key != "" && r.key != "-" {
			d.absent(v.FieldByIndex(f.Index), join(path, r.key), r)
		}
	}
}

func (d *decoder) list(n *yaml.Node, v reflect.Value, path string, r rules) {
	if n.Kind != yaml.SequenceNode {
		d.refuse(d.at(n), path, d.found(n), "a list such as [a, b]", "")
		return
	}
	if r.required && len(n.Content) == 0 {
		d.refuse(d.at(n), path, "an empty list", "at least one entry", "")
		return
	}
	v.Set(reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content)))
	each := rules{words: r.words}
	for i, item := range n.Content {
		d.value(item, v.Index(i), fmt.Sprintf("%s[%d]", path, i), each)
	}
}

func (d *decoder) dictionary(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.refuse(d.at(n), path, d.found(n), "a mapping such as {i-0abc: 10.0.0.5}", "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	for key, node := range d.keys(n, path) {
		entry := reflect.New(v.Type().Elem()).Elem()
		d.value(node, entry, join(path, key), rules{})
		v.SetMapIndex(reflect.ValueOf(key), entry)
	}
}

func (d *decoder) waves(n *yaml.Node, w *Waves, path string) {
	switch {
	case n.Kind == yaml.ScalarNode && n.Value == "each":
		*w = nil
	case n.Kind == yaml.SequenceNode && len(n.Content) > 0:
		d.list(n, reflect.ValueOf((*[]Size)(w)).Elem(), path, rules{})
	default:
		d.refuse(d.at(n), path, d.found(n), wavesAllowed, Nearest(n.Value, []string{"each"}))
	}
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

func keysOf(t reflect.Type) []string {
	var out []string
	for _, f := range reflect.VisibleFields(t) {
		if key := f.Tag.Get("yaml"); key != "" && key != "-" {
			out = append(out, key)
		}
	}
	return out
}

func holdsSecret(t reflect.Type) bool {
	for _, f := range reflect.VisibleFields(t) {
		if f.Type == reflect.TypeFor[Secret]() {
			return true
		}
	}
	return false
}
