package elbtest

import (
	"path"
	"time"
)

// pick chooses the target of a request, or nil when no target is registered, and counts it as in flight.
func (b *Balancer) pick(node int, uri string) (*group, *target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	g := b.groupFor(node, uri)
	candidates := b.candidates(g, node)
	if len(candidates) == 0 {
		return g, nil
	}
	g.turns[node]++
	chosen := candidates[g.turns[node]%len(candidates)]
	if g.Algorithm == "least_outstanding_requests" {
		chosen = leastOutstanding(candidates, g.turns[node])
	} else if g.SlowStart > 0 {
		chosen = g.ramped(candidates, g.turns[node])
	}
	chosen.target.inFlight++
	chosen.target.requests++
	return g, chosen.target
}

// groupFor applies the rules: path patterns first, in order, then the default rule, whose groups take turns.
func (b *Balancer) groupFor(node int, uri string) *group {
	var shared []*group
	for _, g := range b.groups {
		if g.NotInUse {
			continue
		}
		if g.PathPattern == "" {
			shared = append(shared, g)
		} else if ok, err := path.Match(g.PathPattern, uri); err == nil && ok {
			return g
		}
	}
	b.forwards[node]++
	return shared[b.forwards[node]%len(shared)]
}

// candidates are the healthy targets, or all registered ones when too few are healthy (fail-open).
func (b *Balancer) candidates(g *group, node int) []*seat {
	registered := g.seats[node]
	healthy := g.healthySeats(node)
	if b.anyStopped(g) {
		healthy = b.running(healthy)
	}
	enough := len(healthy) >= g.MinHealthyCount && 100*len(healthy) >= g.MinHealthyPercent*len(registered)
	if enough || len(registered) == 0 {
		return healthy
	}
	b.count("UnhealthyRoutingRequestCount")
	return registered
}

func (b *Balancer) anyStopped(g *group) bool {
	for _, t := range g.targets {
		if _, stopped := b.notRunning(t); stopped {
			return true
		}
	}
	return false
}

func (b *Balancer) running(seats []*seat) []*seat {
	var up []*seat
	for _, s := range seats {
		if _, stopped := b.notRunning(s.target); !stopped {
			up = append(up, s)
		}
	}
	return up
}

func (g *group) healthySeats(node int) []*seat {
	var healthy []*seat
	for _, s := range g.seats[node] {
		if s.state == seatHealthy {
			healthy = append(healthy, s)
		}
	}
	return healthy
}

// leastOutstanding prefers the target with the fewest requests in flight; equals take turns.
func leastOutstanding(seats []*seat, turn int) *seat {
	least := seats[turn%len(seats)]
	for i := range seats {
		s := seats[(turn+i)%len(seats)]
		if s.target.inFlight < least.target.inFlight {
			least = s
		}
	}
	return least
}

// ramped takes turns, but a target in its slow start takes only the share of its turns that has passed of the ramp.
func (g *group) ramped(seats []*seat, turn int) *seat {
	for i := range seats {
		s := seats[(turn+i)%len(seats)]
		share := 1.0
		if !s.rampFrom.IsZero() {
			share = min(1, float64(time.Since(s.rampFrom))/float64(g.SlowStart))
		}
		s.credit += share
		if s.credit >= 1 {
			s.credit = min(s.credit-1, 1)
			return s
		}
	}
	return seats[turn%len(seats)]
}

// done takes a request off its target.
func (b *Balancer) done(t *target) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t.inFlight--
}
