package elastic

import (
	"encoding/json"
	"fmt"
	"strings"
)

// InvalidError is an answer that cannot be trusted to be complete.
type InvalidError struct {
	Why string
}

func (e *InvalidError) Error() string { return "the answer cannot be trusted: " + e.Why }

// ProductError is a server that does not say it is Elasticsearch.
type ProductError struct {
	Err error
}

func (e *ProductError) Error() string {
	return "the server does not say that it is Elasticsearch (header X-Elastic-Product): set \"flavour: opensearch\" if it is OpenSearch, " +
		"otherwise let the proxy before it pass that header"
}

func (e *ProductError) Unwrap() error { return e.Err }

// StatusError is an answer with an HTTP status of 400 or above, after all retries.
type StatusError struct {
	Status int    // HTTP status
	Type   string // such as index_not_found_exception; may be empty
	Reason string // may be empty
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("answered with status %d", e.Status)
	if e.Type != "" {
		s += ", " + e.Type
	}
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if hint := e.hint(); hint != "" {
		s += " (" + hint + ")"
	}
	return s
}

func (e *StatusError) hint() string {
	switch {
	case e.Status == 401:
		return "check the API key, or user and password"
	case e.Status == 403:
		return "the key needs read and view_index_metadata on the index"
	case e.Status == 404:
		return "check the index name"
	case e.Status == 429:
		return "it has too much to do; poll less often"
	case e.Type == "too_many_buckets_exception" || strings.Contains(e.Reason, "too_many_buckets"):
		return "raise search.max_buckets, or use longer buckets"
	}
	return ""
}

// statusError reads an error body: {"error": {"type", "reason", "root_cause": [...]}, "status"}, or {"error": "text"}, or
// whatever a proxy says, which is not repeated.
func statusError(status int, body []byte) *StatusError {
	e := &StatusError{Status: status}
	var outer struct {
		Error json.RawMessage `json:"error"`
	}
	if json.Unmarshal(body, &outer) != nil {
		return e
	}
	var detail struct {
		Type      string                          `json:"type"`
		Reason    string                          `json:"reason"`
		RootCause []struct{ Type, Reason string } `json:"root_cause"`
	}
	if json.Unmarshal(outer.Error, &detail) != nil {
		var text string
		if json.Unmarshal(outer.Error, &text) == nil {
			e.Reason = oneLine(text)
		}
		return e
	}
	e.Type, e.Reason = detail.Type, detail.Reason
	if len(detail.RootCause) > 0 && detail.RootCause[0].Reason != "" {
		e.Type, e.Reason = detail.RootCause[0].Type, detail.RootCause[0].Reason
	}
	e.Type, e.Reason = oneLine(e.Type), oneLine(e.Reason)
	return e
}

func oneLine(s string) string {
	const longest = 300
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > longest {
		s = string(r[:longest]) + "..."
	}
	return s
}
