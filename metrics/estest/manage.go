package estest

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s *Server) info(*call) (any, error) {
	return map[string]any{
		"name": "estest", "cluster_name": "estest", "cluster_uuid": nodeID,
		"version": map[string]any{
			"number": version, "build_flavor": "default", "build_type": "simulated", "build_snapshot": false, "lucene_version": "9.4.2",
			"minimum_wire_compatibility_version": "7.17.0", "minimum_index_compatibility_version": "7.0.0",
		},
		"tagline": "You Know, for Search",
	}, nil
}

// resolve finds the indices that a request names: names, wildcards and exclusions, separated by commas; none is all.
func (s *Server) resolve(c *call) ([]*index, error) {
	list := c.path["index"]
	if list == "" || list == "_all" {
		list = "*"
	}
	unavailable, none := c.flag("ignore_unavailable"), !c.params.Has("allow_no_indices") || c.flag("allow_no_indices")
	found := map[string]*index{}
	for part := range strings.SplitSeq(list, ",") {
		exclude := strings.HasPrefix(part, "-") && strings.Contains(list, "*")
		pattern := strings.TrimPrefix(part, "-")
		if !exclude {
			pattern = part
		}
		matched := 0
		for name, ix := range s.indices {
			if !wildcard(pattern, name) && pattern != ix.backing {
				continue
			}
			matched++
			found[name] = ix
			if exclude {
				delete(found, name)
			}
		}
		if matched == 0 && !exclude && (strings.Contains(pattern, "*") && !none || !strings.Contains(pattern, "*") && !unavailable) {
			return nil, noIndex(part)
		}
	}
	if len(found) == 0 && !none {
		return nil, noIndex(list)
	}
	out := make([]*index, 0, len(found))
	for _, ix := range found {
		out = append(out, ix)
	}
	slices.SortFunc(out, func(a, b *index) int { return strings.Compare(a.backing, b.backing) })
	return out, nil
}

func (s *Server) refresh(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	for _, ix := range indices {
		ix.fresh = time.Now().UnixNano()
	}
	total := 0
	for _, ix := range indices {
		total += s.config.Shards * (1 + ix.replicas)
	}
	return map[string]any{"_shards": map[string]any{"total": total, "successful": len(indices) * s.config.Shards, "failed": 0}}, nil
}

// mapBody adds what a mapping request says.
func (ix *index) mapBody(raw []byte) error {
	o, err := parseObject(raw)
	if err != nil {
		return err
	}
	if key, ok := o.stray("properties", "_meta", "date_detection", "dynamic", "dynamic_templates"); ok {
		return mapperParsing("Root mapping definition has unsupported parameters: [%s : %s]", key, o[key])
	}
	if err := ix.mapDynamic(o["dynamic_templates"]); err != nil {
		return err
	}
	if o["properties"] == nil {
		return nil
	}
	return ix.mapProperties("", o["properties"])
}

func (s *Server) deleteIndex(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if strings.ContainsAny(c.path["index"], "*") || c.path["index"] == "_all" {
		return nil, illegal("Wildcard expressions or all indices are not allowed")
	}
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	for _, ix := range indices {
		delete(s.indices, ix.name)
	}
	return map[string]any{"acknowledged": true}, nil
}

func (s *Server) exists(c *call) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	_, err := s.resolve(c)
	return nil, err
}

func (s *Server) putMapping(c *call) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	for _, ix := range indices {
		if err := ix.mapBody(c.body); err != nil {
			return nil, err
		}
	}
	return map[string]any{"acknowledged": true}, nil
}

func (s *Server) getMapping(c *call) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	out := map[string]any{}
	for _, ix := range indices {
		out[ix.backing] = map[string]any{"mappings": ix.mapping()}
	}
	return out, nil
}

