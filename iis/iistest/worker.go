package iistest

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// neverWarm is what every answer of an application that never warms takes at least.
const neverWarm = 250 * time.Millisecond

// worker is one w3wp.exe with the application in it.
type worker struct {
	pid       int
	started   time.Time
	behaviour Behaviour     // of the package
	awake     time.Time     // when the first request is answered; zero: none came yet
	begun     int           // requests
	current   int           // requests in flight
	reused    bool          // its id is another program's as soon as it is gone
	told      bool          // its failure is in the event logs
	outlives  time.Duration // how long it lives on after its pool has stopped
}

func (w *worker) warm(c Config) bool {
	cold := max(c.ColdNext, 0) + 1
	return c.Cold == 0 || w.begun-w.current >= cold && time.Now().After(w.awake)
}

// Behaviour is how an application behaves. A package brings it as simulation.json in its root folder.
type Behaviour struct {
	ErrorRate float64 `json:"error_rate"` // share of answers that are 500, 0 to 1
	Slower    float64 `json:"slower"`     // factor on the usual time; 0: 1
	Crash     bool    `json:"crash"`      // the pool dies right after its start
	Quotes    string  `json:"quotes"`     // what the exception that it dies of says that it cannot open; empty: the exception has no words
	NeverWarm bool    `json:"never_warm"` // no answer in less than 250 ms
	// Fails makes every answer an error page of that kind, such as "500.30", with what the event logs say of it; see failing.go.
	Fails string `json:"fails"`
	// Spared are prefixes of paths that ErrorRate does not apply to. In a simulation.json that names none: /health.
	Spared []string `json:"spared"`
}

// BehaveRequest asks for the behaviour of one request; Path is empty when the pool starts.
type BehaveRequest struct {
	Slot, Version, Path string
	Packaged            Behaviour // what the slot's simulation.json says
}

// packaged reads the slot's simulation.json; without one, or with a broken one, the application is sound.
func (m *machine) packaged(s *site) Behaviour {
	var b Behaviour
	folder, err := m.local(s.path)
	if err != nil {
		return Behaviour{}
	}
	text, err := os.ReadFile(filepath.Join(folder, "simulation.json"))
	if err != nil || json.Unmarshal(text, &b) != nil {
		return Behaviour{}
	}
	if b.Spared == nil {
		b.Spared = []string{"/health"}
	}
	return b
}

// behaviour is the hook's word, or else the package's. The lock is held: the hook must not call the server.
func (m *machine) behaviour(s *site, path string) Behaviour {
	if m.config.Behave != nil {
		return m.config.Behave(BehaveRequest{Slot: s.name, Version: s.version, Path: path, Packaged: s.worker.behaviour})
	}
	return s.worker.behaviour
}

// request is one request that a worker has taken.
type request struct {
	site    *site
	worker  *worker
	slot    string
	version string
	log     *accessLog
	ready   time.Time // when the answer is
	status  int
	static  bool   // answered without the worker
	page    string // of an error; empty: the usual one
}

// begin gives a request to the site's worker; false: there is none, http.sys answers 503.
func (m *machine) begin(slot, path string) (request, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sites[slot]
	if s == nil || s.site != started || s.pool != started || s.worker == nil || s.inherited {
		return request{}, false
	}
	w, now := s.worker, time.Now()
	r := request{site: s, worker: w, slot: s.name, version: s.version, log: m.logs[s.id], ready: now, status: 200}
	b := m.behaviour(s, path)
	if r.static = slices.Contains(m.config.Static, path); r.static {
		return r, true
	}
	if r.status, r.page = m.manifestPage(s, path); r.page != "" {
		r.static = true
		return r, true
	}
	w.begun++
	w.current++
	if w.begun == 1 {
		w.awake = now.Add(m.config.Cold)
	}
	took := m.usual(b)
	if w.begun > 1 && w.begun <= 1+m.config.ColdNext {
		took += m.config.Cold / 50
	}
	from := now
	if w.awake.After(now) {
		from = w.awake
	}
	r.ready = from.Add(took)
	if f, known := failureOf(b.Fails); known {
		r.status, r.page = f.status, f.page
		if !w.told {
			w.told = true
			m.tellOf(f, s)
		}
		return r, true
	}
	if m.random.Float64() < b.ErrorRate && !spared(b, path) {
		r.status = 500
	}
	return r, true
}

func spared(b Behaviour, path string) bool {
	for _, p := range b.Spared {
		if strings.HasPrefix(path, p) {
			return true
		}
	}
	return false
}

// refresh reads what the site's folder says it holds. The lock is held.
func (m *machine) refresh(s *site) {
	if folder, err := m.local(s.path); err == nil {
		if found, ok := readManifest(folder); ok {
			s.version = found.Version
		}
	}
}

// usual draws a time from the log-normal distribution. The lock is held.
func (m *machine) usual(b Behaviour) time.Duration {
	took := float64(m.config.Median) * math.Exp(m.config.Spread*m.random.NormFloat64())
	if b.Slower > 0 {
		took *= b.Slower
	}
	if b.NeverWarm {
		return max(time.Duration(took), neverWarm)
	}
	return time.Duration(took)
}

// end takes the request off the worker's books.
func (m *machine) end(r request, answered bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.static {
		return
	}
	r.worker.current--
	if answered {
		r.site.answered++
		m.total++
	}
}

// route finds the started site for a Host header: a binding with that name first, then one without a name. The second
// result is false when no site is started at all.
func (m *machine) route(host string) (slot string, open bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.ordered() {
		if s.site != started {
			continue
		}
		open = true
		for _, b := range s.bindings {
			name := b[strings.LastIndexByte(b, ':')+1:]
			if strings.EqualFold(name, host) && name != "" {
				return s.name, true
			}
			if name == "" {
				slot = s.name
			}
		}
	}
	return slot, open
}
