package metrics

import (
	"context"
	"slices"
	"time"
)

// Source delivers counts. Every method honours its context, and fails rather than answer with a count that it is not
// sure of: zero errors must mean that there were none.
type Source interface {
	// Collect counts the requests of both arms.
	Collect(context.Context, Query) (Batch, error)
	// Fields looks at what every count relies on and no traffic is needed for: the fields, and the operator's filter. It fills in
	// Facts.Problems and Facts.Filter; an error is a source that could not be asked.
	Fields(context.Context) (Facts, error)
	// Traffic tries, on old's traffic, everything that Collect will rely on. It can be trusted where Fields has found nothing fatal.
	Traffic(context.Context, Survey) (Facts, error)
}

// Check looks at a source's fields and, unless something fatal is wrong with them, at its traffic.
func Check(ctx context.Context, s Source, v Survey) (Facts, error) {
	fields, err := s.Fields(ctx)
	if err != nil || fields.Fatal() {
		return fields, err
	}
	facts, err := s.Traffic(ctx, v)
	if err != nil {
		return Facts{}, err
	}
	facts.Problems, facts.Filter = append(fields.Problems, facts.Problems...), fields.Filter
	return facts, nil
}

// Fatal reports whether something is wrong that no verdict can be trusted with.
func (f Facts) Fatal() bool {
	return slices.ContainsFunc(f.Problems, func(p Problem) bool { return p.Fatal })
}

// Query is what one poll asks for.
type Query struct {
	New     string   // slot
	Old     []string // slots
	Hosts   []string // every server whose lines count, as Server.Name
	Metrics []Metric
	From    time.Time // a multiple of Bucket since 1970
	To      time.Time
	Bucket  time.Duration
	// Quiet is until when the requests to the new slot of a host do not count for metrics with a SkipFirst: when the
	// host's first request came. SkipFirst is to be added.
	Quiet map[string]time.Time
	// Settled bounds Host.Requests.
	Settled time.Time
}

// Batch is the answer to one poll.
type Batch struct {
	Buckets  []Bucket        // in order of Start; empty ones may be left out
	Hosts    map[string]Host // by the names of Query.Hosts; a host without lines may be left out
	New, Old Coverage
	Text     string // the query as a person can ask it again; no secrets
}

// Bucket is one short stretch of time.
type Bucket struct {
	Start    time.Time
	New, Old Cell
}

// Cell is what one arm did in a bucket. Health checks and our own requests are left out.
type Cell struct {
	Requests int64
	Tallies  []Tally // one for each of Query.Metrics, in their order
}

// Host is what the source has from one server.
type Host struct {
	Watermark time.Time // of the newest line, health checks included; the zero value: none
	First     time.Time // of the first request to the new slot; the zero value: none
	Requests  int64     // to the new slot, before Query.Settled
}

// Coverage says how many of an arm's lines could be read.
type Coverage struct {
	Lines    int64
	Status   int64         // lines that have a status
	Duration int64         // lines that have a response time
	P50      time.Duration // response times, to show; decisions are never made on them
	P95      time.Duration
	P99      time.Duration
}

// Survey is what a preflight asks for.
type Survey struct {
	Old      []string // slots
	Hosts    []string // every server of the fleet, as Server.Name
	Metrics  []Metric
	From, To time.Time // usually the last hour
}

// Facts is what a preflight found about old's traffic.
type Facts struct {
	Problems []Problem
	Coverage
	Hosts    map[string]HostFacts
	Span     time.Duration      // how much of time the counts are from
	Rate     float64            // requests per second of all servers together
	Baseline map[string]Tally   // old's bad requests, by the name of the metric
	Phi      map[string]float64 // dispersion, 1 to 20, by the name of the metric
	Bursts   float64            // dispersion of the request counts themselves, at least 1
	Lag      time.Duration      // how late the newest line of the latest server is
	Filter   string             // how the source understood the operator's own filter; empty: there is none
	Text     string             // the query as a person can ask it again; no secrets
}

// HostFacts is what a preflight found about one server.
type HostFacts struct {
	Lines, Status, Duration int64
	Watermark               time.Time
}

// ProblemKind is what is wrong with a source's data.
type ProblemKind string

// The kinds of problems.
const (
	FieldMissing   ProblemKind = "field-missing"    // no index has the field
	FieldType      ProblemKind = "field-type"       // it cannot be used as it has to be
	FieldConflict  ProblemKind = "field-conflict"   // indices disagree about its type
	NoTraffic      ProblemKind = "no-traffic"       // old has no lines at all
	HostSilent     ProblemKind = "host-silent"      // a server has no lines
	Unreadable     ProblemKind = "unreadable"       // lines lack their status or their response time
	TimeZone       ProblemKind = "time-zone"        // lines come from the future
	BadFilter      ProblemKind = "bad-filter"       // the operator's own filter cannot be read
	HealthChecksIn ProblemKind = "health-checks-in" // they cannot be told from requests
)

// Problem is one thing that is wrong, and what a person can do about it.
type Problem struct {
	Kind    ProblemKind
	Subject string // the field or server
	Text    string // one sentence
	Fatal   bool   // the verdict would rest on nothing
}

func (p Problem) String() string { return p.Text }