// mapping prints the fields as a tree of properties.
func (ix *index) mapping() map[string]any {
	root := map[string]any{}
	at := func(path []string) map[string]any {
		node := root
		for i, name := range path {
			holder := "properties"
			if f := ix.fields[strings.Join(path[:i], ".")]; f != nil {
				holder = "fields"
			}
			children, _ := node[holder].(map[string]any)
			if children == nil {
				children = map[string]any{}
				node[holder] = children
			}
			child, _ := children[name].(map[string]any)
			if child == nil {
				child = map[string]any{}
				children[name] = child
			}
			node = child
		}
		return node
	}
	for name, f := range ix.fields {
		node := at(strings.Split(name, "."))
		node["type"] = f.typ
		if f.limit > 0 {
			node["ignore_above"] = f.limit
		}
	}
	return root
}

func (s *Server) putTemplate(c *call) (any, error) {
	o, err := parseObject(c.body)
	if err != nil {
		return nil, err
	}
	if key, ok := o.stray("index_patterns", "data_stream", "template", "priority", "version", "_meta"); ok {
		return nil, bad("x_content_parse_exception", "[1:1] [index_template] unknown field [%s]", key)
	}
	t := Template{DataStream: o["data_stream"] != nil, Mapping: map[string]string{}, settings: defaultSettings()}
	if o["index_patterns"] == nil {
		return nil, illegal("Required [index_patterns]")
	}
	if t.Patterns, err = parseNames(o["index_patterns"]); err != nil {
		return nil, err
	}
	if o["template"] != nil {
		inner, err := parseObject(o["template"])
		if err != nil {
			return nil, err
		}
		if key, ok := inner.stray("mappings", "settings", "aliases"); ok {
			return nil, bad("x_content_parse_exception", "[1:1] [template] unknown field [%s]", key)
		}
		if t.settings, err = s.parseSettings(inner["settings"]); err != nil {
			return nil, err
		}
		trial, err := newIndex("template", Template{}, 0, time.Now())
		if err == nil && inner["mappings"] != nil {
			err = trial.mapBody(inner["mappings"])
		}
		if err != nil {
			return nil, err
		}
		t.StringsAsKeyword = trial.template.StringsAsKeyword
		for name, f := range trial.fields {
			if !f.sub {
				t.Mapping[name] = f.typ
			}
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.templates = append([]Template{t}, s.templates...)
	return map[string]any{"acknowledged": true}, nil
}

func (s *Server) catIndices(c *call) (any, error) {
	if c.params.Get("format") != "json" {
		return nil, illegal("only format=json is simulated")
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	out := []any{}
	for _, ix := range indices {
		size := 0
		for _, d := range ix.docs {
			size += len(d.source)
		}
		out = append(out, map[string]any{
			"health": "green", "status": "open", "index": ix.backing, "uuid": ix.uuid, "pri": strconv.Itoa(s.config.Shards), "rep": "0",
			"docs.count": strconv.Itoa(len(ix.docs)), "docs.deleted": "0", "store.size": strconv.Itoa(size) + "b", "pri.store.size": strconv.Itoa(size) + "b",
		})
	}
	return out, nil
}

func (s *Server) health(c *call) (any, error) {
	if want := c.params.Get("wait_for_status"); want != "" && !slices.Contains([]string{"green", "yellow", "red"}, want) {
		c.status = http.StatusBadRequest
		return nil, illegal("unknown cluster health status [%s]", want)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := len(s.indices) * s.config.Shards
	return map[string]any{
		"cluster_name": "estest", "status": "green", "timed_out": false, "number_of_nodes": 1, "number_of_data_nodes": 1,
		"active_primary_shards": n, "active_shards": n, "relocating_shards": 0, "initializing_shards": 0, "unassigned_shards": 0,
		"delayed_unassigned_shards": 0, "number_of_pending_tasks": 0, "number_of_in_flight_fetch": 0,
		"task_max_waiting_in_queue_millis": 0, "active_shards_percent_as_number": double(100),
	}, nil
}
