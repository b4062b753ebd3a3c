package iistest

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// The words of Microsoft.Web.Administration.ObjectState, and absent for what is not configured at all.
const (
	starting = "starting"
	started  = "started"
	stopping = "stopping"
	stopped  = "stopped"
	absent   = "absent"
)

// machine is IIS: the configuration and the running state of every site, each with a pool of its own.
type machine struct {
	config Config
	front  *front
	faults *faults
	local  func(string) (string, error) // a remote path's local one

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change of a state
	sites   map[string]*site
	logs    map[int64]*accessLog // outlive their sites
	pid     int
	total   int // requests answered
	random  *rand.Rand
}

// site is a site and its pool. The machine's lock guards it.
type site struct {
	name               string
	id                 int64
	path               string // remote
	bindings           []string
	runtime            string
	version            string
	site, pool         string
	siteBoot, poolBoot bool
	worker             *worker
	answered           int
	poolEra, siteEra   int    // count starts and stops: what was begun in an older era does not happen
	failure            string // why the pool or the site stopped by itself
}

func newMachine(c Config, f *front, faults *faults, local func(string) (string, error)) *machine {
	return &machine{config: c, front: f, faults: faults, local: local, changed: make(chan struct{}),
		sites: map[string]*site{}, logs: map[int64]*accessLog{}, pid: 4000, random: rand.New(rand.NewPCG(c.Seed, 0x115))}
}

// tell wakes everybody who waits for a state. The lock is held.
func (m *machine) tell() {
	close(m.changed)
	m.changed = make(chan struct{})
}

// await returns true once settled says so, asked under the lock, and false when the time or ctx ends first.
func (m *machine) await(ctx context.Context, limit time.Duration, settled func() bool) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for {
		m.mu.Lock()
		ok, changed := settled(), m.changed
		m.mu.Unlock()
		if ok {
			return true
		}
		select {
		case <-changed:
		case <-timer.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// commit is one CommitChanges: it may meet somebody else's.
func (m *machine) commit(change func()) bool {
	if m.faults.conflict() {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
	m.tell()
	return true
}

// add configures a site, stopped and not starting at boot. The lock is held.
func (m *machine) add(name, path, runtime, version string, bindings []string) *site {
	s := &site{name: name, id: m.freeID(name), path: path, runtime: runtime, version: version,
		bindings: slices.Clone(bindings), site: stopped, pool: stopped}
	m.sites[name] = s
	return s
}

// freeID is a hash of the name, as ids must never be used again by another site.
func (m *machine) freeID(name string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(name))) // a hash never fails
	id := int64(h.Sum32()&0x3fffffff) + 1
	for m.logs[id] != nil && m.logs[id].site != name {
		id++
	}
	if m.logs[id] == nil {
		m.logs[id] = newAccessLog(m.config, id, name)
	}
	return id
}

// rival is another site that is started, or about to be, on one of the same bindings. The lock is held.
func (m *machine) rival(s *site) *site {
	for _, other := range m.ordered() {
		if other == s || other.site != started && other.site != starting {
			continue
		}
		for _, b := range s.bindings {
			if slices.Contains(other.bindings, b) {
				return other
			}
		}
	}
	return nil
}

func (m *machine) ordered() []*site {
	all := make([]*site, 0, len(m.sites))
	for _, s := range m.sites {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b *site) int { return cmp.Compare(a.id, b.id) })
	return all
}

// powerOff ends everything that runs, at once.
func (m *machine) powerOff() {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.sites {
		s.poolEra++
		s.siteEra++
		s.site, s.pool, s.worker = stopped, stopped, nil
	}
	m.front.close()
	m.tell()
}

// boot starts what the flags say, and returns when that has settled. Of two sites on one binding the first wins.
func (m *machine) boot() {
	m.mu.Lock()
	for _, s := range m.ordered() {
		if s.poolBoot {
			m.startPool(s)
		}
		if s.siteBoot && m.rival(s) == nil {
			m.startSite(s)
		}
	}
	m.mu.Unlock()
	m.await(context.Background(), 10*m.config.Settle+time.Second, func() bool {
		for _, s := range m.sites {
			if moving(s.site) || moving(s.pool) {
				return false
			}
		}
		return true
	})
}

func moving(state string) bool { return state == starting || state == stopping }

func (m *machine) flush() {
	m.mu.Lock()
	logs := make([]*accessLog, 0, len(m.logs))
	for _, l := range m.logs {
		logs = append(logs, l)
	}
	m.mu.Unlock()
	for _, l := range logs {
		l.flush()
	}
}

func (m *machine) answered() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.total
}

// warmth says whether the slot's worker has its cold requests behind it, and how many its workers answered.
func (m *machine) warmth(slot string) (bool, int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[slot]
	if s == nil {
		return false, 0
	}
	return s.worker != nil && s.worker.warm(m.config), s.answered
}

// event5002 is what WAS writes when rapid-fail protection disables a pool.
func event5002(pool string) string {
	return fmt.Sprintf("Application pool '%s' is being automatically disabled due to a series of failures in the process(es) "+
		"serving that application pool. (WAS event 5002)", pool)
}
