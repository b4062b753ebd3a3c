package iistest

import (
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
)

// The words of Microsoft.Web.Administration.ObjectState, absent for what is not configured at all, and unknown for what WAS
// does not tell.
const (
	starting = "starting"
	started  = "started"
	stopping = "stopping"
	stopped  = "stopped"
	absent   = "absent"
	unknown  = "unknown"
)

// machine is IIS: the configuration and the running state of every site, each with a pool of its own.
type machine struct {
	config  Config
	front   *front
	faults  *faults
	local   func(string) (string, error) // a remote path's local one
	trouble *trouble

	mu      sync.Mutex
	changed chan struct{} // closed and replaced at every change of a state
	sites   map[string]*site
	logs    map[int64]*accessLog // outlive their sites
	version int                  // of applicationHost.config, one up with every commit
	// metadata and locations are what a deleted site leaves in applicationHost.config: customMetadata of its id, and a location
	// block of its name.
	metadata   map[int64]bool
	locations  map[string]bool
	legacy     map[int64]bool    // ids whose customMetadata has values of an old metabase
	remembered map[string]string // what hung on the site's port when boot flags were set last, by app
	access     map[string]string // the SID that may read a folder, or an access list, by remote path in lower case
	looks      int               // at states and processes
	unbound    bool              // nothing hangs on the site's port in http.sys: no certificate
	stock      [][]byte          // certificates in the machine's store beside Config's
	rewritten  int               // how often a certificate was set on the site's port, which had one
	foreign    bool              // another program listens on the site's port
	foreignV6  bool              // by IPv6 alone
	ghosts     map[int]*worker
	children   map[int]*child
	events     []event
	refused    *errorLog
	pid        int
	total      int // requests answered
	random     *rand.Rand
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
	settings           map[string]string // of the pool, as they were committed
	named              bool              // its access log carries its name
	inherited          bool              // the id's customMetadata is of another site: 503
	sni                *tls.Certificate  // of somebody else's site, for its host name; nil: it shares the port's
	worker             *worker
	answered           int
	queue              int // requests that wait for a worker
	poolEra, siteEra   int // count starts and stops: what was begun in an older era does not happen
}

func newMachine(c Config, f *front, faults *faults, trouble *trouble, local func(string) (string, error)) *machine {
	return &machine{config: c, front: f, faults: faults, trouble: trouble, local: local, changed: make(chan struct{}), version: 1,
		sites: map[string]*site{}, logs: map[int64]*accessLog{}, metadata: map[int64]bool{}, locations: map[string]bool{},
		ghosts: map[int]*worker{}, children: map[int]*child{}, legacy: map[int64]bool{}, remembered: map[string]string{}, access: map[string]string{}, pid: 4000, random: rand.New(rand.NewPCG(c.Seed, 0x115))}
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

// now is the version of applicationHost.config, for a commit that builds on what is read now.
const now = -1

// commit is one CommitChanges of somebody who read that version. It fails when the file is held open, or when somebody else
// has committed since.
func (m *machine) commit(version int, change func()) int32 {
	if code := m.faults.trapped("commit", ""); code != 0 {
		return code
	}
	rival := m.faults.conflict()
	m.mu.Lock()
	defer m.mu.Unlock()
	if rival {
		m.version++
		m.touch()
	}
	if rival || version != now && version != m.version {
		return changedOnDisk
	}
	change()
	m.version++
	m.touch()
	for _, s := range m.sites {
		for name, value := range m.faults.enforcement() {
			s.settings[name] = value
		}
	}
	m.tell()
	return 0
}

// add configures a site, stopped and not starting at boot. The lock is held.
func (m *machine) add(name string, id int64, path, runtime string, bindings []string) *site {
	s := &site{name: name, id: id, path: path, runtime: runtime, bindings: slices.Clone(bindings), site: stopped, pool: stopped,
		settings: map[string]string{}, named: true, inherited: m.metadata[id]}
	m.sites[name] = s
	m.metadata[id], m.locations[name] = true, true
	if m.logs[id] == nil {
		m.logs[id] = newAccessLog(m.config, id, name)
	}
	return s
}

// drop takes a site and its pool out of the configuration. What hangs on its id and name stays behind, unless clean. The lock is held.
func (m *machine) drop(name string, clean bool) {
	s := m.sites[name]
	if s == nil {
		return
	}
	delete(m.sites, name)
	if clean {
		delete(m.metadata, s.id)
		delete(m.locations, name)
	}
	m.unbound = m.unbound || m.faults.loses()
}

// freeID is a hash of the name: ids of deleted sites must not be used again by others. The lock is held.
func (m *machine) freeID(name string) int64 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(strings.ToLower(name))) // a hash never fails
	id := max(int64(h.Sum32()&0x7fffffff), leastID)
	for m.metadata[id] || slices.ContainsFunc(m.ordered(), func(s *site) bool { return s.id == id }) {
		id++
	}
	return id
}

// leastID leaves the small numbers to sites that are made by hand.
const leastID = 1000

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
	clear(m.ghosts)
	clear(m.children)
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
	m.await(context.Background(), 10*m.config.Settle+10*time.Second, func() bool {
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

// idEvent5002 is the event of rapid-fail protection, event5002 what WAS writes with it.
const idEvent5002 = 5002

func event5002(pool string) string {
	return fmt.Sprintf("Application pool '%s' is being automatically disabled due to a series of failures in the process(es) "+
		"serving that application pool.", pool)
}

func containsFold(text, part string) bool {
	return strings.Contains(strings.ToLower(text), strings.ToLower(part))
}
