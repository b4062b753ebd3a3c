package estest

import (
	"bytes"
	"encoding/json"
	"io"
	"slices"
	"strconv"
	"strings"
)

// object is a JSON object whose values are looked at one by one, so that no key goes unread.
type object map[string]json.RawMessage

// parseObject reads exactly one JSON object; a key may appear once.
func parseObject(raw []byte) (object, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	open, err := dec.Token()
	if err != nil {
		return nil, bad("x_content_parse_exception", "[1:1] the body is no JSON: %v", err)
	}
	if open != json.Delim('{') {
		return nil, parsing("Expected [START_OBJECT] but found [%s]", tokenName(raw))
	}
	out := object{}
	for dec.More() {
		key, err := dec.Token()
		if err != nil {
			return nil, bad("x_content_parse_exception", "[1:%d] %v", dec.InputOffset(), err)
		}
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return nil, bad("x_content_parse_exception", "[1:%d] %v", dec.InputOffset(), err)
		}
		name := key.(string)
		if _, twice := out[name]; twice {
			return nil, bad("x_content_parse_exception", "[1:%d] Duplicate field '%s'", dec.InputOffset(), name)
		}
		out[name] = value
	}
	if _, err := dec.Token(); err != nil {
		return nil, bad("x_content_parse_exception", "[1:%d] %v", dec.InputOffset(), err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, bad("x_content_parse_exception", "[1:%d] there is something after the object", dec.InputOffset())
	}
	return out, nil
}

// stray is a key of the object that is not allowed, the first by name.
func (o object) stray(allowed ...string) (string, bool) {
	var found []string
	for key := range o {
		if !slices.Contains(allowed, key) {
			found = append(found, key)
		}
	}
	if len(found) == 0 {
		return "", false
	}
	return slices.Min(found), true
}

// sole is the only key and its value; ok is false when there are fewer or more.
func (o object) sole() (key string, value json.RawMessage, ok bool) {
	for key, value = range o {
		return key, value, len(o) == 1
	}
	return "", nil, false
}

func (o object) keys() []string {
	out := make([]string, 0, len(o))
	for key := range o {
		out = append(out, key)
	}
	slices.Sort(out)
	return out
}

// tokenName is what Elasticsearch calls the start of a JSON value.
func tokenName(raw []byte) string {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 {
		return "END_OF_INPUT"
	}
	switch raw[0] {
	case '{':
		return "START_OBJECT"
	case '[':
		return "START_ARRAY"
	case '"':
		return "VALUE_STRING"
	case 't', 'f':
		return "VALUE_BOOLEAN"
	case 'n':
		return "VALUE_NULL"
	default:
		return "VALUE_NUMBER"
	}
}

// scalar is a string, number or boolean of a query, as written.
type scalar struct {
	text   string
	number bool
}

func parseScalar(where string, raw []byte) (scalar, error) {
	switch name := tokenName(raw); name {
	case "VALUE_STRING":
		var s string
		if err := json.Unmarshal(raw, &s); err != nil {
			return scalar{}, parsing("[%s] %v", where, err)
		}
		return scalar{text: s}, nil
	case "VALUE_NUMBER":
		return scalar{text: string(bytes.TrimSpace(raw)), number: true}, nil
	case "VALUE_BOOLEAN":
		return scalar{text: string(bytes.TrimSpace(raw))}, nil
	case "VALUE_NULL":
		return scalar{}, illegal("value cannot be null")
	default:
		return scalar{}, parsing("[%s] unknown token [%s]", where, name)
	}
}

// parseBool accepts true, false and the same as strings, as Elasticsearch does.
func parseBool(where string, raw []byte) (bool, error) {
	switch strings.Trim(string(bytes.TrimSpace(raw)), `"`) {
	case "true":
		return true, nil
	case "false":
		return false, nil
	}
	return false, illegal("Failed to parse value [%s] of [%s] as only [true] or [false] are allowed.", raw, where)
}

func parseInt(where string, raw []byte) (int, error) {
	n, err := strconv.Atoi(strings.Trim(string(bytes.TrimSpace(raw)), `"`))
	if err != nil {
		return 0, illegal("[%s] is no whole number: %s", where, raw)
	}
	return n, nil
}

func parseString(where string, raw []byte) (string, error) {
	s, err := parseScalar(where, raw)
	if err == nil && s.number {
		return s.text, nil
	}
	return s.text, err
}

// parseList reads an array, or one value as an array of one, as most places of the query language allow.
func parseList(raw []byte) ([]json.RawMessage, error) {
	if tokenName(raw) != "START_ARRAY" {
		return []json.RawMessage{raw}, nil
	}
	var list []json.RawMessage
	if err := json.Unmarshal(raw, &list); err != nil {
		return nil, parsing("%v", err)
	}
	return list, nil
}
