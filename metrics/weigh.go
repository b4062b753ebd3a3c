package metrics

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"iiscanary/canary"
)

// weighed is a metric's evidence from all complete buckets.
type weighed struct {
	odds       *odds
	fresh, old Tally
	compared   int64 // old's requests, or those of its baseline
	baseline   Tally // what old's rate was frozen from; zero: it was compared in the same seconds
	alone      bool  // there is neither an old arm nor a baseline
}

// weigh compares both arms in the same seconds. Once the whole fleet runs the new slot there is no old arm any more: from its
// last request on, the limit is frozen at what old did before, in this rollout and in the hour before it, at the upper end of
// the 95 % interval, so that a thin baseline refuses nobody.
func (p *poll) weigh(metric int, o *odds) weighed {
	w := weighed{odds: o}
	m := p.j.o.Metrics[metric]
	shared, solo := p.judged, []Bucket(nil)
	if p.everywhere() && o.limit.Rho > 0 {
		shared, solo = split(p.judged)
	}
	joins := p.joins()
	for _, b := range blocksFor(o.limit, shared, metric) {
		joins = o.join(joins, b.start, len(p.j.o.Servers))
		o.add(b.fresh, b.old)
		w.fresh, w.old = w.fresh.plus(b.fresh), w.old.plus(b.old)
	}
	w.compared = w.old.Total
	if len(solo) == 0 {
		return w
	}
	baseline := m.Baseline.plus(w.old)
	if baseline.Total == 0 {
		w.alone = true
	}
	frozen := Limit{Delta: min(o.limit.Rho*upper(baseline)+o.limit.Delta, 1)}
	for _, b := range solo {
		joins = o.join(joins, b.Start, len(p.j.o.Servers))
		fresh := b.New.Tallies[metric]
		w.fresh = w.fresh.plus(fresh)
		if !w.alone {
			o.under(frozen, fresh, Tally{})
		}
	}
	w.baseline, w.compared = baseline, baseline.Total
	return w
}

// joins is when servers after the first one began to serve the new slot.
func (p *poll) joins() []time.Time {
	times := slices.SortedFunc(maps.Values(p.j.first), time.Time.Compare)
	return times[min(1, len(times)):]
}

// join begins a run for every server that has joined by then, and returns the joins still to come.
func (o *odds) join(joins []time.Time, by time.Time, servers int) []time.Time {
	for len(joins) > 0 && !joins[0].After(by) {
		joins = joins[1:]
		o.begin(servers)
	}
	return joins
}

// blocksFor merges buckets where both arms matter; an absolute limit takes them as they are.
func blocksFor(l Limit, buckets []Bucket, metric int) []block {
	if l.Rho > 0 {
		return blocks(buckets, metric)
	}
	out := make([]block, len(buckets))
	for i, b := range buckets {
		out[i] = block{start: b.Start, fresh: b.New.Tallies[metric], old: b.Old.Tallies[metric]}
	}
	return out
}

// split cuts after the last bucket in which old had a request.
func split(buckets []Bucket) (shared, solo []Bucket) {
	for i := len(buckets); i > 0; i-- {
		if buckets[i-1].Old.Requests > 0 {
			return buckets[:i], buckets[i:]
		}
	}
	return nil, buckets
}

// upper is the upper end of the one-sided 95 % Wilson interval of a rate (Wilson 1927, J. Am. Stat. Assoc. 22).
func upper(t Tally) float64 {
	if t.Total == 0 {
		return 1
	}
	const z = 1.6448536269514722
	n, p := float64(t.Total), t.rate()
	return (p + z*z/(2*n) + z*math.Sqrt(p*(1-p)/n+z*z/(4*n*n))) / (1 + z*z/n)
}

// accuse is the sentence of a breach. Its chance is the guarantee, not the evidence: no more than is proven is claimed.
func (w weighed) accuse(m Metric) string {
	return fmt.Sprintf("%s; if the new version were within %s, evidence this strong would appear in fewer than 1 of %s deployments",
		w.compare(m), m.Limit, grouped(int64(math.Round(1/m.Alpha))))
}

func (w weighed) acquit(m Metric) string { return w.compare(m) + "; within " + m.Limit.String() }

func (w weighed) compare(m Metric) string {
	s := fmt.Sprintf("%s of %s %s (%s)", grouped(w.fresh.Bad), plural(w.fresh.Total, "request"), m.verb(), percent(w.fresh.rate()))
	if m.Limit.Rho == 0 {
		return s
	}
	if w.baseline.Total > 0 {
		return s + fmt.Sprintf(", the old version had %s of %s (%s) before the last server changed",
			grouped(w.baseline.Bad), grouped(w.baseline.Total), percent(w.baseline.rate()))
	}
	return s + fmt.Sprintf(", the old version had %s of %s (%s) in the same seconds", grouped(w.old.Bad), grouped(w.old.Total), percent(w.old.rate()))
}

// count is a tally as the domain shows it.
func (t Tally) count() canary.Count { return canary.Count{Requests: t.Total, Bad: t.Bad} }
