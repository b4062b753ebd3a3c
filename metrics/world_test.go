package metrics_test

import (
	"cmp"
	"context"
	"slices"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/metrics"
)

// line is one log line of the pretended fleet.
type line struct {
	at      time.Time
	host    string
	slot    string
	status  int           // 0: could not be read
	took    time.Duration // 0: could not be read
	probe   bool          // a health check: no traffic, but a sign of life
	arrives time.Time
}

// logs is a source over lines in memory, written independently of the real one.
type logs struct {
	now   time.Time
	lines []line
	asked int
	last  metrics.Query
	fail  error
}

func (l *logs) Collect(_ context.Context, q metrics.Query) (metrics.Batch, error) {
	l.asked++
	l.last = q
	if l.fail != nil {
		return metrics.Batch{}, l.fail
	}
	b := metrics.Batch{Hosts: map[string]metrics.Host{}}
	buckets := map[time.Time]*metrics.Bucket{}
	for _, x := range l.lines {
		if x.arrives.After(l.now) || x.at.Before(q.From) {
			continue
		}
		h := b.Hosts[x.host]
		if x.at.After(h.Watermark) {
			h.Watermark = x.at
		}
		if fresh := x.slot == q.New; !x.probe && x.at.Before(q.To) && (fresh || slices.Contains(q.Old, x.slot)) {
			if fresh {
				if h.First.IsZero() || x.at.Before(h.First) {
					h.First = x.at
				}
				if x.at.Before(q.Settled) {
					h.Requests++
				}
			}
			l.count(q, buckets, &b, x, fresh)
		}
		b.Hosts[x.host] = h
	}
	for _, k := range buckets {
		b.Buckets = append(b.Buckets, *k)
	}
	slices.SortFunc(b.Buckets, func(a, b metrics.Bucket) int { return cmp.Compare(a.Start.UnixNano(), b.Start.UnixNano()) })
	return b, nil
}

func (l *logs) count(q metrics.Query, buckets map[time.Time]*metrics.Bucket, b *metrics.Batch, x line, fresh bool) {
	start := x.at.Truncate(q.Bucket)
	if buckets[start] == nil {
		empty := func() metrics.Cell { return metrics.Cell{Tallies: make([]metrics.Tally, len(q.Metrics))} }
		buckets[start] = &metrics.Bucket{Start: start, New: empty(), Old: empty()}
	}
	cell, cover := &buckets[start].Old, &b.Old
	if fresh {
		cell, cover = &buckets[start].New, &b.New
	}
	cell.Requests++
	cover.Lines++
	if x.status > 0 {
		cover.Status++
	}
	if x.took > 0 {
		cover.Duration++
	}
	for i, m := range q.Metrics {
		bad, readable := x.status >= m.StatusFrom, x.status > 0
		if m.Kind == metrics.Slow {
			bad, readable = x.took > m.SlowerThan || x.status >= 500, x.took > 0
		}
		first, seen := q.Quiet[x.host]
		if !readable || fresh && m.SkipFirst > 0 && seen && x.at.Before(first.Add(m.SkipFirst)) {
			continue
		}
		cell.Tallies[i].Total++
		if bad {
			cell.Tallies[i].Bad++
		}
	}
}

func (l *logs) Fields(context.Context) (metrics.Facts, error) { return metrics.Facts{}, nil }

func (l *logs) Traffic(context.Context, metrics.Survey) (metrics.Facts, error) {
	return metrics.Facts{}, nil
}

// scene is a fleet of four servers that has just begun a rollout.
type scene struct {
	t     *testing.T
	logs  *logs
	judge *metrics.Judge
	since time.Time
	on    []string
}

var fleet = []string{"web-1", "web-2", "web-3", "web-4"}

const (
	newSlot = "app.domain.com-3457"
	oldSlot = "app.domain.com-3456"
)

func begin(t *testing.T, change func(*metrics.Options)) *scene {
	t.Helper()
	s := &scene{t: t, since: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), on: []string{"web-1"}}
	s.logs = &logs{now: s.since}
	o := metrics.Options{
		Source: s.logs, New: newSlot, Old: []string{oldSlot}, Servers: fleet, Since: s.since,
		Now:     func() time.Time { return s.logs.now },
		Metrics: []metrics.Metric{{Name: "errors", Kind: metrics.Errors, Limit: metrics.Limit{Rho: 1.5, Delta: 0.001}}},
	}
	if change != nil {
		change(&o)
	}
	var err error
	if s.judge, err = metrics.New(o); err != nil {
		t.Fatal(err)
	}
	return s
}

// flow is what every server does in a stretch of time.
type flow struct {
	perSecond int
	bad       int           // of the new slot's answers, one in this many is a 500; 0: none
	took      time.Duration // by the new slot
	late      time.Duration
	edit      func(*line) bool // false drops the line
}

// run lets d pass, with a poll every five seconds, and returns the last verdict.
func (s *scene) run(d time.Duration, f flow) canary.Verdict {
	s.t.Helper()
	var v canary.Verdict
	for end := s.logs.now.Add(d); s.logs.now.Before(end); {
		for range 5 {
			s.second(f)
			s.logs.now = s.logs.now.Add(time.Second)
		}
		var err error
		if v, err = s.judge.Judge(s.t.Context(), s.on); err != nil {
			s.t.Fatal(err)
		}
		if v.Answer == canary.Fail {
			return v
		}
	}
	return v
}

func (s *scene) second(f flow) {
	for _, host := range fleet {
		slot, took := oldSlot, 50*time.Millisecond
		if slices.Contains(s.on, host) {
			slot, took = newSlot, max(f.took, 50*time.Millisecond)
		}
		for i := range f.perSecond {
			n := len(s.logs.lines)
			x := line{at: s.logs.now, host: host, slot: slot, status: 200, took: took}
			if slot == newSlot && f.bad > 0 && n%f.bad == 0 {
				x.status = 500
			}
			x.at = x.at.Add(time.Duration(i) * time.Second / time.Duration(f.perSecond))
			x.arrives = x.at.Add(f.late)
			if f.edit == nil || f.edit(&x) {
				s.logs.lines = append(s.logs.lines, x)
			}
		}
	}
}

func (s *scene) want(v canary.Verdict, answer canary.Answer) {
	s.t.Helper()
	if v.Answer != answer {
		s.t.Fatalf("the answer is %q (%s), want %q", v.Answer, v.Reason, answer)
	}
}
