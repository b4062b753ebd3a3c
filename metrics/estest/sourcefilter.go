package estest

import (
	"encoding/json"
	"slices"
	"strings"
)

// sourceFilter is which parts of the documents hits carry.
type sourceFilter struct {
	on                 bool
	includes, excludes []string
}

func parseSourceFilter(raw json.RawMessage) (sourceFilter, error) {
	f := sourceFilter{on: true}
	switch tokenName(raw) {
	case "VALUE_BOOLEAN":
		on, err := parseBool("_source", raw)
		return sourceFilter{on: on}, err
	case "START_OBJECT":
		o, err := parseObject(raw)
		if err != nil {
			return f, err
		}
		if key, ok := o.stray("includes", "excludes"); ok {
			return f, parsing("Unknown key for a %s in [%s].", tokenName(o[key]), key)
		}
		if o["includes"] != nil {
			if f.includes, err = parseNames(o["includes"]); err != nil {
				return f, err
			}
		}
		if o["excludes"] != nil {
			f.excludes, err = parseNames(o["excludes"])
		}
		return f, err
	}
	names, err := parseNames(raw)
	f.includes = names
	return f, err
}

func parseNames(raw json.RawMessage) ([]string, error) {
	list, err := parseList(raw)
	if err != nil {
		return nil, err
	}
	names := make([]string, len(list))
	for i, item := range list {
		if names[i], err = parseString("_source", item); err != nil {
			return nil, err
		}
	}
	return names, nil
}

// apply is the part of a document that passes.
func (f sourceFilter) apply(source []byte) (json.RawMessage, error) {
	if len(f.includes)+len(f.excludes) == 0 {
		return source, nil
	}
	var tree map[string]json.RawMessage
	if err := json.Unmarshal(source, &tree); err != nil {
		return nil, err
	}
	return f.prune("", tree)
}

func (f sourceFilter) prune(prefix string, tree map[string]json.RawMessage) (json.RawMessage, error) {
	out := map[string]json.RawMessage{}
	for name, value := range tree {
		path := prefix + name
		var inner map[string]json.RawMessage
		if tokenName(value) == "START_OBJECT" && json.Unmarshal(value, &inner) == nil {
			pruned, err := f.prune(path+".", inner)
			if err != nil {
				return nil, err
			}
			if string(pruned) != "{}" {
				out[name] = pruned
			}
			continue
		}
		if (len(f.includes) == 0 || covered(f.includes, path)) && !covered(f.excludes, path) {
			out[name] = value
		}
	}
	return json.Marshal(out)
}

// covered says whether a pattern names the path or one of its parents.
func covered(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		return wildcard(p, path) || wildcard(p+".*", path)
	})
}

// matchesAny says whether a comma-separated list of names and wildcards covers the name.
func matchesAny(list, name string) bool {
	for pattern := range strings.SplitSeq(list, ",") {
		if wildcard(pattern, name) || pattern == "_all" {
			return true
		}
	}
	return false
}
