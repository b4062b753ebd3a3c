package iistest

import (
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
}

func newFaults() *faults { return &faults{refuse: map[string]bool{}} }

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
