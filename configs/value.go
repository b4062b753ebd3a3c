package configs

import (
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// ValueKind is how a value was written in the configuration.
type ValueKind string

// The kinds of values.
const (
	TextValue   ValueKind = "text"
	NumberValue ValueKind = "number"
	SwitchValue ValueKind = "switch" // true or false
	SecretValue ValueKind = "secret" // a reference
)

// Value is a setting: a text, a number or a switch that is written out, or a reference to a secret. It never prints what it is.
type Value struct {
	kind   ValueKind
	text   string
	secret Secret
}

// Kind is how the value was written.
func (v Value) Kind() ValueKind { return v.kind }

// Secret is the reference; the zero Secret where the value is written out.
func (v Value) Secret() Secret { return v.secret }

// Resolve is what to put into a file. Its errors name the reference, never the value.
func (v Value) Resolve() (string, error) {
	if v.kind == SecretValue {
		return v.secret.Resolve()
	}
	return v.text, nil
}

// Format prints a placeholder for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, placeholder) }

// MarshalJSON writes a placeholder.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"` + placeholder + `"`), nil }

var _ scalar = (*Value)(nil)

func (v *Value) parse(text string) error {
	v.kind, v.text = TextValue, text
	return nil
}

func (v *Value) allowed() string {
	return "a text, a number, true or false, or a reference to a secret: env:NAME or file:PATH"
}

// inText is a secret in a text that names it, as connection strings do.
var inText = regexp.MustCompile(`(?i)(?:password|pwd|accountkey|accesskey|secret)\s*=\s*[^\s;"']`)

// setting fills a value. What has a secret in it must be a reference as a whole.
func (d *decoder) setting(n *yaml.Node, v *Value, path string) {
	if n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		d.refuse(d.at(n), path, d.found(n), v.allowed(), "")
		return
	}
	_ = v.parse(n.Value) // takes any text
	switch {
	case n.Tag == "!!bool":
		v.kind, v.text = SwitchValue, strings.ToLower(n.Value)
	case n.Tag == "!!int" || n.Tag == "!!float":
		if v.kind = NumberValue; !json.Valid([]byte(n.Value)) {
			d.refuse(d.at(n), path, d.found(n)+", which is no number as JSON writes one", "a number such as 15 or 1.5, or a text in quotes", "'"+n.Value+"'")
		}
	case strings.HasPrefix(n.Value, "env:") || strings.HasPrefix(n.Value, "file:"):
		v.kind, v.text, v.secret = SecretValue, "", d.secret
		if v.secret.parse(n.Value) != nil {
			d.refuse(d.at(n), path, d.found(n), v.secret.allowed(), "")
		}
	case inText.MatchString(n.Value):
		d.source.hide(n.Line, n.Column)
		d.refuse(d.at(n), path, "a secret that is written out", v.secret.allowed()+"; it stands for the whole text", "")
	}
}

// All is every value with its path, in the order of paths.
func (s Settings) All() iter.Seq2[string, Value] {
	return func(yield func(string, Value) bool) {
		all := map[string]Value{}
		collect := func(path string, values map[string]Value) {
			for key, v := range values {
				all[join(path, key)] = v
			}
		}
		for file, values := range s.JSON {
			collect(join("settings.json", file), values)
		}
		for file, c := range s.Config {
			collect(join("settings.config", file)+".app_settings", c.AppSettings)
			collect(join("settings.config", file)+".connection_strings", c.ConnectionStrings)
		}
		collect("settings.tokens.values", s.Tokens.Values)
		for _, path := range slices.Sorted(maps.Keys(all)) {
			if !yield(path, all[path]) {
				return
			}
		}
	}
}

// settings warns about values that look like secrets; a setting that stands for no file would be forgotten silently.
func (s *sense) settings() {
	for path, v := range s.spec.Settings.All() {
		key := path[strings.LastIndex(path, ".")+1:]
		if s.sound(path) && v.kind == TextValue && v.text != "" && secretKey.MatchString(key+": ") {
			s.warn(path, "looks like a secret that is written out: env:NAME or file:PATH refers to one")
		}
	}
}
