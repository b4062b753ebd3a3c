package metrics

import (
	"fmt"
	"math"
	"slices"
	"time"

	"iiscanary/canary"
)

// poll is one reading of the source, with what it is worth.
type poll struct {
	j      *Judge
	batch  Batch
	query  Query
	on     []string // servers that run the new slot
	now    time.Time
	judged []Bucket // those that are complete
	until  time.Time
	lag    time.Duration
	open   []string // why no metric can pass yet
}

func (j *Judge) newPoll(b Batch, q Query, on []string, now time.Time) *poll {
	p := &poll{j: j, batch: b, query: q, on: on, now: now}
	p.complete()
	p.scarce()
	return p
}

// complete sets until: before it, every server that is a witness has delivered its lines. A server that has been silent for
// too long is no witness, lest one dead server hides the errors of the others; but a pass needs every server in on.
func (p *poll) complete() {
	var live, late []time.Time
	for _, name := range p.j.o.Servers {
		mark := p.batch.Hosts[name].Watermark
		age := p.now.Sub(mark)
		switch {
		case age < -clockError:
			p.open = append(p.open, clockwise(name, -age))
			continue
		case age <= p.j.o.MaxLag:
			live = append(live, mark)
			continue
		case !mark.IsZero():
			late = append(late, mark)
		}
		if slices.Contains(p.on, name) {
			p.open = append(p.open, p.silence(name, mark))
		}
	}
	if len(live) == 0 && len(late) > 0 {
		live = late
		p.open = append([]string{fmt.Sprintf("the newest log line of any server is %s old: log lines are late, or are not shipped any more",
			span(p.now.Sub(slices.MaxFunc(late, time.Time.Compare))))}, p.open...)
	}
	if len(live) == 0 {
		return
	}
	slowest := slices.MinFunc(append(live, p.now), time.Time.Compare)
	p.lag = p.now.Sub(slowest)
	p.until = slowest.Add(-p.j.o.Slack)
	for _, b := range p.batch.Buckets {
		if !b.Start.Add(p.query.Bucket).After(p.until) {
			p.judged = append(p.judged, b)
		}
	}
}

// clockError is how far a server's clock may be ahead before its log times count as wrong.
const clockError = 5 * time.Minute

func (p *poll) silence(name string, mark time.Time) string {
	if mark.IsZero() {
		return fmt.Sprintf("no logs from %s since the rollout began %s ago: nothing is written, nothing is shipped, or its log times are behind UTC",
			name, span(p.now.Sub(p.j.o.Since)))
	}
	return fmt.Sprintf("no logs from %s for %s", name, span(p.now.Sub(mark)))
}

// clockwise names what lies behind lines from the future: whole half hours are a time zone, anything else is a clock.
func clockwise(name string, ahead time.Duration) string {
	const zone = 30 * time.Minute
	if off := ahead - ahead.Round(zone); off.Abs() < clockError && ahead >= zone-clockError {
		return fmt.Sprintf("log times of %s are %s ahead: local time is read as UTC somewhere in its log pipeline", name, span(ahead.Round(zone)))
	}
	return fmt.Sprintf("log times of %s are %s ahead: its clock is wrong", name, span(ahead))
}

// scarce notes which servers in on have not been judged by enough requests.
func (p *poll) scarce() {
	for _, name := range p.on {
		if n := p.batch.Hosts[name].Requests; n < p.j.o.MinRequests {
			p.open = append(p.open, fmt.Sprintf("only %s of %s on %s judged so far, %d are needed",
				plural(n, "request"), p.j.o.New, name, p.j.o.MinRequests))
		}
	}
}

// everywhere reports whether the whole fleet runs the new slot, so that there is no old arm any more.
func (p *poll) everywhere() bool {
	return !slices.ContainsFunc(p.j.o.Servers, func(s string) bool { return !slices.Contains(p.on, s) })
}

// sample judges one metric.
func (p *poll) sample(i int) canary.Sample {
	m := p.j.o.Metrics[i]
	w := p.weigh(i, p.j.odds(m))
	s := canary.Sample{
		Metric: m.Name, Limit: m.Limit.String(), Odds: w.odds.value(), Need: -math.Log(m.Alpha),
		New: w.fresh.count(), Old: w.old.count(),
	}
	if w.odds.peak >= s.Need {
		s.Answer, s.Odds, s.Reason = canary.Fail, w.odds.peak, w.accuse(m)
		return s
	}
	if why := p.unreadable(i, w); why != "" {
		s.Answer, s.Reason = canary.Unsure, why
		return s
	}
	s.Answer, s.Reason = canary.Pass, w.acquit(m)
	if m.Proof == (Limit{}) {
		return s
	}
	proof := p.weigh(i, newOdds(m.Proof, benignEffects(), m.Phi)).odds.peak
	if proof < proven {
		s.Answer = canary.Unsure
		s.Reason += fmt.Sprintf("; not yet proven better than %s: %.0f of 100 points of evidence", m.Proof, min(math.Exp(proof), 99))
		return s
	}
	s.Reason += fmt.Sprintf("; proven better than %s", m.Proof)
	return s
}

// odds is the test of a metric's limit. In a fleet of several servers every one that joins begins a run of its own.
func (j *Judge) odds(m Metric) *odds {
	o := newOdds(m.Limit, m.effects(), m.Phi)
	if len(j.o.Servers) > 1 {
		o.reserve()
	}
	return o
}

// unreadable says why a metric without a breach is no pass either; empty: it is one.
func (p *poll) unreadable(i int, w weighed) string {
	m := p.j.o.Metrics[i]
	if len(p.open) > 0 {
		return p.open[0]
	}
	if why := p.uncovered(m); why != "" {
		return why
	}
	if w.fresh.Total < p.j.o.MinRequests {
		return fmt.Sprintf("only %s judged so far, %d are needed", plural(w.fresh.Total, "request"), p.j.o.MinRequests)
	}
	if m.Limit.Rho > 0 && w.alone {
		return "no server runs the old version any more, and its rate before the rollout is not known: nothing to compare with"
	}
	if m.Limit.Rho > 0 && w.compared < fill {
		return fmt.Sprintf("only %s to the old version in the same seconds: nothing to compare with", plural(w.compared, "request"))
	}
	for _, name := range p.on {
		if ends := p.j.first[name].Add(m.SkipFirst); m.SkipFirst > 0 && p.until.Before(ends.Add(p.query.Bucket)) {
			return fmt.Sprintf("the first %s of %s do not count for %s", span(m.SkipFirst), name, m.Name)
		}
	}
	return ""
}

// uncovered compares how many lines could be read on both arms.
func (p *poll) uncovered(m Metric) string {
	read := func(c Coverage) int64 {
		if m.Kind == Slow {
			return c.Duration
		}
		return c.Status
	}
	what := map[Kind]string{Errors: "a status", Slow: "a response time"}[m.Kind]
	fresh, old := p.batch.New, p.batch.Old
	if fresh.Lines < fill {
		return ""
	}
	have, want, beside := float64(read(fresh))/float64(fresh.Lines), 1.0, ""
	if old.Lines >= fill {
		want = float64(read(old)) / float64(old.Lines)
		beside = fmt.Sprintf(", %s of the old version's", percent(want))
	}
	if have < coverageFloor*want || have == 0 {
		return fmt.Sprintf("unreadable data: %s of the new version's log lines have %s%s", percent(have), what, beside)
	}
	return ""
}
