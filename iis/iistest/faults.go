package iistest

import (
	"slices"
	"sync"
	"time"
)

// faults are the switches of what goes wrong, all off at first.
type faults struct {
	mu          sync.Mutex
	dropEvery   int
	requests    int
	drops       int
	unreachable bool
	latency     time.Duration
	refuse      map[string]bool
	conflicts   int
	failures    []Failure
	restarted   time.Time // until when the service is not back
	limits      Limits
	rate        int  // bytes per second of a connection; 0: no limit
	locked      bool // the account
	denied      int  // logins that fail all the same
	stillborn   death
	births      int // processes that end so
	slowLogs    time.Duration

	proxy, bypass string // of the machine

	traps            []Trap
	snapped          map[string]int    // traps, by their calls
	drift            []string          // slots that another tool starts again
	enforced         map[string]string // settings that another tool puts back
	losesCertificate bool
}

// Failure is how requests of one action fail.
type Failure struct {
	Action string // Create, Command, Send, Receive, Signal, Delete; empty: any
	Code   uint32 // of a SOAP fault
	Status int    // without SOAP, where it is not 0
	Hang   bool   // never answered, as by a connection that is open at one end only
	Spoilt Garbage
	Lost   Loss
	Skip   int // how many requests go well before
	Times  int // how many requests; 0: all
}

// Loss is a connection that is reset.
type Loss string

// The losses, by what the request has done by then.
const (
	Unheard    Loss = "before the effect"
	Unanswered Loss = "after the effect" // what a Receive took is gone
	Halved     Loss = "within an answer" // what a Receive took is gone, and it was a part of what there is: others go well
)

// Fail makes requests fail from now on, instead of what an earlier call said; without any, none.
func (s *Server) Fail(all ...Failure) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.failures = slices.Clone(all)
}

// fail uses up one planned failure of an action, before it is done or when it was done in part.
func (f *faults) fail(action string, partly bool) (Failure, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i, one := range f.failures {
		if one.Action != "" && one.Action != action || partly != (one.Lost == Halved) {
			continue
		}
		if one.Skip > 0 {
			f.failures[i].Skip--
			continue
		}
		if one.Times == 1 {
			f.failures = slices.Delete(f.failures, i, i+1)
		} else if one.Times > 1 {
			f.failures[i].Times--
		}
		return one, true
	}
	return Failure{}, false
}

// RestartWinRM restarts the service: every shell and its processes are gone, and for a while the kernel answers 503.
func (s *Server) RestartWinRM(away time.Duration) {
	s.faults.mu.Lock()
	s.faults.restarted = time.Now().Add(away)
	s.faults.mu.Unlock()
	s.record("the service was restarted")
	s.winrm.shells.removeAll()
}

func (f *faults) isRestarting() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return time.Now().Before(f.restarted)
}

// MendWinRM takes back everything that was switched on about WinRM, and what it has left. A machine that reboots goes on doing so.
func (s *Server) MendWinRM() {
	s.Fail()
	s.Drop(0)
	s.Latency(0)
	s.Narrow(0)
	s.SetLimits(Limits{})
	s.Unreachable(false)
	s.LockAccount(false)
	s.KillStarting(0, "", 0)
	s.winrm.shells.endOf(guest)
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.restarted, s.faults.denied = time.Time{}, 0
}

func newFaults(c Config) *faults {
	return &faults{proxy: c.MachineProxy, refuse: map[string]bool{}, snapped: map[string]int{}, limits: Limits{EnvelopeKB: c.MaxEnvelopeKB, Timeout: timeoutLimit}}
}

// Drop resets the connection of every n-th WinRM request, alternately before and after its effect; 0 stops that.
func (s *Server) Drop(n int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.dropEvery, s.faults.requests = n, 0
}

// Unreachable resets every WinRM connection, present and future, until it is switched off. The site is not touched.
func (s *Server) Unreachable(on bool) {
	s.faults.mu.Lock()
	s.faults.unreachable = on
	s.faults.mu.Unlock()
	if on {
		s.winrm.reset()
	}
}

// Latency delays every WinRM answer by d.
func (s *Server) Latency(d time.Duration) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.latency = d
}

// RefuseStart makes the pool of a slot fail whenever it is started from now on. A pool that runs goes on running.
func (s *Server) RefuseStart(slot string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.refuse[slot] = true
}

// AllowStart takes RefuseStart back.
func (s *Server) AllowStart(slot string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	delete(s.faults.refuse, slot)
}

// AllowStarts takes every RefuseStart back.
func (s *Server) AllowStarts() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	clear(s.faults.refuse)
}

// ConflictCommits makes the next n commits of the IIS configuration fail because "the file has changed on disk". The
// agent tries a commit up to 8 times.
func (s *Server) ConflictCommits(n int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.conflicts = n
}

func (f *faults) refuses(slot string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.refuse[slot]
}

// conflict uses up one conflicting commit.
func (f *faults) conflict() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.conflicts == 0 {
		return false
	}
	f.conflicts--
	f.snapped["commit"]++
	return true
}

func (f *faults) isUnreachable() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.unreachable
}

// fate is what happens to one WinRM request.
type fate struct {
	before, after bool // its connection is reset before or after the effect
	latency       time.Duration
}

func (f *faults) next() fate {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := fate{latency: f.latency}
	if f.dropEvery <= 0 {
		return out
	}
	f.requests++
	if f.requests%f.dropEvery == 0 {
		f.drops++
		out.before = f.drops%2 == 1
		out.after = !out.before
	}
	return out
}
