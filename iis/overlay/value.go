package overlay

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// Kind is what a value is written as where the file tells texts from numbers.
type Kind int

// The kinds of values.
const (
	Text   Kind = iota
	Number      // a number as JSON writes one
	Switch      // true or false
	Same        // what the value that it replaces is, where it can be that; else a text
)

// Value is what is put into a file. It never prints what it holds: that may be a secret.
type Value struct {
	text string
	kind Kind
}

// NewValue is a value of a kind.
func NewValue(text string, kind Kind) Value { return Value{text, kind} }

// Format prints a placeholder for every verb.
func (v Value) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "[value]") }

// MarshalJSON writes a placeholder.
func (v Value) MarshalJSON() ([]byte, error) { return []byte(`"[value]"`), nil }

// json is the value as it stands in JSON, in place of a value of a kind.
func (v Value) json(was Kind) string {
	kind := v.kind
	if kind == Same {
		kind = was
	}
	switch plain := strings.TrimSpace(v.text); {
	case kind == Number && isNumber(plain):
		return plain
	case kind == Switch && (strings.EqualFold(plain, "true") || strings.EqualFold(plain, "false")):
		return strings.ToLower(plain)
	}
	return quoteJSON(v.text)
}

func isNumber(text string) bool {
	return text != "" && strings.ContainsRune("-0123456789", rune(text[0])) && json.Valid([]byte(text))
}

// quoteJSON is a text as a string of JSON, with nothing escaped that need not be.
func quoteJSON(text string) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	_ = e.Encode(text) // a string always can be, and a strings.Builder takes everything
	return strings.TrimSuffix(out.String(), "\n")
}

// attribute is the value as it stands between quotes in XML, in any encoding that has ASCII in it; false where it holds what
// XML 1.0 cannot (section 2.2).
func (v Value) attribute() (string, bool) {
	var out strings.Builder
	for _, r := range v.text {
		switch {
		case r == '&' || r == '<' || r == '>' || r == '"' || r == '\'' || r == '\t' || r == '\n' || r == '\r' || r > '~':
			if r == '\uFFFD' || r == '\uFFFE' || r == '\uFFFF' {
				return "", false
			}
			fmt.Fprintf(&out, "&#x%X;", r)
		case r < ' ':
			return "", false
		default:
			out.WriteRune(r)
		}
	}
	return named(out.String()), true
}

// named spells the references that have names, which people can read.
func named(text string) string {
	return strings.NewReplacer("&#x26;", "&amp;", "&#x3C;", "&lt;", "&#x3E;", "&gt;", "&#x22;", "&quot;", "&#x27;", "&apos;").Replace(text)
}
