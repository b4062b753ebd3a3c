package estest

import (
	"slices"
	"strings"
	"time"
)

// deleteByQuery removes the documents that a query finds among the searchable ones.
func (s *Server) deleteByQuery(c *call) (any, error) {
	if !strings.Contains(string(c.body), `"query"`) && !c.params.Has("q") {
		return nil, bad("action_request_validation_exception", "Validation Failed: 1: query is missing;")
	}
	q, err := c.parseQueryBody()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	indices, err := s.resolve(c)
	if err != nil {
		return nil, err
	}
	deleted, now := 0, time.Now().UnixNano()
	for _, ix := range indices {
		bound, err := q.bind(ix)
		if err != nil {
			return nil, err
		}
		doomed := map[*document]bool{}
		for _, d := range ix.between(bound.from, bound.to) {
			doomed[d] = ix.searchable(d, now) && bound.match(d)
		}
		before := len(ix.docs)
		ix.docs = slices.DeleteFunc(ix.docs, func(d *document) bool {
			if doomed[d] {
				delete(ix.byID, d.id)
			}
			return doomed[d]
		})
		deleted += before - len(ix.docs)
	}
	return map[string]any{"took": 1, "timed_out": false, "total": deleted, "deleted": deleted, "batches": min(deleted, 1), "version_conflicts": 0, "noops": 0,
		"retries": map[string]int{"bulk": 0, "search": 0}, "throttled_millis": 0, "requests_per_second": -1.0, "throttled_until_millis": 0, "failures": []any{}}, nil
}
