package iistest

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"time"
)

// Truth is what is really so on a server at one moment.
type Truth struct {
	Slots      []SlotTruth
	Running    []string          // slots whose site and pool are both started
	Warm       bool              // exactly one slot runs and its worker has its cold requests behind it
	Lease      *Lease            // of Config.App; nil: none
	Bound      bool              // a certificate hangs on the site's port
	Rewritten  int               // how often a certificate was set on the site's port, which had one, since New
	Residue    []string          // what deleted sites have left in applicationHost.config
	Lingering  int               // workers that live on after their pool has stopped, and what workers started that are gone
	Looks      int               // at the state of a site, pool or process, by agents, since New
	Requests   int               // that the site's workers answered since New
	ByHand     []string          // files of PutFile that are still where they were put, " *" behind those that are read-only
	Secured    map[string]string // security descriptors of the agent's own folders, by path
	WinRMCalls int               // requests to /wsman since New
	Shells     int               // open WinRM shells
	LoginFails int               // logins with a wrong user or password
	Ops        map[string]int
}

// SlotTruth is one slot. States are those of Microsoft.Web.Administration in lower case, or "absent".
type SlotTruth struct {
	Name, Site, Pool   string
	SiteBoot, PoolBoot bool
	Workers            []int
	Warm               bool
	Version, Digest    string
	Requests           int    // answered by its workers since New
	Rights             string // the SID that may read its folder; empty: none was given
}

// Call is one agent operation that was executed; an answer from memory is none.
type Call struct {
	At    time.Time
	ID    string
	Op    string
	Slot  string // the slot that it named, if any
	Error string // the code it was refused with; empty: done
}

// mostCalls bounds the memory of a server that stands for hours; the older half is forgotten.
const mostCalls = 20_000

type calls struct {
	mu    sync.Mutex
	list  []Call
	count map[string]int
}

func newCalls() *calls { return &calls{count: map[string]int{}} }

func (c *calls) note(one Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.list) == mostCalls {
		c.list = append(c.list[:0], c.list[mostCalls/2:]...)
	}
	c.list = append(c.list, one)
	c.count[one.Op]++
}

// Calls is the agent operations since New, in the order of their ends; of very many, the newest ten thousand and more.
func (s *Server) Calls() []Call {
	s.calls.mu.Lock()
	defer s.calls.mu.Unlock()
	return append([]Call(nil), s.calls.list...)
}

// Truth reads the server past all protocols.
func (s *Server) Truth() Truth {
	t := Truth{Lease: s.leases.read(s.config.App), Requests: s.machine.answered(), WinRMCalls: int(s.winrm.requests.Load()),
		Shells: s.winrm.shells.count(), LoginFails: int(s.winrm.refused.Load())}
	if s.config.Mono != nil {
		t.Lease = s.monoLease(s.config.App)
	}
	t.Bound, t.Rewritten = s.machine.bound(), s.machine.rewrites()
	t.ByHand = s.store.byHandStill()
	t.Residue, t.Lingering, t.Looks = s.machine.residue()
	t.Secured = s.store.descriptors()
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
		one.Rights = s.machine.right(slot.Path)
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

// residue is what deleted sites and stopped pools have left behind, and how often states were looked at.
func (m *machine) residue() (left []string, lingering, looks int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	ids := map[int64]bool{}
	for _, s := range m.sites {
		ids[s.id] = true
	}
	for id := range m.metadata {
		if !ids[id] {
			left = append(left, fmt.Sprintf("LM/W3SVC/%d", id))
		}
	}
	for name := range m.locations {
		if m.sites[name] == nil {
			left = append(left, "location "+name)
		}
	}
	slices.Sort(left)
	return left, len(m.ghosts) + m.orphans(), m.looks
}
