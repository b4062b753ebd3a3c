package estest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// maxLine is the longest line of a bulk request.
const maxLine = 16 << 20

// write is one document on its way into an index.
type write struct {
	action string // index or create
	index  string
	id     string
	source []byte
}

// apply stores a document; the answer is that of a bulk item. wait is until when the caller who asked to be told has to wait.
func (s *Server) apply(w write, refresh string, now time.Time) (answer map[string]any, status int, visible time.Time, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if w.id == "" {
		w.id = rand.Text()[:20]
	}
	if len(w.id) > 512 {
		return nil, 0, visible, illegal("Document id cannot be longer than 512 bytes but was: %d bytes.", len(w.id))
	}
	ix, err := s.open(w.index, now)
	if err != nil {
		return nil, 0, visible, err
	}
	if ix.template.DataStream && w.action != "create" {
		return nil, 0, visible, illegal("only write ops with an op_type of create are allowed in data streams")
	}
	if held := ix.byID[w.id]; held != nil && w.action == "create" {
		return nil, 0, visible, &failure{
			status: http.StatusConflict, typ: "version_conflict_engine_exception",
			reason: "[" + w.id + "]: version conflict, document already exists (current version [1])",
			extra:  map[string]any{"index": ix.backing, "index_uuid": ix.uuid, "shard": "0"},
		}
	}
	d, err := ix.parse(w.id, w.source)
	if err != nil {
		return nil, 0, visible, err
	}
	result, status := "updated", http.StatusOK
	if ix.store(d, now) {
		result, status = "created", http.StatusCreated
	}
	ix.forget(now.Add(-s.config.Keep))
	if refresh == "true" {
		ix.fresh = d.arrived
	}
	return map[string]any{
		"_index": ix.backing, "_id": d.id, "_version": d.version, "result": result, "_seq_no": d.sequence, "_primary_term": 1,
		"_shards": map[string]any{"total": 1 + ix.replicas, "successful": 1, "failed": 0},
	}, status, time.Unix(0, d.visible), nil
}

// refreshParam reads ?refresh: "true", "wait_for" or "false".
func (c *call) refreshParam() (string, error) {
	switch v := c.params.Get("refresh"); {
	case !c.params.Has("refresh"):
		return "false", nil
	case v == "":
		return "true", nil
	case slices.Contains([]string{"true", "false", "wait_for"}, v):
		return v, nil
	default:
		return "", illegal("Unknown value for refresh: [%s].", v)
	}
}

// waitFor holds the answer back until a refresh has made the documents searchable.
func (c *call) waitFor(refresh string, visible time.Time) {
	if refresh != "wait_for" {
		return
	}
	timer := time.NewTimer(time.Until(visible))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-c.request.Context().Done():
	}
}

func (s *Server) indexDocument(c *call) (any, error) {
	action := "index"
	if v := c.params.Get("op_type"); v != "" {
		action = v
	}
	if action != "index" && action != "create" {
		return nil, illegal("opType must be 'create' or 'index', found: [%s]", action)
	}
	return s.writeOne(c, action)
}

func (s *Server) createDocument(c *call) (any, error) { return s.writeOne(c, "create") }

func (s *Server) writeOne(c *call, action string) (any, error) {
	refresh, err := c.refreshParam()
	if err != nil {
		return nil, err
	}
	if len(c.body) == 0 {
		return nil, parsing("request body is required")
	}
	answer, status, visible, err := s.apply(write{action, c.path["index"], c.path["id"], c.body}, refresh, time.Now())
	if err != nil {
		return nil, err
	}
	c.waitFor(refresh, visible)
	c.status = status
	if refresh == "true" {
		answer["forced_refresh"] = true
	}
	return answer, nil
}

func (s *Server) bulk(c *call) (any, error) {
	refresh, err := c.refreshParam()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	writes, err := parseBulk(c.body, c.path["index"])
	if err != nil {
		return nil, err
	}
	items, failed, latest := []any{}, false, time.Time{}
	for _, w := range writes {
		answer, status, visible, err := s.apply(w, refresh, time.Now())
		if err != nil {
			fail, ok := err.(*failure)
			if !ok {
				return nil, err
			}
			failed, status = true, fail.status
			answer = map[string]any{"_index": w.index, "_id": w.id, "error": fail.exception()}
			if w.id == "" {
				answer["_id"] = nil
			}
		}
		if visible.After(latest) {
			latest = visible
		}
		answer["status"] = status
		items = append(items, map[string]any{w.action: answer})
	}
	c.waitFor(refresh, latest)
	return map[string]any{"took": time.Since(began).Milliseconds(), "errors": failed, "items": items}, nil
}

