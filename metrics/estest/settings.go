package estest

import (
	"encoding/json"
	"math"
	"strings"
	"time"
)

// settings are those of an index, as far as they are simulated.
type settings struct {
	replicas int
	refresh  time.Duration // 0: the node's own
}

func defaultSettings() settings { return settings{replicas: 1} }

// parseSettings reads {"index": {"refresh_interval": "1s"}}, also flat and without "index".
func (s *Server) parseSettings(raw json.RawMessage) (settings, error) {
	out := defaultSettings()
	if raw == nil {
		return out, nil
	}
	flat := object{}
	if err := flatten("", raw, flat); err != nil {
		return out, err
	}
	for _, key := range flat.keys() {
		name := "index." + strings.TrimPrefix(key, "index.")
		var n int
		var err error
		switch name {
		case "index.number_of_replicas":
			if n, err = parseInt(name, flat[key]); err == nil && n < 0 {
				err = illegal("Failed to parse value [%d] for setting [%s] must be >= 0", n, name)
			}
			out.replicas = n
		case "index.number_of_shards":
			if n, err = parseInt(name, flat[key]); err == nil && n != s.config.Shards {
				err = illegal("[%s] is simulated as %d only", name, s.config.Shards)
			}
		case "index.refresh_interval":
			out.refresh, err = parseRefresh(name, flat[key])
		default:
			err = illegal("unknown setting [%s] please check that any required plugins are installed, or check the breaking changes documentation for removed settings", name)
		}
		if err != nil {
			return out, err
		}
	}
	return out, nil
}

// flatten turns objects within objects into keys with dots.
func flatten(prefix string, raw json.RawMessage, into object) error {
	o, err := parseObject(raw)
	if err != nil {
		return err
	}
	for _, key := range o.keys() {
		if tokenName(o[key]) != "START_OBJECT" {
			into[prefix+key] = o[key]
			continue
		}
		if err := flatten(prefix+key+".", o[key], into); err != nil {
			return err
		}
	}
	return nil
}

// parseRefresh reads an interval; -1 is never.
func parseRefresh(name string, raw json.RawMessage) (time.Duration, error) {
	text, err := parseString(name, raw)
	if err != nil {
		return 0, err
	}
	if text == "-1" {
		return math.MaxInt64 / 4, nil
	}
	return parseInterval(name, text)
}

func (s *Server) createIndex(c *call) (any, error) {
	body := object{}
	if len(c.body) > 0 {
		var err error
		if body, err = parseObject(c.body); err != nil {
			return nil, err
		}
	}
	if key, ok := body.stray("mappings", "settings", "aliases"); ok {
		return nil, bad("parse_exception", "unknown key [%s] for create index", key)
	}
	wanted, err := s.parseSettings(body["settings"])
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := c.path["index"]
	if held := s.indices[name]; held != nil {
		f := bad("resource_already_exists_exception", "index [%s/%s] already exists", name, held.uuid)
		f.extra = map[string]any{"index": name, "index_uuid": held.uuid}
		return nil, f
	}
	ix, err := s.open(name, time.Now())
	if err != nil {
		return nil, err
	}
	if body["settings"] != nil {
		ix.apply(wanted)
	}
	if body["mappings"] != nil {
		if err := ix.mapBody(body["mappings"]); err != nil {
			delete(s.indices, name)
			return nil, err
		}
	}
	return map[string]any{"acknowledged": true, "shards_acknowledged": true, "index": name}, nil
}

// mapDynamic reads dynamic templates, of which the one is simulated that makes every string a keyword.
func (ix *index) mapDynamic(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	list, err := parseList(raw)
	if err != nil {
		return err
	}
	for _, item := range list {
		o, err := parseObject(item)
		if err != nil {
			return err
		}
		name, body, ok := o.sole()
		if !ok {
			return mapperParsing("A dynamic template must be defined with a name")
		}
		if o, err = parseObject(body); err != nil {
			return err
		}
		if key, stray := o.stray("match_mapping_type", "mapping"); stray {
			return mapperParsing("Illegal dynamic template parameter: [%s]", key)
		}
		var mapping struct{ Type string }
		if string(o["match_mapping_type"]) != `"string"` || json.Unmarshal(o["mapping"], &mapping) != nil || mapping.Type != "keyword" {
			return mapperParsing("the dynamic template [%s] is not simulated: only strings as keywords are", name)
		}
		ix.template.StringsAsKeyword = true
	}
	return nil
}
