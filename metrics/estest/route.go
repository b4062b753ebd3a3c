package estest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	nodeID  = "q7XvT0mJQ0uWQm1rIis7cA"
	version = "8.5.3"
	// maxBody is http.max_content_length.
	maxBody = 100 << 20
)

// route is one endpoint: its path (a part in braces takes anything that does not begin with an underscore), its methods and
// the parameters that it knows.
type route struct {
	path    []string
	methods []string
	name    string // in Calls
	params  []string
	serve   func(*call) (any, error)
}

func (s *Server) table() []route {
	resolve := []string{"allow_no_indices", "ignore_unavailable", "expand_wildcards"}
	lucene := []string{"q", "df", "default_operator", "lenient", "analyze_wildcard", "analyzer"}
	search := slices.Concat(resolve, lucene, []string{"allow_partial_search_results", "preference", "size", "from", "sort", "_source",
		"_source_includes", "_source_excludes", "track_total_hits", "timeout", "typed_keys", "request_cache", "routing", "search_type",
		"rest_total_hits_as_int", "batched_reduce_size", "ccs_minimize_roundtrips", "max_concurrent_shard_requests", "ignore_throttled"})
	write := []string{"refresh", "routing", "timeout", "wait_for_active_shards", "pipeline", "require_alias", "op_type"}
	bulk := append([]string{"_source", "_source_includes", "_source_excludes", "require_data_stream"}, write...)
	manage := []string{"timeout", "master_timeout", "wait_for_active_shards"}
	of := func(path, methods, name string, params []string, serve func(*call) (any, error)) route {
		return route{strings.Split(strings.Trim(path, "/"), "/"), strings.Fields(methods), name, params, serve}
	}
	return []route{
		of("/", "GET HEAD", "info", nil, s.info),
		of("/_bulk", "POST PUT", "_bulk", bulk, s.bulk),
		of("/{index}/_bulk", "POST PUT", "_bulk", bulk, s.bulk),
		of("/{index}/_doc", "POST", "_doc", write, s.indexDocument),
		of("/{index}/_doc/{id}", "POST PUT", "_doc", write, s.indexDocument),
		of("/{index}/_doc/{id}", "GET HEAD", "_doc", []string{"routing", "realtime", "refresh", "preference"}, s.getDocument),
		of("/{index}/_create/{id}", "POST PUT", "_create", write, s.createDocument),
		of("/_search", "GET POST", "_search", search, s.search),
		of("/{index}/_search", "GET POST", "_search", search, s.search),
		of("/_count", "GET POST", "_count", slices.Concat(resolve, lucene, []string{"preference", "routing"}), s.count),
		of("/{index}/_count", "GET POST", "_count", slices.Concat(resolve, lucene, []string{"preference", "routing"}), s.count),
		of("/{index}/_delete_by_query", "POST", "_delete_by_query", slices.Concat(resolve, lucene, []string{"conflicts", "refresh", "routing", "scroll_size", "slices", "timeout",
			"wait_for_completion"}), s.deleteByQuery),
		of("/_field_caps", "GET POST", "_field_caps", append([]string{"fields", "include_unmapped"}, resolve...), s.fieldCaps),
		of("/{index}/_field_caps", "GET POST", "_field_caps", append([]string{"fields", "include_unmapped"}, resolve...), s.fieldCaps),
		of("/{index}/_validate/query", "GET POST", "_validate", slices.Concat(resolve, lucene, []string{"explain", "rewrite", "all_shards"}), s.validate),
		of("/_refresh", "GET POST", "_refresh", resolve, s.refresh),
		of("/{index}/_refresh", "GET POST", "_refresh", resolve, s.refresh),
		of("/_cat/indices", "GET", "_cat", []string{"format", "h", "s", "v", "bytes", "expand_wildcards"}, s.catIndices),
		of("/_cat/indices/{index}", "GET", "_cat", []string{"format", "h", "s", "v", "bytes", "expand_wildcards"}, s.catIndices),
		of("/_cluster/health", "GET", "_cluster", append([]string{"wait_for_status", "level", "local"}, manage...), s.health),
		of("/_index_template/{template}", "PUT POST", "_index_template", append([]string{"create", "cause"}, manage...), s.putTemplate),
		of("/{index}", "PUT", "create", manage, s.createIndex),
		of("/{index}", "DELETE", "delete", append(resolve, manage...), s.deleteIndex),
		of("/{index}", "HEAD", "exists", append([]string{"local"}, resolve...), s.exists),
		of("/{index}/_mapping", "GET", "_mapping", append(resolve, manage...), s.getMapping),
		of("/{index}/_mapping", "PUT POST", "_mapping", append(resolve, manage...), s.putMapping),
	}
}

