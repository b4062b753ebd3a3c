package elbtest

import (
	"maps"
	"slices"
	"time"
)

// Truth is what a load balancer knows about itself, for a test to judge by; nothing of it is delayed.
type Truth struct {
	Groups   map[string]GroupTruth // by name
	Counters map[string]int64      // by CloudWatch metric name, since the start
}

// GroupTruth is one target group.
type GroupTruth struct {
	Targets []TargetTruth // registered and draining, in order of registration
	Healthy int           // targets in state healthy
}

// TargetTruth is one target of a group.
type TargetTruth struct {
	Target
	Address                    string // where it is reached
	State, Reason, Description string // as DescribeTargetHealth would say it
	InFlight                   int
	Requests                   int64 // since it was registered
}

// Mutation is one RegisterTargets or DeregisterTargets call that was accepted.
type Mutation struct {
	At      time.Time
	Action  string
	Group   string   // name
	Targets []Target // as asked for, ports filled in
	Effect  bool     // whether it changed anything
}

// Truth returns the present state.
func (b *Balancer) Truth() Truth {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := time.Now()
	truth := Truth{Groups: map[string]GroupTruth{}, Counters: maps.Clone(b.counters)}
	for _, g := range b.groups {
		var known GroupTruth
		for _, t := range g.targets {
			h := b.health(t, now)
			if h.state == "healthy" {
				known.Healthy++
			}
			known.Targets = append(known.Targets, TargetTruth{
				Target: t.Target, Address: t.address, State: h.state, Reason: h.reason, Description: h.description,
				InFlight: t.inFlight, Requests: t.requests,
			})
		}
		truth.Groups[g.Name] = known
	}
	return truth
}

// Calls is how often each action was called by an authenticated client, throttled and denied calls included.
func (b *Balancer) Calls() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return maps.Clone(b.calls)
}

// Mutations are the accepted changes of registration, oldest first; of very many, the newest ten thousand and more.
func (b *Balancer) Mutations() []Mutation {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.mutations)
}

// mostMutations bounds the memory of a balancer that stands for hours; the older half is forgotten.
const mostMutations = 20_000

// note remembers an accepted change. The lock is held.
func (b *Balancer) note(m Mutation) {
	if len(b.mutations) == mostMutations {
		b.mutations = append(b.mutations[:0], b.mutations[mostMutations/2:]...)
	}
	b.mutations = append(b.mutations, m)
}
