package estest

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// call is one request to an endpoint.
type call struct {
	request *http.Request
	params  url.Values
	path    map[string]string // what stood in the braces
	body    []byte
	faults  Faults
	status  int // of the answer; 0: 200
}

func (c *call) flag(name string) bool {
	return c.params.Has(name) && c.params.Get(name) != "false"
}

// read takes the body in; one without a JSON content type is refused.
func (c *call) read() error {
	var err error
	if c.params, err = url.ParseQuery(c.request.URL.RawQuery); err != nil {
		return illegal("failed to parse the query string: %v", err)
	}
	in := http.MaxBytesReader(nil, c.request.Body, maxBody)
	if c.request.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(in)
		if err != nil {
			return bad("z_i_p_exception", "%v", err)
		}
		in = http.MaxBytesReader(nil, unzipped, maxBody)
	}
	if c.body, err = io.ReadAll(in); err != nil {
		return &failure{status: http.StatusRequestEntityTooLarge, typ: "content_too_long_exception", reason: err.Error()}
	}
	if len(c.body) == 0 {
		return nil
	}
	kind, _, _ := strings.Cut(c.request.Header.Get("Content-Type"), ";")
	switch kind = strings.TrimSpace(strings.ToLower(kind)); kind {
	case "application/json", "application/x-ndjson", "application/vnd.elasticsearch+json", "application/vnd.elasticsearch+x-ndjson":
		return nil
	case "":
		return &plainError{http.StatusNotAcceptable, "Content-Type header is missing", "", false}
	}
	return &plainError{http.StatusNotAcceptable, "Content-Type header [" + c.request.Header.Get("Content-Type") + "] is not supported", "", false}
}

func (c *call) checkParams(r route) error {
	var stray []string
	for key := range c.params {
		if !slices.Contains(r.params, key) && !slices.Contains([]string{"pretty", "human", "error_trace", "filter_path"}, key) {
			stray = append(stray, "["+key+"]")
		}
	}
	if len(stray) == 0 {
		return nil
	}
	slices.Sort(stray)
	word := "parameter"
	if len(stray) > 1 {
		word = "parameters"
	}
	return illegal("request [%s] contains unrecognized %s: %s", c.request.URL.Path, word, strings.Join(stray, ", "))
}

// plainError is an answer whose error is a sentence, as the REST layer itself gives it.
type plainError struct {
	status int
	reason string
	allow  string // the Allow header
	bare   bool   // without "status"
}

func (e *plainError) Error() string { return e.reason }

func (s *Server) reply(w http.ResponseWriter, c *call, answer any, err error) {
	status := c.status
	var fail *failure
	var plain *plainError
	switch {
	case errors.As(err, &fail):
		status, answer = fail.status, fail.body()
	case errors.As(err, &plain):
		body := map[string]any{"error": plain.reason, "status": plain.status}
		if plain.bare {
			delete(body, "status")
		}
		if plain.allow != "" {
			w.Header().Set("Allow", plain.allow)
		}
		status, answer = plain.status, body
	case err != nil:
		fail = &failure{status: http.StatusInternalServerError, typ: "exception", reason: err.Error()}
		status, answer = fail.status, fail.body()
	}
	if status == 0 {
		status = http.StatusOK
	}
	kind := "application/json"
	if strings.Contains(c.request.Header.Get("Accept"), "application/vnd.elasticsearch+json") {
		kind = "application/vnd.elasticsearch+json;compatible-with=8"
	}
	w.Header().Set("Content-Type", kind)
	raw, err := json.Marshal(answer)
	if err != nil {
		status, raw = http.StatusInternalServerError, fmt.Appendf(nil, "{\"error\":%q,\"status\":500}", err)
	}
	w.WriteHeader(status)
	if c.request.Method != http.MethodHead && answer != nil {
		_, _ = w.Write(raw) // a client that went away needs no answer
	}
}
