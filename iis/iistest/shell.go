package iistest

import (
	"cmp"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"time"
)

const idleMost = 2 * time.Hour

// shells are the open ones of the one user.
type shells struct {
	idleFloor  time.Duration
	quota      int // shells
	operations int // quota
	idleMost   time.Duration
	strict     bool // a pending Receive is no use
	record     func(format string, args ...any)
	mu         sync.Mutex
	open       map[string]*shell
}

// shell is one WinRS shell. The lock of shells guards it.
type shell struct {
	id       string
	name     string
	idle     time.Duration
	reaper   *time.Timer
	busy     int // requests in progress, which keep it alive
	begun    int // operations, which count until the shell is deleted
	used     time.Time
	commands map[string]*process
}

func newShells(c Config, record func(format string, args ...any)) *shells {
	return &shells{record: record, idleFloor: c.IdleFloor, idleMost: idleMost, quota: c.MaxShells, operations: c.MaxOperations, open: map[string]*shell{}}
}

func (s *shells) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.open)
}

func (s *shells) most() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.quota
}

// create opens a shell; nil: the quota is used up.
func (s *shells) create(name string, idle time.Duration) *shell {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.open) >= s.quota {
		return nil
	}
	sh := &shell{id: uuid(), name: name, idle: min(max(idle, s.idleFloor), s.idleMost), used: time.Now(), commands: map[string]*process{}}
	sh.reaper = time.AfterFunc(sh.idle, func() { s.reap(sh) })
	s.open[sh.id] = sh
	return sh
}

// enter finds a shell and keeps it from idling until leave is called; nil: there is none.
func (s *shells) enter(id, verb string) (sh *shell, leave func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh = s.open[id]
	if sh == nil || s.strict && verb == "Receive" {
		return sh, func() {}
	}
	sh.busy++
	sh.used = time.Now()
	return sh, func() { s.leave(sh) }
}

func (s *shells) leave(sh *shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sh.busy--
	sh.used = time.Now()
	if sh.busy == 0 {
		sh.reaper.Reset(sh.idle)
	}
}

func (s *shells) reap(sh *shell) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if sh.busy == 0 {
		s.record("a shell was idle for %s", sh.idle)
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

// begin counts one operation of a shell; false: the user has begun too many.
func (s *shells) begin(sh *shell) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := 0
	for _, one := range s.open {
		all += one.begun
	}
	if all >= s.operations {
		return false
	}
	sh.begun++
	return true
}

// listed is one open shell as an enumeration tells of it.
type listed struct {
	id, name string
	inactive time.Duration // no request is in progress, and none was for so long
}

func (s *shells) list() []listed {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]listed, 0, len(s.open))
	for _, sh := range s.open {
		one := listed{id: sh.id, name: sh.name}
		if sh.busy == 0 {
			one.inactive = time.Since(sh.used)
		}
		out = append(out, one)
	}
	slices.SortFunc(out, func(a, b listed) int { return cmp.Compare(a.id, b.id) })
	return out
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
