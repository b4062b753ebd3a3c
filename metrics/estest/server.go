package estest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"
)

// Config says what a simulated Elasticsearch is like. The zero value is an open node with one shard per index that
// refreshes at once and keeps documents for an hour.
type Config struct {
	Addr           string        // where to listen; "" is 127.0.0.1 with a free port
	TLS            *tls.Config   // nil: plain HTTP
	APIKey         string        // base64 of id:key, as a client sends it; "" with User "" leaves the node open
	User, Password string        // basic authentication, accepted beside the API key
	Refresh        time.Duration // refresh interval of every index; 0: documents are searchable at once
	Shards         int           // primary shards per index, at least 1
	Keep           time.Duration // how long documents are kept; 0: an hour
	Templates      []Template    // what a new index is like; the first pattern that matches wins

	// Overhear is called with every request that is let in, its body unpacked, from its goroutine; may be nil.
	Overhear func(r *http.Request, body []byte)
}

// Template gives indices whose name matches a pattern their mapping.
type Template struct {
	Patterns         []string          // index names with * as wildcard
	DataStream       bool              // documents are only created, never overwritten, and must carry @timestamp
	Mapping          map[string]string // full field name to type ("http.response.status_code": "long")
	StringsAsKeyword bool              // unmapped strings become keyword, as the ECS templates have it; otherwise text + .keyword
	settings         settings          // of a template that was put over HTTP
}

// Faults is what is wrong with the node from now on. The zero value is a healthy node.
type Faults struct {
	TimedOut          bool          // searches answer timed_out:true with what they found
	PartialShards     int           // this many shards of every search fail
	Status            int           // answer this status (429, 503, ...) instead of working
	StatusTimes       int           // how often Status is answered before the node recovers; 0: until changed
	DropProductHeader bool          // no X-Elastic-Product, as behind a proxy that strips it
	Latency           time.Duration // added to every answer
	Down              bool          // connections are cut without an answer
}

// Server is a running node.
type Server struct {
	config   Config
	listener net.Listener
	http     *http.Server
	served   chan struct{}
	routes   []route

	mu        sync.RWMutex // guards indices and templates
	indices   map[string]*index
	templates []Template

	state  sync.Mutex // guards faults and calls
	faults Faults
	calls  map[string]int
}

// New starts a node. It fails when the address cannot be bound or a template names an unknown type.
func New(config Config) (*Server, error) {
	config.Shards = max(config.Shards, 1)
	if config.Keep <= 0 {
		config.Keep = time.Hour
	}
	if config.Addr == "" {
		config.Addr = "127.0.0.1:0"
	}
	for _, t := range config.Templates {
		for name, typ := range t.Mapping {
			if _, known := families()[typ]; !known {
				return nil, fmt.Errorf("template %v maps %s as %q, which is no field type", t.Patterns, name, typ)
			}
		}
	}
	listener, err := net.Listen("tcp", config.Addr)
	if err != nil {
		return nil, fmt.Errorf("listen for the simulated Elasticsearch: %w", err)
	}
	s := &Server{
		config: config, listener: listener, served: make(chan struct{}), indices: map[string]*index{},
		templates: config.Templates, calls: map[string]int{},
	}
	s.routes = s.table()
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	if config.TLS != nil {
		s.listener = tls.NewListener(listener, config.TLS)
	}
	go func() {
		defer close(s.served)
		_ = s.http.Serve(s.listener) // always ends with ErrServerClosed, after Close
	}()
	return s, nil
}

// URL is the node's address, for a client's list of nodes.
func (s *Server) URL() string {
	scheme := "http"
	if s.config.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + s.listener.Addr().String()
}

// Close ends the node and everything that it was doing.
func (s *Server) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	err := s.http.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		err = s.http.Close()
	}
	<-s.served
	return err
}

// SetFaults replaces the faults, from the next request on.
func (s *Server) SetFaults(f Faults) {
	s.state.Lock()
	defer s.state.Unlock()
	s.faults = f
}

// Calls is how many requests each endpoint got, by name: "_search", "_bulk", "_field_caps", ...
func (s *Server) Calls() map[string]int {
	s.state.Lock()
	defer s.state.Unlock()
	return maps.Clone(s.calls)
}

// Documents is how many documents the index or data stream holds, searchable or not. An unknown one holds none.
func (s *Server) Documents(name string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if ix := s.indices[name]; ix != nil {
		return len(ix.docs)
	}
	return 0
}

// fault notes the call and says what is wrong with the node at this moment.
func (s *Server) fault(endpoint string) Faults {
	s.state.Lock()
	defer s.state.Unlock()
	s.calls[endpoint]++
	f := s.faults
	if s.faults.Status != 0 && s.faults.StatusTimes > 0 {
		if s.faults.StatusTimes--; s.faults.StatusTimes == 0 {
			s.faults.Status = 0
		}
	}
	return f
}