// writes says whether the route takes documents: it is reached with any name, and refuses those that no index may have.
func (r route) writes() bool { return slices.Contains(r.params, "op_type") }

// matches says whether a path is the route's, and what stands in its braces.
func (r route) matches(parts []string) (map[string]string, bool) {
	if len(parts) != len(r.path) {
		return nil, false
	}
	found := map[string]string{}
	for i, want := range r.path {
		name, isVariable := strings.CutPrefix(want, "{")
		if !isVariable {
			if parts[i] != want {
				return nil, false
			}
			continue
		}
		if name = strings.TrimSuffix(name, "}"); parts[i] == "" || name == "index" && strings.HasPrefix(parts[i], "_") && parts[i] != "_all" && !r.writes() {
			return nil, false
		}
		found[name] = parts[i]
	}
	return found, true
}

// ServeHTTP answers one request; see the package comment for what it promises.
func (s *Server) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	c := &call{request: request}
	r, err := s.route(c)
	name := "other"
	if err == nil {
		name = r.name
	}
	c.faults = s.fault(name)
	if c.faults.Latency > 0 {
		wait := time.NewTimer(c.faults.Latency)
		defer wait.Stop()
		select {
		case <-wait.C:
		case <-request.Context().Done():
		}
	}
	if c.faults.Down {
		panic(http.ErrAbortHandler) // the documented way to cut a connection
	}
	if !c.faults.DropProductHeader {
		w.Header().Set("X-Elastic-Product", "Elasticsearch")
	}
	var answer any
	if err == nil {
		answer, err = s.work(c, r, w.Header())
	}
	s.reply(w, c, answer, err)
}

func (s *Server) work(c *call, r route, header http.Header) (any, error) {
	if c.faults.Status != 0 {
		return nil, overloaded(c.faults.Status)
	}
	if err := s.authenticate(c, header); err != nil {
		return nil, err
	}
	if err := c.read(); err != nil {
		return nil, err
	}
	if s.config.Overhear != nil {
		s.config.Overhear(c.request, c.body)
	}
	if err := c.checkParams(r); err != nil {
		return nil, err
	}
	answer, err := r.serve(c)
	if paths := c.params.Get("filter_path"); paths != "" && err == nil {
		return filtered(answer, strings.Split(paths, ","))
	}
	return answer, err
}

func overloaded(status int) *failure {
	switch status {
	case http.StatusTooManyRequests:
		return &failure{status: status, typ: "es_rejected_execution_exception", reason: "rejected execution of TimedRunnable on EsThreadPoolExecutor[name = " + nodeID + "/search, queue capacity = 1000]"}
	case http.StatusServiceUnavailable:
		return &failure{status: status, typ: "cluster_block_exception", reason: "blocked by: [SERVICE_UNAVAILABLE/2/no master];"}
	}
	return &failure{status: status, typ: "exception", reason: http.StatusText(status)}
}

// route finds the endpoint of a request.
func (s *Server) route(c *call) (route, error) {
	parts := strings.Split(strings.Trim(c.request.URL.EscapedPath(), "/"), "/")
	for i, part := range parts {
		decoded, err := url.PathUnescape(part)
		if err != nil {
			return route{}, illegal("invalid path: %v", err)
		}
		parts[i] = decoded
	}
	var allowed []string
	for _, r := range s.routes {
		found, ok := r.matches(parts)
		if !ok {
			continue
		}
		if slices.Contains(r.methods, c.request.Method) {
			c.path = found
			return r, nil
		}
		allowed = append(allowed, r.methods...)
	}
	uri, method := c.request.URL.RequestURI(), c.request.Method
	if len(allowed) > 0 {
		slices.Sort(allowed)
		list := strings.Join(slices.Compact(allowed), ", ")
		return route{}, &plainError{http.StatusMethodNotAllowed, "Incorrect HTTP method for uri [" + uri + "] and method [" + method + "], allowed: [" + list + "]", list, false}
	}
	return route{}, &plainError{http.StatusBadRequest, "no handler found for uri [" + uri + "] and method [" + method + "]", "", true}
}
