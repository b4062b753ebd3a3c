package configs

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

func (s *sense) servers() {
	v := s.spec.Servers
	if s.sound("servers.address", "servers.map") {
		switch {
		case v.Address == "map" && len(v.Map) == 0:
			s.wrong("servers.address", `"map" without entries`, "servers.map with host or host:port by instance id")
		case v.Address != "map" && len(v.Map) > 0:
			s.wrong("servers.map", "a map that address does not use", "address: map, or no map")
		}
	}
	s.apart()
	s.winrm()
}

// apart refuses two servers at one address: one of them would be deployed to twice, the other never.
func (s *sense) apart() {
	v := s.spec.Servers
	line := func(id string) int { return nearestPos(s.positions, join("servers.map", id)).Line }
	ids := slices.SortedFunc(maps.Keys(v.Map), func(a, b string) int { return cmp.Or(cmp.Compare(line(a), line(b)), cmp.Compare(a, b)) })
	first := map[string]string{}
	for _, id := range ids {
		path := join("servers.map", id)
		if !s.sound(path) {
			continue
		}
		if other, twice := first[v.Map[id]]; twice {
			s.wrong(path, "the address "+s.shown(path, v.Map[id])+" a second time", "an address of its own for each server; "+other+" has this one")
			continue
		}
		first[v.Map[id]] = id
	}
}

// fleet is how many servers there are at most; 0 where only the target groups know.
func (s *sense) fleet() int {
	if s.spec.Servers.Address != "map" || !s.soundWithin("servers.map") || !s.sound("servers.address") {
		return 0
	}
	return len(s.spec.Servers.Map)
}

// floor checks that a server may leave at all.
func (s *sense) floor() {
	const path = "rollout.min_healthy"
	r := s.spec.Rollout
	if !s.sound(path) {
		return
	}
	n := s.fleet()
	switch need := r.MinHealthy.of(n); {
	case r.MinHealthy.Percent == 100:
		s.wrong(path, `"100%"`, "less than 100%: with a server in hand no fleet of any size can meet that")
	case n == 1:
		s.wrong("servers.map", "a fleet of one server", "two servers or more: while the only one is in hand nobody serves")
	case n > 0 && need >= n:
		s.wrong(path, fmt.Sprintf("%s of the %d servers in servers.map, which is all of them", quoted(r.MinHealthy.String()), n),
			fmt.Sprintf("at most %d: with a server in hand no more can serve", n-1))
	case n > 0 && s.sound("rollout.parallel") && r.Parallel > n-need && r.Waves != nil:
		s.warn("rollout.parallel", "is never reached: of %d servers %d must serve, so at most %d can be in hand", n, need, n-need)
	case r.MinHealthy.Count > 0 && s.soundWithin("servers.order") && len(s.spec.Servers.Order) > 0 && r.MinHealthy.Count >= len(s.spec.Servers.Order):
		s.warn(path, "needs more servers than the %d of servers.order: none of them could leave", len(s.spec.Servers.Order))
	}
}

// waves checks that each wave adds servers, and the last one the rest.
func (s *sense) waves() {
	r := s.spec.Rollout
	if !s.sound("rollout.parallel") || !s.soundWithin("rollout.waves") {
		return
	}
	if r.Waves == nil {
		if r.Parallel > 1 {
			s.warn("rollout.parallel", "is not used: waves each takes one server at a time")
		}
		return
	}
	last := len(r.Waves) - 1
	if r.Waves[last].Percent != 100 {
		s.wrong(fmt.Sprintf("rollout.waves[%d]", last), quoted(r.Waves[last].String())+" as the last wave",
			"100% at the end: the list does not reach the whole fleet")
	}
	if first := r.Waves[0]; first.Count != 1 {
		s.warn("rollout.waves[0]", "the first wave is %s, not one server: a bad release meets more customers", first)
	}
	for i := 1; i <= last; i++ {
		s.grows(i, r.Waves[i-1], r.Waves[i])
	}
}

func (s *sense) grows(i int, a, b Size) {
	path := fmt.Sprintf("rollout.waves[%d]", i)
	if (a.Percent > 0 && b.Percent > 0 && b.Percent <= a.Percent) || (a.Count > 0 && b.Count > 0 && b.Count <= a.Count) {
		s.wrong(path, quoted(b.String())+" after "+quoted(a.String()), "a larger one: each wave says how many servers in total run the new release")
		return
	}
	if n := s.fleet(); n > 0 && b.of(n) <= a.of(n) {
		s.warn(path, "adds no server: of %d servers %s are as many as %s", n, b, a)
	}
}
