package agent_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// plain is a value as JSON has it.
func plain(v any) (any, error) {
	raw, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	var out any
	if err := json.Unmarshal(raw, &out); err != nil {
		return nil, err
	}
	return out, nil
}

// lower writes the names of members in lower case.
func lower(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, member := range x {
			out[strings.ToLower(k)] = lower(member)
		}
		return out
	case []any:
		for i, member := range x {
			x[i] = lower(member)
		}
	}
	return v
}

// steady leaves out what differs from run to run, and the words that are each agent's own.
func steady(v any) any {
	changing := []string{"clock", "disk_free", "pid", "started", "created", "ms", "taken", "until", "message", "worker", "not_after", "bytes",
		"warnings", "bindings", "time", "written", "port", "connections"}
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, member := range x {
			if list, is := member.([]any); is && k == "warnings" {
				out["warnings"] = len(list)
			}
			if _, words := member.(string); words && k == "error" && member != "" {
				out[k] = "said"
				continue
			}
			if !slices.Contains(changing, k) && member != nil && member != "" {
				out[k] = steady(member)
			}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, member := range x {
			out[i] = steady(member)
		}
		return out
	}
	return v
}

// within says where got lacks something of want: objects may have more, lists have just as much, a text that begins with ~ is a
// regular expression, and one that begins with > or < a limit for a number.
func within(at string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, is := got.(map[string]any)
		if !is {
			return fmt.Errorf("%s is %s, not an object", at, shown(got))
		}
		for name, part := range w {
			if err := within(at+"."+name, part, g[name]); err != nil {
				return err
			}
		}
		return nil
	case []any:
		g, is := got.([]any)
		if !is && len(w) == 0 && got == nil {
			return nil
		}
		if !is || len(g) != len(w) {
			return fmt.Errorf("%s is %s, not %d of %s", at, shown(got), len(w), shown(want))
		}
		for i := range w {
			if err := within(fmt.Sprintf("%s[%d]", at, i), w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	case string:
		return withinText(at, w, got)
	}
	if want != got {
		return fmt.Errorf("%s is %s, not %s", at, shown(got), shown(want))
	}
	return nil
}

func withinText(at, want string, got any) error {
	ok := want == got
	if n, is := got.(float64); is && len(want) > 1 && strings.ContainsAny(want[:1], "<>") {
		limit, err := strconv.ParseFloat(want[1:], 64)
		ok = err == nil && (want[0] == '<' && n < limit || want[0] == '>' && n > limit)
	}
	if text, is := got.(string); is && strings.HasPrefix(want, "~") {
		form, err := regexp.Compile(want[1:])
		ok = err == nil && form.MatchString(text)
	}
	if !ok {
		return fmt.Errorf("%s is %s, not %q", at, shown(got), want)
	}
	return nil
}

func shown(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(raw)
}
