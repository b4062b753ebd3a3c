package configs

import (
	"fmt"
	"reflect"
	"regexp"
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
	forms     map[string]*regexp.Regexp // by pattern, made when first asked for
}

// fits reports whether a text has a form.
func (d *decoder) fits(f form, text string) bool {
	exp := d.forms[f.pattern]
	if exp == nil {
		exp = regexp.MustCompile(f.pattern)
		d.forms[f.pattern] = exp
	}
	return exp.MatchString(text)
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

// enough mistakes tell that a file is something else altogether; more are not looked for.
const enough = 1000

// note keeps a mistake. Its text is added at the end, when everything that must be hidden is known.
func (d *decoder) note(at Pos, path, found, allowed, near string) {
	if len(d.problems) >= enough {
		return
	}
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
	}
	return d.source.quote(d.at(n), n.Value)
}

func quoted(text string) string { return fmt.Sprintf("%q", shortened(text)) }

// shortened is a text that may stand in a message.
func shortened(text string) string {
	const longest = 60
	if r := []rune(text); len(r) > longest {
		return string(r[:longest-1]) + "…"
	}
	return text
}

// value fills v from a node.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string, r rules) {
	d.positions[path] = d.at(n)
	if what, allowed := indirect(n); what != "" {
		d.refuse(d.at(n), path, what, allowed, "")
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
		d.dictionary(n, v, path, r)
	default:
		d.plain(n, v, path, r)
	}
}

// indirect names what YAML has for saying a thing without writing it out; a configuration that is read at night has none.
func indirect(n *yaml.Node) (found, allowed string) {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		return "an anchor or alias", "the value itself, written out"
	case n.Style&yaml.TaggedStyle != 0:
		return "a tag in front of the value", "the value alone"
	}
	return "", ""
}

// section fills a struct: every key known, none twice, the required ones there, defaults for the rest.
func (d *decoder) section(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind != yaml.MappingNode {
		d.refuse(d.at(n), path, d.found(n), "a section with the keys "+strings.Join(keysOf(v.Type()), ", "), "")
		return
	}
	given := d.keys(n, path)
	meant := misspelt(given, keysOf(v.Type()))
	for key := range meant {
		d.broken[join(path, key)] = true
	}
	d.together(n, given, meant, v.Type(), path)
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
		if !meant[r.key] {
			d.absent(field, where, r)
		}
	}
	d.unknown(n, given, v.Type(), path)
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
	each, seen := rules{words: r.words, form: r.form}, map[string]bool{}
	for i, item := range n.Content {
		if len(d.problems) >= enough {
			return
		}
		where := fmt.Sprintf("%s[%d]", path, i)
		if r.unique && item.Kind == yaml.ScalarNode && seen[item.Value] {
			d.refuse(d.at(item), where, d.found(item)+" a second time", "each entry once", "")
			continue
		}
		seen[item.Value] = true
		d.value(item, v.Index(i), where, each)
	}
}

func (d *decoder) dictionary(n *yaml.Node, v reflect.Value, path string, r rules) {
	if n.Kind != yaml.MappingNode {
		d.refuse(d.at(n), path, d.found(n), mappingAllowed(v), "")
		return
	}
	v.Set(reflect.MakeMap(v.Type()))
	f, _ := formNamed(r.keys)
	for i := 0; i+1 < len(n.Content); i += 2 {
		if key := n.Content[i]; key.Kind == yaml.ScalarNode && key.Tag != "!!merge" && !d.fits(f, key.Value) {
			word, where := d.word(key, path)
			d.refuse(d.at(key), where, "the key "+word, f.allowed, "")
		}
	}
	for key, node := range d.keys(n, path) {
		entry := reflect.New(v.Type().Elem()).Elem()
		d.value(node, entry, join(path, key), rules{form: r.form})
		v.SetMapIndex(reflect.ValueOf(key), entry)
	}
	if v.Type().Elem() == reflect.TypeFor[Value]() { // what is wrong with a setting is mostly its key
		for i := 0; i+1 < len(n.Content); i += 2 {
			d.positions[join(path, n.Content[i].Value)] = d.at(n.Content[i])
		}
	}
}

func mappingAllowed(v reflect.Value) string {
	if v.Type().Elem().Kind() == reflect.String {
		return "a mapping such as {i-0abc: 10.0.0.5}"
	}
	return "a mapping such as {KEY: value}"
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
