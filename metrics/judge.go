package metrics

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"iiscanary/canary"
)

// Options say what a [Judge] judges.
type Options struct {
	Source  Source
	New     string   // slot
	Old     []string // slots
	Servers []string // the whole fleet, as Server.Name
	Metrics []Metric
	Since   time.Time        // when the rollout began; everything since then is evidence
	Now     func() time.Time // the World's clock; nil: time.Now

	Bucket      time.Duration // 0: 5 s; becomes longer in rollouts of hours
	Slack       time.Duration // lines this much older than a server's newest may still be missing; 0: 1 s
	MaxLag      time.Duration // a server silent for longer is no witness; 0: 60 s
	Patience    time.Duration // how long a metric with OnNoData Revert may stay unreadable; 0: 2 min
	MinRequests int64         // requests judged on every server that runs the new slot, before a pass; 0: 20
	Share       Share         // the check of new's share of the requests
}

const (
	defaultBucket      = 5 * time.Second
	defaultSlack       = time.Second
	defaultMaxLag      = time.Minute
	defaultPatience    = 2 * time.Minute
	defaultMinRequests = 20
	mostBuckets        = 1440
	coverageFloor      = 0.95              // of old's share of readable lines
	proven             = 4.605170185988092 // ln 100
)

// Judge weighs the traffic of one rollout. It implements [canary.Judge] and may be used by several goroutines.
type Judge struct {
	o Options

	mu       sync.Mutex
	refused  *canary.Verdict
	spans    []presence
	first    map[string]time.Time // first request to the new slot of each server
	settled  time.Time            // watermark of the poll before
	began    time.Time            // of the first poll
	readable map[string]time.Time // when each metric could last be read
}

var _ canary.Judge = (*Judge)(nil)

// New checks the options. The error names the option that makes no sense.
func New(o Options) (*Judge, error) {
	o.Bucket = orElse(o.Bucket, defaultBucket)
	o.Slack = orElse(o.Slack, defaultSlack)
	o.MaxLag = orElse(o.MaxLag, defaultMaxLag)
	o.Patience = orElse(o.Patience, defaultPatience)
	o.MinRequests = orElse(o.MinRequests, defaultMinRequests)
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("judging %s: %w", o.New, err)
	}
	o.Metrics = slices.Clone(o.Metrics)
	names := map[string]bool{shareName: true}
	for i, m := range o.Metrics {
		complete, err := m.complete()
		if err != nil {
			return nil, fmt.Errorf("judging %s: %w", o.New, err)
		}
		if names[m.Name] {
			return nil, fmt.Errorf("judging %s: the name %q is taken", o.New, m.Name)
		}
		names[m.Name] = true
		o.Metrics[i] = complete
	}
	var err error
	if o.Share, err = o.Share.complete(); err != nil {
		return nil, fmt.Errorf("judging %s: %w", o.New, err)
	}
	return &Judge{o: o, first: map[string]time.Time{}, readable: map[string]time.Time{}}, nil
}

func orElse[T comparable](v, otherwise T) T {
	var zero T
	if v == zero {
		return otherwise
	}
	return v
}

func (o Options) check() error {
	switch {
	case o.Source == nil:
		return errors.New("no source")
	case o.New == "":
		return errors.New("no name for the new slot")
	case slices.Contains(o.Old, o.New):
		return errors.New("the new slot is among the old ones")
	case len(o.Servers) == 0:
		return errors.New("no servers")
	case len(o.Metrics) == 0:
		return errors.New("no metrics")
	case o.Since.IsZero():
		return errors.New("no time at which the rollout began")
	case o.Bucket < time.Millisecond || o.Bucket%time.Millisecond != 0:
		return fmt.Errorf("a bucket of %s is no whole number of milliseconds", o.Bucket)
	case o.Slack < 0 || o.MaxLag < 0 || o.Patience < 0 || o.MinRequests < 0:
		return errors.New("slack, longest lag, patience and least requests cannot be negative")
	}
	return nil
}

// Judge asks the source for everything since the rollout began and weighs it. It answers Fail as soon as one metric's
// evidence crosses its bar, and from then on for good; Pass when nothing did and every server in on has been judged by enough
// requests up to a recent watermark, Verdict.Until; Unsure otherwise, and says why. An error is a poll that could not
// be read.
func (j *Judge) Judge(ctx context.Context, on []string) (canary.Verdict, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.refused != nil {
		return *j.refused, nil
	}
	if len(on) == 0 {
		return canary.Verdict{Answer: canary.Unsure, Reason: "no server runs " + j.o.New + " yet"}, nil
	}
	for _, name := range on {
		if !slices.Contains(j.o.Servers, name) {
			return canary.Verdict{}, fmt.Errorf("judging %s: %s is no server of this fleet", j.o.New, name)
		}
	}
	now := j.o.Now()
	if j.began.IsZero() {
		j.began = now
	}
	j.spans = present(j.spans, on, now)
	batch, q, err := j.collect(ctx, now)
	if err != nil {
		return canary.Verdict{}, fmt.Errorf("judging %s: %w", j.o.New, err)
	}
	p := j.newPoll(batch, q, on, now)
	v := p.verdict()
	j.settled = p.until
	if v.Answer == canary.Fail {
		j.refused = &v
	}
	return v, nil
}

