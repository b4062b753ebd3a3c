package estest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strconv"
	"strings"
)

// failure is an Elasticsearch exception: {"error":{"root_cause":[...],"type":...,"reason":...},"status":...}.
type failure struct {
	status int
	typ    string
	reason string
	extra  map[string]any // further keys of the exception
	cause  *failure
}

func (f *failure) Error() string { return f.typ + ": " + f.reason }

func bad(typ, format string, args ...any) *failure {
	return &failure{status: http.StatusBadRequest, typ: typ, reason: fmt.Sprintf(format, args...)}
}

func parsing(format string, args ...any) *failure {
	f := bad("parsing_exception", format, args...)
	f.extra = map[string]any{"line": 1, "col": 1}
	return f
}

func illegal(format string, args ...any) *failure {
	return bad("illegal_argument_exception", format, args...)
}

// exception is the failure without its root cause, as it appears inside others.
func (f *failure) exception() map[string]any {
	out := map[string]any{"type": f.typ, "reason": f.reason}
	maps.Copy(out, f.extra)
	if f.cause != nil {
		out["caused_by"] = f.cause.exception()
	}
	return out
}

func (f *failure) body() map[string]any {
	e := f.exception()
	if _, has := e["root_cause"]; !has {
		root := f.exception()
		delete(root, "caused_by")
		e["root_cause"] = []any{root}
	}
	return map[string]any{"error": e, "status": f.status}
}

// onShards is a failure that every shard of an index met while it worked on a search.
func onShards(f *failure, ix *index) *failure {
	if f.extra == nil {
		f.extra = map[string]any{}
	}
	if f.typ == "query_shard_exception" {
		f.extra["index"], f.extra["index_uuid"] = ix.backing, ix.uuid
	}
	shard := map[string]any{"shard": 0, "index": ix.backing, "node": nodeID, "reason": f.exception()}
	root := f.exception()
	delete(root, "caused_by")
	out := &failure{
		status: f.status, typ: "search_phase_execution_exception", reason: "all shards failed",
		extra: map[string]any{"phase": "query", "grouped": true, "failed_shards": []any{shard}, "root_cause": []any{root}},
	}
	if f.typ != "query_shard_exception" { // no exception of Elasticsearch's own: it is said twice more
		inner := *f
		inner.cause = nil
		out.cause = &inner
		said := inner
		out.cause.cause = &said
	}
	return out
}

// double prints a float64 as Java does: 0.5, 42.0, 1.7637E12; not a number is null.
type double float64

// MarshalJSON follows Java's Double.toString: plain between 1e-3 and 1e7, otherwise with an exponent.
func (d double) MarshalJSON() ([]byte, error) {
	v := float64(d)
	switch a := max(v, -v); {
	case v != v || a > 1.7976931348623157e308:
		return []byte("null"), nil
	case v == 0:
		return []byte("0.0"), nil
	case a >= 1e-3 && a < 1e7:
		s := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(s, ".") {
			s += ".0"
		}
		return []byte(s), nil
	default:
		mantissa, exponent, _ := strings.Cut(strconv.FormatFloat(v, 'E', -1, 64), "E")
		if !strings.Contains(mantissa, ".") {
			mantissa += ".0"
		}
		n, err := strconv.Atoi(exponent)
		return []byte(mantissa + "E" + strconv.Itoa(n)), err
	}
}

var _ json.Marshaler = double(0)
