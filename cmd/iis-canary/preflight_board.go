package main

import (
	"cmp"
	"slices"
	"sync"
)

// state is how a check came out.
type state string

// The states of checks. Only a failed one stops a deployment.
const (
	passed    state = "passed"
	warned    state = "warning"
	failed    state = "failed"
	unchecked state = "not checked"
)

// finding is what a check found, on one server or for the whole fleet.
type finding struct {
	check  checkID
	server string // empty: the whole fleet
	place  string // the address of the server's listener, where that is what matters
	state  state
	what   string   // what is true; of a check that was not made, why
	do     string   // what a person can do; empty: the remedy of the check
	next   []string // command lines that help
}

// board collects what many checks find at the same time. Of several findings of one check on one server, all are kept.
type board struct {
	mu       sync.Mutex
	findings []finding
}

func (b *board) add(f finding) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.findings = append(b.findings, f)
}

// pass notes a check that came out well; what may be empty.
func (b *board) pass(id checkID, server, what string) {
	b.add(finding{check: id, server: server, state: passed, what: what})
}

func (b *board) fail(id checkID, server, what string) {
	b.add(finding{check: id, server: server, state: failed, what: what})
}

func (b *board) warn(id checkID, server, what string) {
	b.add(finding{check: id, server: server, state: warned, what: what})
}

// passUnless notes that a check came out well on a server, or for the fleet, where nothing else was said about it.
func (b *board) passUnless(id checkID, server, what string) {
	if !b.said(id, server) {
		b.pass(id, server, what)
	}
}

func (b *board) said(id checkID, server string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.findings, func(f finding) bool { return f.check == id && f.server == server })
}

// isClear reports whether no finding of these checks forbids what rests on them, on a server or for the fleet.
func (b *board) isClear(server string, ids ...checkID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !slices.ContainsFunc(b.findings, func(f finding) bool {
		return slices.Contains(ids, f.check) && (f.server == "" || f.server == server) && f.stops()
	})
}

// stops reports whether what rests on the check cannot be looked at.
func (f finding) stops() bool { return f.state == failed || f.state == unchecked }

// settle says of every check that was not made why not, and returns all findings in the order of the table, then of servers.
func (b *board) settle(servers []string) []finding {
	table := checks()
	for _, c := range table {
		for _, server := range c.places(servers) {
			if len(b.states(c.id, server)) == 0 {
				b.add(finding{check: c.id, server: server, state: unchecked, what: "needs " + string(cmp.Or(b.root(table, c, server), "the checks before it"))})
			}
		}
	}
	place := func(f finding) int { return slices.IndexFunc(table, func(c check) bool { return c.id == f.check }) }
	slices.SortStableFunc(b.findings, func(x, y finding) int {
		if d := place(x) - place(y); d != 0 {
			return d
		}
		return slices.Index(servers, x.server) - slices.Index(servers, y.server)
	})
	return b.findings
}

// places is where a check has to be made: on every server, or once.
func (c check) places(servers []string) []string {
	if c.each && len(servers) > 0 {
		return servers
	}
	return []string{""}
}

// root is the check that kept another from being made: the first of what it needs that failed, or for which something else
// did; empty where all of that is well.
func (b *board) root(table []check, c check, server string) checkID {
	for _, need := range c.needs {
		states := b.states(need, server)
		if slices.Contains(states, failed) {
			return need
		}
		if len(states) > 0 && !slices.Contains(states, unchecked) {
			continue
		}
		i := slices.IndexFunc(table, func(c check) bool { return c.id == need })
		return cmp.Or(b.root(table, table[i], server), need)
	}
	return ""
}

// states is how a check came out on a server and for the fleet; of no server, on all of them.
func (b *board) states(id checkID, server string) []state {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []state
	for _, f := range b.findings {
		if f.check == id && (f.server == server || f.server == "" || server == "") {
			out = append(out, f.state)
		}
	}
	return out
}