// parseBulk reads pairs of lines, action and document; the last line ends with a newline, too.
func parseBulk(body []byte, index string) ([]write, error) {
	if len(body) == 0 {
		return nil, parsing("request body is required")
	}
	if body[len(body)-1] != '\n' {
		return nil, illegal("The bulk request must be terminated by a newline [\\n]")
	}
	var out []write
	lines := bufio.NewScanner(bytes.NewReader(body))
	lines.Buffer(make([]byte, 0, 64<<10), maxLine)
	for n := 1; lines.Scan(); n++ {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		w, err := parseAction(lines.Bytes(), index, n)
		if err != nil {
			return nil, err
		}
		if n++; !lines.Scan() {
			return nil, illegal("Malformed action/metadata line [%d], expected a document after it", n-1)
		}
		w.source = bytes.Clone(lines.Bytes())
		out = append(out, w)
	}
	if err := lines.Err(); err != nil {
		return nil, illegal("cannot read the bulk request: %v", err)
	}
	if len(out) == 0 {
		return nil, bad("action_request_validation_exception", "Validation Failed: 1: no requests added;")
	}
	return out, nil
}

func parseAction(line []byte, index string, n int) (write, error) {
	o, err := parseObject(line)
	if err != nil {
		return write{}, illegal("Malformed action/metadata line [%d], expected START_OBJECT: %v", n, err)
	}
	action, meta, ok := o.sole()
	if !ok {
		return write{}, illegal("Malformed action/metadata line [%d], expected FIELD_NAME but found [END_OBJECT]", n)
	}
	if action != "index" && action != "create" {
		return write{}, illegal("Malformed action/metadata line [%d], expected field [create], [delete], [index] or [update] but found [%s]; update and delete are not simulated", n, action)
	}
	details, err := parseObject(meta)
	if err != nil {
		return write{}, illegal("Malformed action/metadata line [%d], expected START_OBJECT but found [%s]", n, tokenName(meta))
	}
	if key, stray := details.stray("_index", "_id", "routing", "require_alias", "dynamic_templates", "list_executed_pipelines"); stray {
		return write{}, illegal("Action/metadata line [%d] contains an unknown parameter [%s]", n, key)
	}
	w := write{action: action, index: index}
	for key, to := range map[string]*string{"_index": &w.index, "_id": &w.id} {
		if raw := details[key]; raw != nil && tokenName(raw) != "VALUE_NULL" {
			if *to, err = parseString(key, raw); err != nil {
				return write{}, err
			}
		}
	}
	if w.index == "" {
		return write{}, bad("action_request_validation_exception", "Validation Failed: %d: index is missing;", n)
	}
	return w, nil
}

func (s *Server) getDocument(c *call) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ix := s.indices[c.path["index"]]
	if ix == nil {
		return nil, noIndex(c.path["index"])
	}
	d := ix.byID[c.path["id"]]
	if d == nil {
		c.status = http.StatusNotFound
		return map[string]any{"_index": ix.backing, "_id": c.path["id"], "found": false}, nil
	}
	return map[string]any{
		"_index": ix.backing, "_id": d.id, "_version": d.version, "_seq_no": d.sequence, "_primary_term": 1, "found": true,
		"_source": json.RawMessage(d.source),
	}, nil
}

func noIndex(name string) *failure {
	return &failure{
		status: http.StatusNotFound, typ: "index_not_found_exception", reason: "no such index [" + name + "]",
		extra: map[string]any{"resource.type": "index_or_alias", "resource.id": name, "index_uuid": "_na_", "index": name},
	}
}

// misnamed is what is wrong with the name of a new index.
func misnamed(name string) string {
	switch {
	case strings.ContainsAny(name, `\/*?"<>| ,`):
		return `must not contain the following characters ['\','/','*','?','"','<','>','|',' ',',']`
	case strings.Contains(name, "#"):
		return "must not contain '#'"
	case strings.Contains(name, ":"):
		return "must not contain ':'"
	case name == "" || strings.ContainsAny(name[:1], "_-+"):
		return "must not start with '_', '-', or '+'"
	case len(name) > 255:
		return fmt.Sprintf("index name is too long, (%d > 255)", len(name))
	case name == "." || name == "..":
		return "must not be '.' or '..'"
	case name != strings.ToLower(name):
		return "must be lowercase"
	}
	return ""
}

// open is the index of that name, made from the first template that fits when there is none.
func (s *Server) open(name string, now time.Time) (*index, error) {
	if ix := s.indices[name]; ix != nil {
		return ix, nil
	}
	if why := misnamed(name); why != "" {
		f := bad("invalid_index_name_exception", "Invalid index name [%s], %s", name, why)
		f.extra = map[string]any{"index": name, "index_uuid": "_na_"}
		return nil, f
	}
	chosen := Template{}
	for _, t := range s.templates {
		if slices.ContainsFunc(t.Patterns, func(p string) bool { return wildcard(p, name) }) {
			chosen = t
			break
		}
	}
	ix, err := newIndex(name, chosen, s.config.Refresh, now)
	if err == nil {
		s.indices[name] = ix
	}
	return ix, err
}
