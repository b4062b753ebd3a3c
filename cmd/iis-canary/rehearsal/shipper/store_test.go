package shipper_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// store is the _bulk endpoint of an Elasticsearch that can be told to misbehave.
type store struct {
	*httptest.Server
	mu     sync.Mutex
	docs   map[string]map[string]any
	order  []string
	worker func(call int, id string) int // status of an item; 0: store it
	refuse func(call int) int            // status of a request; 0: work
	lose   func(call int) bool           // store everything, then cut the connection
	calls  int
	auth   string
	t      *testing.T
}

func newStore(t *testing.T) *store {
	s := &store{docs: map[string]map[string]any{}, t: t}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *store) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	s.auth = r.Header.Get("Authorization")
	if r.Method != http.MethodPost || r.URL.Path != "/_bulk" || r.Header.Get("Content-Type") != "application/x-ndjson" {
		s.t.Errorf("unexpected request %s %s %v", r.Method, r.URL, r.Header)
	}
	if s.refuse != nil && s.refuse(s.calls) != 0 {
		w.WriteHeader(s.refuse(s.calls))
		return
	}
	dec := json.NewDecoder(r.Body)
	items := []any{}
	for {
		var action struct {
			Create struct {
				Index string `json:"_index"`
				ID    string `json:"_id"`
			} `json:"create"`
		}
		var doc map[string]any
		if err := dec.Decode(&action); err == io.EOF {
			break
		} else if err != nil || action.Create.Index != "logs" || action.Create.ID == "" || dec.Decode(&doc) != nil {
			s.t.Errorf("malformed bulk: %+v %v", action, err)
			return
		}
		items = append(items, map[string]any{"create": map[string]any{"status": s.create(action.Create.ID, doc)}})
	}
	if s.lose != nil && s.lose(s.calls) {
		panic(http.ErrAbortHandler)
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"items": items}); err != nil {
		s.t.Error(err)
	}
}

func (s *store) create(id string, doc map[string]any) int {
	if s.worker != nil {
		if status := s.worker(s.calls, id); status != 0 {
			return status
		}
	}
	if s.docs[id] != nil {
		return http.StatusConflict
	}
	s.docs[id] = doc
	s.order = append(s.order, id)
	return http.StatusCreated
}

// queries is url.query of the documents in the order of their arrival.
func (s *store) queries() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := []string{}
	for _, id := range s.order {
		u, _ := s.docs[id]["url"].(map[string]any)
		out = append(out, fmt.Sprint(u["query"]))
	}
	return out
}
