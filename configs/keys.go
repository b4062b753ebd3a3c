package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// misspelt are the keys that are not given and that an unknown key comes close to. What follows from their absence is not said as
// well: it is one mistake.
func misspelt(given map[string]*yaml.Node, names []string) map[string]bool {
	meant := map[string]bool{}
	for key := range given {
		if slices.Contains(names, key) {
			continue
		}
		if near := Nearest(key, names); near != "" && given[near] == nil {
			meant[near] = true
		}
	}
	return meant
}

// keys are the values of a mapping by key; a key that stands there twice is a mistake.
func (d *decoder) keys(n *yaml.Node, path string) map[string]*yaml.Node {
	given, first := map[string]*yaml.Node{}, map[string]Pos{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		switch what, _ := indirect(key); {
		case key.Kind != yaml.ScalarNode:
			d.refuse(d.at(key), path, d.found(key), "a key that is a word", "")
			continue
		case key.Tag == "!!merge":
			d.refuse(d.at(key), path, "a merge of another section", "the keys themselves, written out", "")
			continue
		case what != "":
			d.note(d.at(key), path, what+" at a key", "the key alone", "")
		}
		if was, twice := first[key.Value]; twice {
			word, where := d.word(key, path)
			d.refuse(d.at(key), where, "the key "+word+" a second time",
				fmt.Sprintf("each key once; the first stands in line %d", was.Line), "")
			continue
		}
		given[key.Value], first[key.Value] = n.Content[i+1], d.at(key)
	}
	return given
}

// word is a key as it may be shown, and its path.
func (d *decoder) word(key *yaml.Node, path string) (word, where string) {
	if d.source.conceals(key.Line, key.Column) {
		return "that is not shown here", path
	}
	return quoted(key.Value), join(path, shortened(key.Value))
}

// unknown refuses what is left of a mapping. A misspelt key may have a secret behind it: that is hidden.
func (d *decoder) unknown(n *yaml.Node, left map[string]*yaml.Node, t reflect.Type, path string) {
	names := keysOf(t)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key := n.Content[i]
		value, is := left[key.Value]
		if !is || value != n.Content[i+1] {
			continue
		}
		d.conceal(key, value, t)
		word, where := d.word(key, path)
		near := ""
		if where != path {
			near = Nearest(key.Value, names)
		}
		d.refuse(d.at(key), where, "the unknown key "+word, strings.Join(names, ", "), near)
	}
}
