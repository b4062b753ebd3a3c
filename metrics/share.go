package metrics

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"iiscanary/canary"
)

// Share is the check that the new version gets its share of the requests: neither far fewer per server than old, as when
// requests vanish before they reach a log, nor far more, as when a server that fails fast attracts them.
type Share struct {
	Off    bool
	Factor float64       // tolerated ratio of requests per server, either way; above 1; 0: 3
	Alpha  float64       // chance of a false alarm in one rollout, both directions together; 0: 1e-4
	Phi    float64       // dispersion of the request counts, 1 to 1000; 0: 10, as requests come in bursts
	Answer canary.Answer // of the sample when the share is wrong: Unsure (the default) or Fail
	Settle time.Duration // how long after a server joined its share may still grow (slow start)
}

const shareName = "share"

func (s Share) complete() (Share, error) {
	s.Factor = orElse(s.Factor, 3)
	s.Alpha = orElse(s.Alpha, defaultAlpha)
	s.Phi = orElse(s.Phi, 10)
	s.Answer = orElse(s.Answer, canary.Unsure)
	switch {
	case s.Factor <= 1:
		return s, fmt.Errorf("share: a factor of %g tolerates nothing", s.Factor)
	case s.Alpha <= 0 || s.Alpha > 0.5:
		return s, fmt.Errorf("share: alpha %g is not above 0 and up to 0.5", s.Alpha)
	case s.Phi < 1 || s.Phi > 1000:
		return s, fmt.Errorf("share: dispersion %g is not from 1 to 1000", s.Phi)
	case s.Answer != canary.Unsure && s.Answer != canary.Fail:
		return s, fmt.Errorf("share: the answer %q is neither unsure nor fail", s.Answer)
	case s.Settle < 0:
		return s, errors.New("share: settle is negative")
	}
	return s, nil
}

// presence is a time during which exactly these servers ran the new slot in rotation, as the polls saw it.
type presence struct {
	on       []string
	from, to time.Time
}

// present notes a poll. Only the time between two polls with the same servers is known: elsewhere servers are on their way.
func present(seen []presence, on []string, now time.Time) []presence {
	on = slices.Sorted(slices.Values(on))
	if n := len(seen); n > 0 && slices.Equal(seen[n-1].on, on) {
		seen[n-1].to = now
		return seen
	}
	return append(seen, presence{on: on, from: now, to: now})
}

// share weighs the numbers of requests against the numbers of servers. ok is false where there is nothing to compare.
func (p *poll) share() (sample canary.Sample, ok bool) {
	c := p.j.o.Share
	if c.Off || p.everywhere() {
		return canary.Sample{}, false
	}
	few := newOdds(Limit{Rho: c.Factor}, volumeEffects(), c.Phi)
	many := newOdds(Limit{Rho: c.Factor}, volumeEffects(), c.Phi)
	few.reserve()
	many.reserve()
	var got [2]int64
	var weight [2]int64
	for i, s := range p.j.spans {
		if i > 0 {
			few.begin(len(p.j.o.Servers))
			many.begin(len(p.j.o.Servers))
		}
		fresh, old := int64(len(s.on)), int64(len(p.j.o.Servers)-len(s.on))
		begin, end := s.from.Add(c.Settle), slices.MinFunc([]time.Time{s.to, p.until}, time.Time.Compare)
		k := p.requests(begin, end)
		for _, b := range k {
			few.add(Tally{Bad: b[1], Total: old}, Tally{Bad: b[0], Total: fresh})
			many.add(Tally{Bad: b[0], Total: fresh}, Tally{Bad: b[1], Total: old})
			got[0], got[1] = got[0]+b[0], got[1]+b[1]
			weight[0], weight[1] = weight[0]+fresh, weight[1]+old
		}
	}
	return c.sample(few, many, got, weight), true
}

// requests is both arms' numbers of requests in the buckets that lie within [begin, end].
func (p *poll) requests(begin, end time.Time) [][2]int64 {
	var out [][2]int64
	for _, b := range p.judged {
		if !b.Start.Before(begin) && !b.Start.Add(p.query.Bucket).After(end) {
			out = append(out, [2]int64{b.New.Requests, b.Old.Requests})
		}
	}
	return out
}

func (c Share) sample(few, many *odds, got, weight [2]int64) canary.Sample {
	s := canary.Sample{
		Metric: shareName, Answer: canary.Pass, Limit: fmt.Sprintf("%g x per server, either way", c.Factor),
		New: canary.Count{Requests: got[0]}, Old: canary.Count{Requests: got[1]},
		Odds: max(few.value(), many.value()), Need: -math.Log(c.Alpha / 2),
	}
	have, want := ratio(got[0], got[1]), ratio(weight[0], weight[1])
	s.Reason = fmt.Sprintf("the new version got %s of the requests (%s of %s), its share of the servers is %s",
		percent(have), grouped(got[0]), grouped(got[0]+got[1]), percent(want))
	if s.Odds < s.Need {
		return s
	}
	s.Answer = c.Answer
	if few.value() > many.value() {
		s.Reason += ": requests vanish before they reach its log"
	} else {
		s.Reason += ": it attracts requests, as a server does that fails fast"
	}
	return s
}

func ratio(a, b int64) float64 {
	if a+b == 0 {
		return 0
	}
	return float64(a) / float64(a+b)
}
