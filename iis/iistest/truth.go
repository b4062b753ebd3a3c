package iistest

import (
	"maps"
	"sync"
	"time"
)

// Truth is what is really so on a server at one moment.
type Truth struct {
	Slots      []SlotTruth
	Running    []string // slots whose site and pool are both started
	Warm       bool     // exactly one slot runs and its worker has its cold requests behind it
	Lease      *Lease   // of Config.App; nil: none
	Requests   int      // that the site's workers answered since New
	WinRMCalls int      // requests to /wsman since New
	Shells     int      // open WinRM shells
	LoginFails int      // refused logins
	Ops        map[string]int
}

// SlotTruth is one slot. States are those of Microsoft.Web.Administration in lower case, or "absent".
type SlotTruth struct {
	Name, Site, Pool   string
	SiteBoot, PoolBoot bool
	Workers            []int
	Warm               bool
	Version, Digest    string
	Requests           int // answered by its workers since New
}

// Call is one agent operation that was executed; an answer from memory is none.
type Call struct {
	At    time.Time
	ID    string
	Op    string
	Slot  string // the slot that it named, if any
	Error string // the code it was refused with; empty: done
}

type calls struct {
	mu    sync.Mutex
	list  []Call
	count map[string]int
}

func newCalls() *calls { return &calls{count: map[string]int{}} }

func (c *calls) note(one Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, one)
	c.count[one.Op]++
}

// Calls is every agent operation since New, in the order of their ends.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return append([]Call(nil), s.calls.list...)
}

// Truth reads the server past all protocols.
func (s *Server) Truth() Truth {
	t := Truth{Lease: s.leases.read(s.config.App), Requests: s.machine.answered(), WinRMCalls: int(s.winrm.requests.Load()),
		Shells: s.winrm.shells.count(), LoginFails: int(s.winrm.refused.Load())}
	s.calls.mu.Lock()
	t.Ops = maps.Clone(s.calls.count)
	s.calls.mu.Unlock()
	warm := 0
	for _, slot := range s.survey(s.config.App, s.config.Sites) {
		one := SlotTruth{Name: slot.Name, Site: slot.Site, Pool: slot.Pool, SiteBoot: slot.SiteBoot, PoolBoot: slot.PoolBoot,
			Version: slot.Version, Digest: slot.Digest}
		for _, w := range slot.Workers {
			one.Workers = append(one.Workers, w.PID)
		}
		one.Warm, one.Requests = s.machine.warmth(slot.Name)
		if slot.Site == started && slot.Pool == started {
			t.Running = append(t.Running, slot.Name)
			if one.Warm {
				warm++
			}
		}
		t.Slots = append(t.Slots, one)
	}
	t.Warm = warm == 1 && len(t.Running) == 1
	return t
}
