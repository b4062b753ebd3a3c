package estest

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"
)

// hit is a document that a search found, with the values that it is sorted by.
type hit struct {
	ix   *index
	doc  *document
	keys []cell
}

func (s *Server) search(c *call) (any, error) {
	r, err := parseSearch(c.body, c.flag("typed_keys"))
	if err != nil {
		return nil, err
	}
	if err := r.parseParams(c.params); err != nil {
		return nil, err
	}
	began := time.Now()
	s.mu.RLock()
	defer s.mu.RUnlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	shards, failures, err := s.shards(indices, r.partial, c.faults.PartialShards)
	if err != nil {
		return nil, err
	}
	top := r.aggs.bucket()
	hits, total, err := r.run(indices, top, c.faults.PartialShards, s.config.Shards, began)
	if err != nil {
		return nil, err
	}
	out := map[string]any{"timed_out": c.faults.TimedOut, "_shards": shards}
	if len(failures) > 0 {
		shards["failures"] = failures
	}
	if out["hits"], err = r.answer(hits, total); err != nil {
		return nil, err
	}
	if len(r.aggs.parts) > 0 {
		aggs := map[string]any{}
		if err := top.into(aggs); err != nil {
			return nil, err
		}
		out["aggregations"] = aggs
	}
	out["took"] = time.Since(began).Milliseconds()
	return out, nil
}

// shards is the _shards part of an answer, and what failed. Without partial results a failed shard fails the search.
func (s *Server) shards(indices []*index, partial bool, broken int) (map[string]any, []any, error) {
	total := len(indices) * s.config.Shards
	broken = min(broken, total)
	failures := []any{}
	reason := map[string]any{"type": "node_disconnected_exception", "reason": "[" + nodeID + "][127.0.0.1:9300][indices:data/read/search[phase/query]] disconnected"}
	for i := range broken {
		failures = append(failures, map[string]any{"shard": i % s.config.Shards, "index": indices[i/s.config.Shards].backing, "node": nodeID, "reason": reason})
	}
	if broken > 0 && (!partial || broken == total) {
		return nil, nil, &failure{
			status: http.StatusServiceUnavailable, typ: "search_phase_execution_exception", reason: "Partial shards failure",
			extra: map[string]any{"phase": "query", "grouped": true, "failed_shards": failures, "root_cause": []any{reason}},
		}
	}
	return map[string]any{"total": total, "successful": total - broken, "skipped": 0, "failed": broken}, failures, nil
}

// run finds the documents of all indices; those on broken shards are left out.
func (r *searchRequest) run(indices []*index, top *bucket, broken, shards int, now time.Time) ([]hit, int, error) {
	var hits []hit
	total := 0
	for i, ix := range indices {
		bound, fields, err := r.bind(ix)
		if err != nil {
			return nil, 0, r.shardError(err, ix, indices)
		}
		for _, d := range ix.between(bound.from, bound.to) {
			if !ix.searchable(d, now.UnixNano()) || i*shards+int(d.sequence)%shards < broken || !bound.match(d) {
				continue
			}
			total++
			top.collect(d)
			if r.size > 0 {
				hits = append(hits, hit{ix, d, sortValues(d, fields, r.sort)})
			}
		}
	}
	slices.SortFunc(hits, r.compare)
	return hits, total, nil
}

func (r *searchRequest) bind(ix *index) (clause, []*field, error) {
	bound, err := r.query.bind(ix)
	if err != nil {
		return clause{}, nil, err
	}
	if err := r.aggs.bind(ix); err != nil {
		return clause{}, nil, err
	}
	fields, err := r.sortFields(ix)
	return bound, fields, err
}

// shardError is what the search fails with when it cannot be bound to one of the indices. Partial results of the others are not
// simulated.
func (r *searchRequest) shardError(err error, ix *index, indices []*index) error {
	f, ok := err.(*failure)
	if !ok {
		return err
	}
	out := onShards(f, ix)
	for _, other := range indices {
		if _, _, err := r.bind(other); err == nil {
			out.reason, out.cause = "Partial shards failure", nil
		}
	}
	return out
}

func (r *searchRequest) sortFields(ix *index) ([]*field, error) {
	out := make([]*field, len(r.sort))
	for i, key := range r.sort {
		if key.field == "_doc" || key.field == "_score" {
			continue
		}
		f := ix.fields[key.field]
		switch {
		case f == nil && !key.unmapped:
			fail := bad("query_shard_exception", "No mapping found for [%s] in order to sort on", key.field)
			return nil, fail
		case f != nil && f.family == texts:
			return nil, fielddata(key.field, ix)
		}
		out[i] = f
	}
	return out, nil
}

// sortValues takes the lowest of several values upwards, the highest downwards, as Elasticsearch does.
func sortValues(d *document, fields []*field, keys []sortKey) []cell {
	out := make([]cell, len(fields))
	for i, f := range fields {
		out[i] = emptyCell()
		switch {
		case keys[i].field == "_score":
			out[i].number = 1
		case f == nil:
			out[i].number = float64(d.sequence)
			if keys[i].field != "_doc" {
				out[i] = emptyCell()
			}
		default:
			if held := f.values(d); len(held) > 0 {
				out[i] = slices.MinFunc(held, compareCells)
				if keys[i].down {
					out[i] = slices.MaxFunc(held, compareCells)
				}
			}
		}
	}
	return out
}

func compareCells(x, y cell) int {
	return cmp.Or(cmp.Compare(valueText(x), valueText(y)), cmp.Compare(x.number, y.number))
}

func (r *searchRequest) compare(x, y hit) int {
	for i, key := range r.sort {
		a, b := x.keys[i], y.keys[i]
		if a.absent() != b.absent() {
			if a.absent() == key.missingFirst {
				return -1
			}
			return 1
		}
		c := compareCells(a, b)
		if key.down {
			c = -c
		}
		if c != 0 {
			return c
		}
	}
	return cmp.Or(strings.Compare(x.ix.name, y.ix.name), cmp.Compare(x.doc.sequence, y.doc.sequence))
}

func (r *searchRequest) answer(hits []hit, total int) (map[string]any, error) {
	out := map[string]any{"max_score": nil}
	switch {
	case r.plainTotal:
		out["total"] = total
	case r.total >= 0 && total > r.total:
		out["total"] = map[string]any{"value": r.total, "relation": "gte"}
	case r.total >= 0:
		out["total"] = map[string]any{"value": total, "relation": "eq"}
	}
	list := []any{}
	for _, h := range hits[min(r.from, len(hits)):min(r.from+r.size, len(hits))] {
		entry := map[string]any{"_index": h.ix.backing, "_id": h.doc.id, "_score": double(1)}
		if len(r.sort) > 0 {
			entry["_score"], entry["sort"] = nil, h.sortAnswer(r.sort)
		} else {
			out["max_score"] = double(1)
		}
		if r.wantVersion {
			entry["_version"] = h.doc.version
		}
		if r.source.on {
			source, err := r.source.apply(h.doc.source)
			if err != nil {
				return nil, err
			}
			entry["_source"] = source
		}
		list = append(list, entry)
	}
	out["hits"] = list
	return out, nil
}

func (h hit) sortAnswer(keys []sortKey) []any {
	out := make([]any, len(keys))
	for i, key := range keys {
		f := h.ix.fields[key.field]
		switch {
		case h.keys[i].absent():
		case key.field == "_score":
			out[i] = double(1)
		case f == nil:
			out[i] = h.doc.sequence
		default:
			out[i], _ = f.keyOf(h.keys[i])
		}
	}
	return out
}
