package configs

import (
	"reflect"
	"regexp"

	"go.yaml.in/yaml/v4"
)

// harmless is what no secret looks like: a switch, a port, a time.
var harmless = regexp.MustCompile(`^(?:true|false|yes|no|on|off|\d{1,5}|` + timeForm + `)$`)

// conceal hides what an unknown key holds where that may be a secret: a person who writes pasword: hunter2 must not find it
// in the log of a pipeline.
func (d *decoder) conceal(key, value *yaml.Node, t reflect.Type) {
	switch value.Kind {
	case yaml.MappingNode:
		for i := 0; i+1 < len(value.Content); i += 2 {
			d.conceal(value.Content[i], value.Content[i+1], reflect.TypeFor[struct{}]())
		}
		if mayName(key.Value, t) {
			d.hideValue(key, value)
		}
	case yaml.ScalarNode:
		plain := value.Style&(yaml.LiteralStyle|yaml.FoldedStyle) == 0
		if mayName(key.Value, t) && !(plain && (harmless.MatchString(value.Value) || secretExp.MatchString(value.Value))) {
			d.hideValue(key, value)
		}
	case yaml.SequenceNode:
		for _, item := range value.Content {
			d.conceal(key, item, t)
		}
	default:
		d.hideValue(key, value)
	}
}

// hideValue hides a value from its first character on, and every deeper line below its key.
func (d *decoder) hideValue(key, value *yaml.Node) {
	if value.Line != key.Line {
		d.source.hide(key.Line, key.Column+len([]rune(key.Value))+1)
	}
	d.source.hide(value.Line, value.Column)
}

// mayName reports whether an unknown key may be a misspelt name of a secret. In a section that holds secrets that is every
// key but those that come close to a key of the section without one.
func mayName(key string, t reflect.Type) bool {
	secrets := secretKeys(t)
	if len(secrets) == 0 {
		secrets = []string{"password", "api_key", "access_key", "secret_key", "webhook", "user"}
		return secretKey.MatchString(key+": ") || Nearest(key, secrets) != "" || abbreviates(key, secrets)
	}
	near := Nearest(key, keysOf(t))
	if near == "" {
		return true
	}
	for _, s := range secrets {
		if near == s {
			return true
		}
	}
	return abbreviates(key, secrets)
}

// abbreviates reports whether a key has the letters of one of the words, in order: pwrd for password.
func abbreviates(key string, words []string) bool {
	for _, w := range words {
		rest := []rune(plain(key))
		for _, r := range w {
			if len(rest) > 0 && rest[0] == r {
				rest = rest[1:]
			}
		}
		if len(rest) == 0 && len(key) > 1 {
			return true
		}
	}
	return false
}

// secretKeys are the keys of a section that hold secrets.
func secretKeys(t reflect.Type) []string {
	var out []string
	for _, f := range reflect.VisibleFields(t) {
		if f.Type == reflect.TypeFor[Secret]() {
			out = append(out, f.Tag.Get("yaml"))
		}
	}
	return out
}
