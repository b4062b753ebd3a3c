package estest

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// parseQueryBody reads {"query": ...} or ?q= of _count and _validate.
func (c *call) parseQueryBody() (query, error) {
	if c.params.Has("q") {
		return queryOfParams(c.params)
	}
	if len(c.body) == 0 {
		return matchAll{}, nil
	}
	o, err := parseObject(c.body)
	if err != nil {
		return nil, err
	}
	if key, ok := o.stray("query"); ok {
		return nil, parsing("request does not support [%s]", key)
	}
	if o["query"] == nil {
		return matchAll{}, nil
	}
	return parseQuery(o["query"], 1)
}

func (s *Server) count(c *call) (any, error) {
	q, err := c.parseQueryBody()
	if err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	shards, _, err := s.shards(indices, true, c.faults.PartialShards)
	if err != nil {
		return nil, err
	}
	r := &searchRequest{query: q, aggs: bundle{shape: &shape{}}}
	_, total, err := r.run(indices, r.aggs.bucket(), c.faults.PartialShards, s.config.Shards, time.Now())
	return map[string]any{"count": total, "_shards": shards}, err
}

func (s *Server) validate(c *call) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	q, err := c.parseQueryBody()
	if err != nil {
		out := map[string]any{"valid": false}
		if c.flag("explain") {
			out["error"] = "ParsingException: " + err.Error()
		}
		return out, nil
	}
	valid, explanations := true, []any{}
	for _, ix := range indices {
		entry := map[string]any{"index": ix.backing, "valid": true}
		bound, err := q.bind(ix)
		if err != nil {
			valid = false
			entry["valid"], entry["error"] = false, shardWords(err, ix)
		} else {
			entry["explanation"] = bound.text
		}
		explanations = append(explanations, entry)
	}
	out := map[string]any{"valid": valid, "_shards": map[string]any{"total": len(indices), "successful": len(indices), "failed": 0}}
	if c.flag("explain") || c.flag("rewrite") {
		out["explanations"] = explanations
	}
	return out, nil
}

// shardWords is an exception of an index as Java prints it with its cause.
func shardWords(err error, ix *index) string {
	f, ok := err.(*failure)
	if !ok {
		return err.Error()
	}
	words := "[" + ix.backing + "/" + ix.uuid + "] org.elasticsearch.index.query.QueryShardException: " + f.reason
	if f.cause == nil {
		return words
	}
	class := map[string]string{"parse_exception": "org.apache.lucene.queryparser.classic.ParseException",
		"number_format_exception": "java.lang.NumberFormatException"}[f.cause.typ]
	return words + "; " + cmp.Or(class, "java.lang.IllegalArgumentException") + ": " + f.cause.reason
}

func (s *Server) fieldCaps(c *call) (any, error) {
	patterns := c.params.Get("fields")
	if len(c.body) > 0 {
		o, err := parseObject(c.body)
		if err != nil {
			return nil, err
		}
		if key, ok := o.stray("fields"); ok {
			return nil, bad("x_content_parse_exception", "[1:1] [field_caps_request] unknown field [%s]", key)
		}
		names, err := parseNames(o["fields"])
		if err != nil {
			return nil, err
		}
		patterns = strings.Join(names, ",")
	}
	if patterns == "" {
		return nil, bad("action_request_validation_exception", "Validation Failed: 1: no fields specified;")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	names := []string{}
	fields := map[string]map[string][]string{} // field, type, indices
	for _, ix := range indices {
		names = append(names, ix.backing)
		ix.capabilities(patterns, fields)
	}
	if c.flag("include_unmapped") {
		addUnmapped(fields, names)
	}
	return map[string]any{"indices": names, "fields": capabilityAnswer(fields)}, nil
}

// capabilities notes which fields the patterns cover, and the objects that those are in.
func (ix *index) capabilities(patterns string, into map[string]map[string][]string) {
	put := func(name, typ string) {
		if into[name] == nil {
			into[name] = map[string][]string{}
		}
		if !slices.Contains(into[name][typ], ix.backing) {
			into[name][typ] = append(into[name][typ], ix.backing)
		}
	}
	note := func(name, typ string) {
		if !matchesAny(patterns, name) {
			return
		}
		put(name, typ)
		for i, r := range name {
			if r == '.' && ix.objects[name[:i]] {
				put(name[:i], "object")
			}
		}
	}
	for name, f := range ix.fields {
		typ := f.typ
		if typ == "match_only_text" {
			typ = "text" // field_caps reports the family of a type
		}
		note(name, typ)
	}
	for _, name := range []string{"_id", "_index"} {
		note(name, name)
	}
}

func addUnmapped(fields map[string]map[string][]string, indices []string) {
	for _, types := range fields {
		held := slices.Concat(slices.Collect(valuesOf(types))...)
		for _, name := range indices {
			if !slices.Contains(held, name) {
				types["unmapped"] = append(types["unmapped"], name)
			}
		}
	}
}

func valuesOf(types map[string][]string) func(func([]string) bool) {
	return func(yield func([]string) bool) {
		for _, indices := range types {
			if !yield(indices) {
				return
			}
		}
	}
}

// capabilityAnswer names the indices of a type only where a field has several types.
func capabilityAnswer(fields map[string]map[string][]string) map[string]any {
	out := map[string]any{}
	for name, types := range fields {
		answer := map[string]any{}
		for typ, indices := range types {
			real := typ != "object" && typ != "unmapped"
			entry := map[string]any{
				"type": typ, "metadata_field": strings.HasPrefix(name, "_"), "searchable": real,
				"aggregatable": real && families()[typ] != texts && name != "_id",
			}
			if len(types) > 1 {
				entry["indices"] = indices
			}
			answer[typ] = entry
		}
		out[name] = answer
	}
	return out
}

// filtered keeps the parts of an answer that ?filter_path names: keys with *, joined by dots; ** is any number of keys.
func filtered(answer any, paths []string) (any, error) {
	raw, err := json.Marshal(answer)
	if err != nil {
		return nil, err
	}
	var tree any
	dec := json.NewDecoder(strings.NewReader(string(raw)))
	dec.UseNumber()
	if err := dec.Decode(&tree); err != nil {
		return nil, err
	}
	split := make([][]string, len(paths))
	for i, p := range paths {
		split[i] = strings.Split(strings.TrimSpace(p), ".")
	}
	kept, any := keep(tree, split)
	if !any {
		return map[string]int{}, nil
	}
	return kept, nil
}

// keep is the part of a tree below the paths; ok is false when nothing is left.
func keep(tree any, paths [][]string) (kept any, ok bool) {
	switch v := tree.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, child := range v {
			next, whole := advance(paths, key)
			if whole {
				out[key] = child
			} else if part, ok := keep(child, next); ok {
				out[key] = part
			}
		}
		return out, len(out) > 0
	case []any:
		var out []any
		for _, child := range v {
			if part, ok := keep(child, paths); ok {
				out = append(out, part)
			}
		}
		return out, len(out) > 0
	}
	return nil, false
}

// advance steps the paths over a key; whole says that one of them ends there.
func advance(paths [][]string, key string) (next [][]string, whole bool) {
	for _, p := range paths {
		if len(p) == 0 {
			continue
		}
		if p[0] == "**" {
			next = append(next, p)
			p = p[min(1, len(p)-1):]
		}
		if !wildcard(p[0], key) {
			continue
		}
		if len(p) == 1 {
			return nil, true
		}
		next = append(next, p[1:])
	}
	return next, false
}
