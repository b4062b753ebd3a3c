package configs

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// checker judges values by a JSON Schema of the few keywords that ours uses. A keyword that it does not know fails the test.
type checker struct {
	t        *testing.T
	patterns map[string]*regexp.Regexp
	mistakes []string
}

// judgeOf reads the schema once. The judge tells what the schema finds wrong with a YAML text; one that is no YAML is refused too.
func judgeOf(t *testing.T) func(text []byte) []string {
	t.Helper()
	var s map[string]any
	if err := json.Unmarshal(Schema(), &s); err != nil {
		t.Fatal(err)
	}
	patterns := map[string]*regexp.Regexp{}
	return func(text []byte) []string {
		var value any
		if err := yaml.Unmarshal(text, &value); err != nil {
			return []string{err.Error()}
		}
		c := &checker{t: t, patterns: patterns}
		c.check(s, value, "")
		return c.mistakes
	}
}

// fits reports whether a text has a pattern.
func (c *checker) fits(pattern, text string) bool {
	if c.patterns[pattern] == nil {
		c.patterns[pattern] = regexp.MustCompile(pattern)
	}
	return c.patterns[pattern].MatchString(text)
}

func (c *checker) wrong(path, format string, args ...any) {
	c.mistakes = append(c.mistakes, path+": "+fmt.Sprintf(format, args...))
}

// passes reports whether a value is right by a schema.
func (c *checker) passes(schema, value any, path string) bool {
	inner := &checker{t: c.t, patterns: c.patterns}
	inner.check(schema.(map[string]any), value, path)
	return len(inner.mistakes) == 0
}

func (c *checker) check(schema map[string]any, value any, path string) {
	if at, is := value.(time.Time); is {
		value = at.Format(time.DateOnly) // a text for JSON, which has no dates
	}
	for keyword, rule := range schema {
		switch keyword {
		case "$schema", "title", "description", "default", "patternErrorMessage", "additionalProperties":
		case "properties", "required", "dependencies", "propertyNames":
			if fields, is := value.(map[string]any); is {
				c.keyword(keyword, rule, fields, path)
			}
		case "items", "minItems", "uniqueItems":
			if list, is := value.([]any); is {
				c.list(keyword, rule, list, path)
			}
		case "type", "enum", "pattern", "minLength", "minimum", "maximum":
			c.scalar(keyword, rule, value, path)
		case "anyOf", "oneOf":
			c.branches(keyword, rule.([]any), value, path)
		default:
			c.t.Fatalf("%s: the schema has the keyword %q, which this test does not know", path, keyword)
		}
	}
	if fields, is := value.(map[string]any); is {
		c.others(schema, fields, path)
	}
}

func (c *checker) keyword(keyword string, rule any, fields map[string]any, path string) {
	switch keyword {
	case "properties":
		for key, inner := range rule.(map[string]any) {
			if value, given := fields[key]; given {
				c.check(inner.(map[string]any), value, join(path, key))
			}
		}
	case "required":
		for _, key := range rule.([]any) {
			if _, given := fields[key.(string)]; !given {
				c.wrong(path, "no %s", key)
			}
		}
	case "dependencies":
		for key, needs := range rule.(map[string]any) {
			if _, given := fields[key]; given {
				c.keyword("required", needs, fields, path)
			}
		}
	case "propertyNames":
		for key := range fields {
			c.check(rule.(map[string]any), key, join(path, key))
		}
	}
}

// others are the keys that stand under no property.
func (c *checker) others(schema map[string]any, fields map[string]any, path string) {
	known, _ := schema["properties"].(map[string]any)
	for key, value := range fields {
		if _, is := known[key]; is {
			continue
		}
		switch rule := schema["additionalProperties"].(type) {
		case bool:
			if !rule {
				c.wrong(path, "the key %s", key)
			}
		case map[string]any:
			c.check(rule, value, join(path, key))
		}
	}
}

func (c *checker) list(keyword string, rule any, list []any, path string) {
	switch keyword {
	case "items":
		for i, item := range list {
			c.check(rule.(map[string]any), item, fmt.Sprintf("%s[%d]", path, i))
		}
	case "minItems":
		if float64(len(list)) < rule.(float64) {
			c.wrong(path, "%d items", len(list))
		}
	case "uniqueItems":
		for i := range list {
			if slices.ContainsFunc(list[:i], func(other any) bool { return reflect.DeepEqual(other, list[i]) }) {
				c.wrong(path, "an item twice")
			}
		}
	}
}

func (c *checker) scalar(keyword string, rule, value any, path string) {
	text, isText := value.(string)
	number, isNumber := numberOf(value)
	switch {
	case keyword == "type" && !slices.Contains(typesOf(value), rule.(string)):
		c.wrong(path, "%v is no %s", value, rule)
	case keyword == "enum" && !slices.Contains(rule.([]any), value):
		c.wrong(path, "%v is none of %v", value, rule)
	case keyword == "pattern" && isText && !c.fits(rule.(string), text):
		c.wrong(path, "%q does not fit %s", text, rule)
	case keyword == "minLength" && isText && float64(len([]rune(text))) < rule.(float64):
		c.wrong(path, "%q is too short", text)
	case keyword == "minimum" && isNumber && number < rule.(float64),
		keyword == "maximum" && isNumber && number > rule.(float64):
		c.wrong(path, "%v is beyond the %s of %v", value, keyword, rule)
	}
}

func (c *checker) branches(keyword string, branches []any, value any, path string) {
	fit := 0
	for _, b := range branches {
		if c.passes(b, value, path) {
			fit++
		}
	}
	if fit == 0 || keyword == "oneOf" && fit > 1 {
		c.wrong(path, "%d branches of %s fit", fit, keyword)
	}
}

func numberOf(value any) (float64, bool) {
	switch n := value.(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	}
	return math.NaN(), false
}

func typesOf(value any) []string {
	switch v := value.(type) {
	case nil:
		return []string{"null"}
	case string:
		return []string{"string"}
	case bool:
		return []string{"boolean"}
	case []any:
		return []string{"array"}
	case map[string]any:
		return []string{"object"}
	case int:
		return []string{"integer", "number"}
	case float64:
		if v == math.Trunc(v) {
			return []string{"integer", "number"}
		}
		return []string{"number"}
	}
	return nil
}
