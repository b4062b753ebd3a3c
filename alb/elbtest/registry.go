package elbtest

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"time"
)

// group is a target group. Everything in it is guarded by Balancer.mu.
type group struct {
	GroupConfig
	arn     string
	matches matcher
	targets []*target // registered and draining, in order of registration
	seats   [][]*seat // per node, what its data plane sees
	turns   []int     // per node, requests handed out so far
}

// target is one (Id, Port) of a group from its registration to the end of its drain.
type target struct {
	Target
	group    *group
	address  string // where it is reached
	now      *registration
	inFlight int
	requests int64
	cut      context.Context // ends when requests in flight are given up
	giveUp   context.CancelFunc
}

// registration is one stay of a target in its group.
type registration struct {
	at       time.Time
	left     time.Time // zero: still registered
	returned bool      // it began while the target was draining
	settled  bool      // every reader saw it from the start
	leave    context.CancelFunc
	seats    []*seat
}

func (g *group) find(t Target) *target {
	for _, known := range g.targets {
		if known.ID == t.ID && known.Port == t.Port {
			return known
		}
	}
	return nil
}

func (g *group) drop(t *target) {
	g.targets = slices.DeleteFunc(g.targets, func(known *target) bool { return known == t })
}

// full gives a target the port of its group unless it names one.
func (g *group) full(t Target) Target {
	if t.Port == 0 {
		t.Port = g.Port
	}
	return t
}

// register lets a target join; false when it was in already. The caller holds b.mu and has checked the target.
func (b *Balancer) register(g *group, t Target, settled bool) bool {
	known := g.find(t)
	if known != nil && known.now.left.IsZero() {
		return false
	}
	returned := known != nil
	if !returned {
		cut, giveUp := context.WithCancel(b.life)
		known = &target{Target: t, group: g, address: b.address(g, t), cut: cut, giveUp: giveUp}
		g.targets = append(g.targets, known)
	}
	stay, leave := context.WithCancel(b.life)
	known.now = &registration{at: time.Now(), returned: returned, settled: settled, leave: leave}
	for node := range b.config.Nodes {
		s := &seat{target: known, node: node, state: seatInitial}
		known.now.seats = append(known.now.seats, s)
		if g.NotInUse {
			continue
		}
		lag := b.lag(node)
		if settled {
			lag = 0
		}
		b.background.Go(func() { b.attend(stay, s, lag) })
	}
	return true
}

// deregister starts the drain of a target; false when it was out already. The caller holds b.mu.
func (b *Balancer) deregister(g *group, t Target) bool {
	known := g.find(t)
	if known == nil || !known.now.left.IsZero() {
		return false
	}
	stay := known.now
	stay.left = time.Now()
	stay.leave()
	b.background.Go(func() {
		if pause(b.life, g.Delay) {
			b.drained(known, stay)
		}
	})
	return true
}

// drained ends a drain, unless the target came back meanwhile.
func (b *Balancer) drained(t *target, stay *registration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if t.now != stay {
		return
	}
	for _, s := range stay.seats {
		t.group.leaveSeat(s)
	}
	t.group.drop(t)
	t.giveUp()
}

// attend is a node's life with one registration: it sees it late, probes, and sees its end late.
func (b *Balancer) attend(stay context.Context, s *seat, lag time.Duration) {
	if !pause(stay, lag) {
		return
	}
	g := s.target.group
	b.mu.Lock()
	s.listed = true
	g.seats[s.node] = append(g.seats[s.node], s)
	b.mu.Unlock()

	b.probeUntil(stay, s)

	if !pause(b.life, min(b.lag(s.node), g.Delay)) {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	g.leaveSeat(s)
}

func (g *group) leaveSeat(s *seat) {
	g.seats[s.node] = slices.DeleteFunc(g.seats[s.node], func(known *seat) bool { return known == s })
}

// lag is how late a node sees a change: the nodes are spread evenly, the last is Config.Propagation late.
func (b *Balancer) lag(node int) time.Duration {
	return b.config.Propagation * time.Duration(node+1) / time.Duration(b.config.Nodes)
}

// readLag is how late the API itself lists a change.
func (b *Balancer) readLag() time.Duration { return b.config.Propagation / 4 }

func (b *Balancer) address(g *group, t Target) string {
	host := t.ID
	if g.Type == "instance" {
		host = b.instances[t.ID].PrivateIP
	}
	return net.JoinHostPort(host, strconv.Itoa(t.Port))
}

// SetInstanceState moves an instance to another EC2 state (running, stopped, terminated, ...). Its process is not touched:
// that is the simulated server's part. It reports whether the instance is known and the state exists.
func (b *Balancer) SetInstanceState(id, state string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	i, known := b.instances[id]
	if _, exists := instanceStates()[state]; !known || !exists || b.closed {
		return false
	}
	i.State = state
	b.instances[id] = i
	if state == "terminated" {
		b.forget(id)
	}
	return true
}

// forget deregisters a terminated instance everywhere, as the load balancer does by itself.
func (b *Balancer) forget(id string) {
	for _, g := range b.groups {
		if g.Type != "instance" {
			continue
		}
		for _, t := range slices.Clone(g.targets) {
			if t.ID == id {
				b.deregister(g, t.Target)
			}
		}
	}
}

func (b *Balancer) sortedInstances() []Instance {
	ids := slices.Sorted(maps.Keys(b.instances))
	all := make([]Instance, 0, len(ids))
	for _, id := range ids {
		all = append(all, b.instances[id])
	}
	return all
}

// pause waits and reports whether it was left to wait to the end.
func pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
