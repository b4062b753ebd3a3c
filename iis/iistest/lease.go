package iistest

import (
	"fmt"
	"os"
	"sync"
	"time"
)

// Lease says who may change an app on this server.
type Lease struct {
	Run        string    `json:"run"`
	Owner      string    `json:"owner"`
	Reason     string    `json:"reason"`
	Generation int64     `json:"generation"`
	Taken      time.Time `json:"taken"`
	Until      time.Time `json:"until"`
}

// leases are those of every app. They belong to the server and survive every process and every reboot.
type leases struct {
	mu          sync.Mutex
	current     map[string]*Lease
	generations map[string]int64
	spoilt      map[string]bool // the file cannot be read
}

func newLeases() *leases {
	return &leases{current: map[string]*Lease{}, generations: map[string]int64{}, spoilt: map[string]bool{}}
}

func (l *leases) read(app string) *Lease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.copy(app)
}

func (l *leases) copy(app string) *Lease {
	if l.current[app] == nil {
		return nil
	}
	c := *l.current[app]
	return &c
}

// sound refuses what rests on a lease that cannot be read.
func (l *leases) sound(app string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.spoilt[app] {
		return nil
	}
	file := `%ProgramData%\iis-canary\` + app + `\lease.json`
	return refuse("conflict", "%s cannot be read: nobody knows who holds the lease of %s", file, app).
		saying("make sure that no run is at work on this server, then delete " + file)
}

// holds says whether this is the current lease of the app: the same run and generation, not run out.
func (l *leases) holds(app string, f fence) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	c := l.current[app]
	return c != nil && c.Run == f.Run && c.Generation == f.Generation && time.Now().Before(c.Until)
}

type leaseArgs struct {
	App     string `json:"app"`
	Action  string `json:"action"`
	Run     string `json:"run"`
	Owner   string `json:"owner"`
	Reason  string `json:"reason"`
	Seconds int64  `json:"seconds"`
	// TakeOver takes the lease from another process of the same run.
	TakeOver bool `json:"take_over"`
}

func (l *leases) act(a leaseArgs, f *fence) (*Lease, error) {
	if err := l.sound(a.App); err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if a.Action == "read" {
		return l.copy(a.App), nil
	}
	if err := checkRun(a.Run); err != nil {
		return nil, err
	}
	if a.Action != "release" && a.Seconds < 1 {
		return nil, refuse("bad_request", "a lease of %d seconds", a.Seconds)
	}
	switch a.Action {
	case "acquire":
		return l.acquire(a)
	case "renew", "release":
		c, now := l.current[a.App], time.Now().UTC()
		if c == nil || c.Run != a.Run || !now.Before(c.Until) || f != nil && (f.Run != c.Run || f.Generation != c.Generation) {
			return nil, refuse("fenced", "run %s does not hold the lease of %s", a.Run, a.App)
		}
		if a.Action == "release" {
			delete(l.current, a.App)
			return nil, nil
		}
		c.Until = now.Add(time.Duration(a.Seconds) * time.Second)
		return l.copy(a.App), nil
	}
	return nil, refuse("bad_request", "lease has no action %q", a.Action)
}

func (l *leases) acquire(a leaseArgs) (*Lease, error) {
	now := time.Now().UTC()
	until := now.Add(time.Duration(a.Seconds) * time.Second)
	c := l.current[a.App]
	switch {
	case c != nil && c.Run == a.Run && c.Owner == a.Owner:
		c.Reason, c.Until = a.Reason, until
		return l.copy(a.App), nil
	case c != nil && now.Before(c.Until) && !(c.Run == a.Run && a.TakeOver):
		r := refuse("leased", "run %s of %s holds the lease of %s until %s: %s", c.Run, c.Owner, a.App, stamp(c.Until), c.Reason)
		r.with = map[string]any{"lease": l.copy(a.App)}
		return nil, r
	}
	l.generations[a.App]++
	l.current[a.App] = &Lease{Run: a.Run, Owner: a.Owner, Reason: a.Reason, Generation: l.generations[a.App], Taken: now, Until: until}
	return l.copy(a.App), nil
}

// ExpireLease makes the lease of the app run out now, as if its holder had been silent for long.
func (s *Server) ExpireLease() error {
	if s.config.Mono != nil {
		return s.expireMonoLease(s.config.App)
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	c := s.leases.current[s.config.App]
	if c == nil {
		return fmt.Errorf("%s has no lease that could run out", s.config.App)
	}
	c.Until = time.Now().UTC()
	return nil
}

// SpoilLease leaves a text in the place of the app's lease that is none, or nothing, as a power failure or a hand does.
func (s *Server) SpoilLease(text string) error {
	app := s.config.App
	if s.config.Mono != nil {
		return os.WriteFile(s.monoLeaseFile(app), []byte(text), 0o600)
	}
	s.leases.mu.Lock()
	defer s.leases.mu.Unlock()
	delete(s.leases.current, app)
	delete(s.leases.generations, app)
	s.leases.spoilt[app] = text != ""
	return nil
}