// collect asks until the source has been told when the first request of every server came, so that SkipFirst is exact.
func (j *Judge) collect(ctx context.Context, now time.Time) (Batch, Query, error) {
	q := j.query(now)
	for left := 3; ; left-- {
		b, err := j.o.Source.Collect(ctx, q)
		if err != nil {
			return Batch{}, q, err
		}
		if err := b.check(q); err != nil {
			return Batch{}, q, err
		}
		if !j.learn(b) || !j.skips() || left == 1 {
			return b, q, nil
		}
		q.Quiet = maps.Clone(j.first)
	}
}

func (j *Judge) query(now time.Time) Query {
	bucket := j.o.Bucket
	for now.Sub(j.o.Since)/bucket > mostBuckets {
		bucket *= 2
	}
	ms := bucket.Milliseconds()
	from := time.UnixMilli(j.o.Since.UnixMilli() / ms * ms).UTC()
	return Query{
		New: j.o.New, Old: slices.Clone(j.o.Old), Hosts: slices.Clone(j.o.Servers), Metrics: slices.Clone(j.o.Metrics),
		From: from, To: now.UTC(), Bucket: bucket, Quiet: maps.Clone(j.first), Settled: j.settled,
	}
}

// learn notes when each server's first request came, and says whether that is news. A first request only moves back.
func (j *Judge) learn(b Batch) bool {
	news := false
	for name, h := range b.Hosts {
		known, ok := j.first[name]
		if !h.First.IsZero() && (!ok || h.First.Before(known)) {
			j.first[name], news = h.First, true
		}
	}
	return news
}

func (j *Judge) skips() bool {
	return slices.ContainsFunc(j.o.Metrics, func(m Metric) bool { return m.SkipFirst > 0 })
}

// check refuses a batch that does not answer its query.
func (b Batch) check(q Query) error {
	for i, k := range b.Buckets {
		if i > 0 && !k.Start.After(b.Buckets[i-1].Start) {
			return fmt.Errorf("the source's buckets are out of order at %s", k.Start)
		}
		for _, c := range []Cell{k.New, k.Old} {
			if len(c.Tallies) != len(q.Metrics) || c.Requests < 0 {
				return fmt.Errorf("the source's bucket of %s lacks counts", k.Start)
			}
			for _, t := range c.Tallies {
				if t.Bad < 0 || t.Bad > t.Total {
					return fmt.Errorf("the source counts %d bad of %d requests at %s", t.Bad, t.Total, k.Start)
				}
			}
		}
	}
	return nil
}

// verdict puts the samples together.
func (p *poll) verdict() canary.Verdict {
	v := canary.Verdict{Answer: canary.Pass, Until: p.until, Lag: p.lag}
	var bad, open, good []string
	for i, m := range p.j.o.Metrics {
		s := p.sample(i)
		v.Evidence = append(v.Evidence, s)
		switch answer := p.policy(m, s.Answer); answer {
		case canary.Fail:
			bad = append(bad, m.Name+": "+s.Reason)
		case canary.Unsure:
			open = append(open, s.Reason)
		default:
			good = append(good, m.Name+": "+s.Reason)
		}
	}
	if s, ok := p.share(); ok {
		v.Evidence = append(v.Evidence, s)
		switch s.Answer {
		case canary.Fail:
			bad = append(bad, s.Reason)
		case canary.Unsure:
			open = append(open, s.Reason)
		}
	}
	switch {
	case len(bad) > 0:
		v.Answer, v.Reason = canary.Fail, strings.Join(bad, "; ")
	case len(open) > 0:
		v.Answer, v.Reason = canary.Unsure, strings.Join(distinct(open), "; ")
	default:
		v.Reason = strings.Join(good, "; ")
	}
	return v
}

func distinct(words []string) []string {
	var out []string
	for _, w := range words {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// policy turns a metric that cannot be read into what the operator wants it to be.
func (p *poll) policy(m Metric, a canary.Answer) canary.Answer {
	if a != canary.Unsure {
		p.j.readable[m.Name] = p.now
		return a
	}
	switch m.OnNoData {
	case Continue:
		return canary.Pass
	case Revert:
		if p.now.Sub(orElse(p.j.readable[m.Name], p.j.began)) >= p.j.o.Patience {
			return canary.Fail
		}
	}
	return canary.Unsure
}
