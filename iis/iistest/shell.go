package iistest

import (
	"crypto/rand"
	"fmt"
	"sync"
	"time"
)

const (
	shellQuota = 30 // MaxShellsPerUser
	idleMost   = 2 * time.Hour
)

// shells are the open ones of the one user.
type shells struct {
	idleFloor time.Duration
	mu        sync.Mutex
	open      map[string]*shell
}

// shell is one WinRS shell. The lock of shells guards it.
type shell struct {
	id       string
	name     string
	idle     time.Duration
	reaper   *time.Timer
	busy     int // requests in progress, which keep it alive
	commands map[string]*process
}

func newShells(c Config) *shells { return &shells{idleFloor: c.IdleFloor, open: map[string]*shell{}} }

func (s *shells) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

// create opens a shell; nil: the quota is used up.
func (s *shells) create(name string, idle time.Duration) *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= shellQuota {
		return nil
	}
	sh := &shell{id: uuid(), name: name, idle: min(max(idle, s.idleFloor), idleMost), commands: map[string]*process{}}
	sh.reaper = time.AfterFunc(sh.idle, func() { s.reap(sh) })
	s.open[sh.id] = sh
	return sh
}

// enter finds a shell and keeps it from idling until leave.
func (s *shells) enter(id string) *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh := s.open[id]
	if sh != nil {
		sh.busy++
	}
	return sh
}

func (s *shells) leave(sh *shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh.busy--
	if sh.busy == 0 {
		sh.reaper.Reset(sh.idle)
	}
}

func (s *shells) reap(sh *shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.busy == 0 {
		s.end(sh)
	}
}

// end kills the shell's processes. The lock is held.
func (s *shells) end(sh *shell) {
	delete(s.open, sh.id)
	sh.reaper.Stop()
	for _, p := range sh.commands {
		p.kill()
	}
}

func (s *shells) remove(sh *shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(sh)
}

func (s *shells) removeAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range s.open {
		s.end(sh)
	}
}

// add books a command; false: its id is used already, or the shell is gone.
func (s *shells) add(sh *shell, p *process) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.commands[p.id] != nil || s.open[sh.id] != sh {
		return false
	}
	sh.commands[p.id] = p
	return true
}

// command finds a command of a shell that is still open; nil: none.
func (s *shells) command(sh *shell, id string) *process {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open[sh.id] != sh {
		return nil
	}
	return sh.commands[id]
}

// terminate ends a command and forgets it.
func (s *shells) terminate(sh *shell, p *process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.kill()
	delete(sh.commands, p.id)
}

// uuid is a random one in upper case, as Windows writes them.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
