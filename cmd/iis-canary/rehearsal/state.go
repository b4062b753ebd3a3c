package rehearsal

import (
	"time"

	"iiscanary/cmd/iis-canary/rehearsal/traffic"
)

// State is what is really so on the fleet at one moment, by the word of the peers themselves: what GET control/state answers.
type State struct {
	Servers []ServerState  `json:"servers"`
	Traffic traffic.Report `json:"traffic"` // since the fleet stands
	Calls   Calls          `json:"calls"`
	Changes Changes        `json:"changes"`
	Faults  []string       `json:"faults"` // that are on
}

// ServerState is one server.
type ServerState struct {
	Name       string      `json:"name"`
	Slot       string      `json:"slot"`        // that serves; empty: none, or more than one
	InRotation bool        `json:"in_rotation"` // healthy in the target group
	Target     string      `json:"target"`      // state in the target group in AWS's words, or "absent"
	Warm       bool        `json:"warm"`        // one slot runs and has its cold requests behind it
	Running    []string    `json:"running"`     // slots whose site and pool are both started
	Lease      *LeaseState `json:"lease"`       // null: no run holds the server
}

// LeaseState is the lock of a run on a server.
type LeaseState struct {
	Run   string    `json:"run"`
	Owner string    `json:"owner"`
	Until time.Time `json:"until"`
}

// Calls is what the peers were asked since the fleet stands.
type Calls struct {
	AWS           map[string]int `json:"aws"`           // by action
	WinRM         int            `json:"winrm"`         // requests to all servers
	Elasticsearch int            `json:"elasticsearch"` // but for bulk requests, which are the log shipper's
}

// Changes is how many of the calls changed something, or tried to.
type Changes struct {
	AWS   int `json:"aws"`   // registrations and deregistrations
	WinRM int `json:"winrm"` // operations on slots, files and the journal; not the lease
}

// State reads the truth past all protocols.
func (f *Fleet) State() State {
	balancer := f.Balancer.Truth().Groups[groupName]
	targets := map[string]string{}
	for _, t := range balancer.Targets {
		targets[t.ID] = t.State
	}
	s := State{Traffic: f.Customers(), Faults: f.board.list(), Calls: Calls{AWS: f.Balancer.Calls(), Elasticsearch: f.asked()},
		Changes: Changes{AWS: len(f.Balancer.Mutations())}}
	for i, server := range f.Servers {
		truth := server.Truth()
		one := ServerState{Name: serverName(i), Target: "absent", Warm: truth.Warm, Running: append([]string{}, truth.Running...)}
		if state, listed := targets[instanceID(i)]; listed {
			one.Target = state
		}
		one.InRotation = one.Target == "healthy"
		if len(truth.Running) == 1 {
			one.Slot = truth.Running[0]
		}
		if l := truth.Lease; l != nil {
			one.Lease = &LeaseState{Run: l.Run, Owner: l.Owner, Until: l.Until}
		}
		s.Servers = append(s.Servers, one)
		s.Calls.WinRM += truth.WinRMCalls
		s.Changes.WinRM += changes(truth.Ops)
	}
	return s
}

// asked is how many requests the log store got that are not the shipper's. A cluster of the user's own is not counted.
func (f *Fleet) asked() int {
	if f.Logs == nil {
		return 0
	}
	n := 0
	for endpoint, count := range f.Logs.Calls() {
		if endpoint != "_bulk" {
			n += count
		}
	}
	return n
}

// changes is how many of a server's operations changed something.
func changes(ops map[string]int) int {
	n := 0
	for _, op := range []string{"put", "create", "start", "stop", "own", "prune", "note"} {
		n += ops[op]
	}
	return n
}
