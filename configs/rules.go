package configs

import (
	"reflect"
	"strings"

	"go.yaml.in/yaml/v4"
)

// rules are what the tags of a field say. The reader of the file and the JSON Schema both go by them.
type rules struct {
	key, preset, least, most string
	words                    []string
	form, keys               string // names of forms: of the text, or each entry; of a mapping's keys
	either                   string // exactly one of the fields with this word is given
	with                     string // a key that must be given too
	required, literal        bool
	unique                   bool // no entry of the list twice
}

func rulesOf(f reflect.StructField) rules {
	return rules{
		key: f.Tag.Get("yaml"), preset: f.Tag.Get("default"), least: f.Tag.Get("min"), most: f.Tag.Get("max"),
		words: strings.Fields(f.Tag.Get("oneof")),
		form:  f.Tag.Get("form"), keys: f.Tag.Get("keys"), either: f.Tag.Get("either"), with: f.Tag.Get("with"),
		required: f.Tag.Get("required") == "true", literal: f.Tag.Get("literal") == "true", unique: f.Tag.Get("unique") == "true",
	}
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

// alternatives are the keys of a struct of which exactly one must be given.
func alternatives(t reflect.Type) []string {
	var out []string
	for _, f := range reflect.VisibleFields(t) {
		if r := rulesOf(f); r.either != "" {
			out = append(out, r.key)
		}
	}
	return out
}

// together checks which keys of a section go with which.
func (d *decoder) together(n *yaml.Node, given map[string]*yaml.Node, meant map[string]bool, t reflect.Type, path string) {
	for _, f := range reflect.VisibleFields(t) {
		r := rulesOf(f)
		if r.with == "" || given[r.key] == nil || given[r.with] != nil || meant[r.with] {
			continue
		}
		d.note(d.at(given[r.key]), join(path, r.key), r.key+" without "+r.with, "both, or neither of them", "")
	}
	choice := alternatives(t)
	if len(choice) == 0 {
		return
	}
	count := 0
	for _, key := range choice {
		if given[key] != nil || meant[key] {
			count++
		}
	}
	if all := strings.Join(choice, " and "); count == 0 {
		d.note(d.at(n), path, "neither of "+all, "exactly one of "+all, "")
	} else if count > 1 {
		d.note(d.at(n), path, "both of "+all, "exactly one of "+all, "")
	}
}
