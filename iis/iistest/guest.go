package iistest

import (
	"context"
	"io"
	"time"
)

// guest is what another tool calls its shells.
const guest = "another tool"

// Crowd has another tool open so many shells under the same account, the first of which begins so many operations. They are used
// for a while, and then deleted.
func (s *Server) Crowd(shells, operations int, while time.Duration) {
	for i := range shells {
		sh := s.winrm.shells.create(guest, idleMost)
		if sh == nil {
			return
		}
		s.winrm.shells.mu.Lock()
		sh.busy++ // nobody reaps it before its time
		if i == 0 {
			sh.begun = operations
		}
		sh.reaper.Stop()
		sh.reaper = time.AfterFunc(while, func() { s.winrm.shells.remove(sh) })
		s.winrm.shells.mu.Unlock()
	}
}

// endOf deletes the shells with a name.
func (s *shells) endOf(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, sh := range s.open {
		if sh.name == name {
			s.end(sh)
		}
	}
}

// Abandon opens so many shells that nobody uses, and has not for some time.
func (s *Server) Abandon(name string, count int, unused time.Duration) {
	for range count {
		if sh := s.winrm.shells.create(name, idleMost); sh != nil {
			s.winrm.shells.mu.Lock()
			sh.used = time.Now().Add(-unused)
			s.winrm.shells.mu.Unlock()
		}
	}
}

// EndShells deletes every shell, as an administrator can; their processes end.
func (s *Server) EndShells() {
	s.record("%d shells were deleted by an administrator", s.winrm.shells.count())
	s.winrm.shells.removeAll()
}

// KillProcesses ends every process in a shell, with an exit code and last words on its standard error, as Windows does for want of
// memory. The shells stay.
func (s *Server) KillProcesses(code int, words string) {
	s.record("%d processes were killed with exit code %d", s.winrm.shells.killAll(code, words), code)
}

// LoseOutput has what processes say for a while go to polls of connections whose other end is gone, which WinRM has not noticed.
func (s *Server) LoseOutput(d time.Duration) {
	s.winrm.shells.mu.Lock()
	defer s.winrm.shells.mu.Unlock()
	for _, sh := range s.winrm.shells.open {
		for _, p := range sh.commands {
			p.lose(d)
		}
	}
}

// killAll returns how many there were.
func (s *shells) killAll(code int, words string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, sh := range s.open {
		for _, p := range sh.commands {
			n += p.die(code, words)
		}
	}
	return n
}

// KillStarting ends the next processes in the same way, before they do anything.
func (s *Server) KillStarting(code int, words string, times int) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.stillborn, s.faults.births = death{code, words}, times
}

// birth uses up one process that is to be killed at once.
func (f *faults) birth() (death, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.births == 0 {
		return death{}, false
	}
	f.births--
	return f.stillborn, true
}

// starts is the program of a command line, unless it is to be killed.
func (s *Server) starts(line string) program {
	end, is := s.faults.birth()
	if !is {
		return s.program(line)
	}
	s.record("a new process was killed with exit code %d", end.code)
	return func(_ context.Context, _ io.Reader, _, errs io.Writer) int {
		_, _ = io.WriteString(errs, end.words) // a killed process writes nothing
		return end.code
	}
}
