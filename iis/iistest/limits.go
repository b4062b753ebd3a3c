package iistest

import "time"

// Limits are the settings of WinRM that a policy changes while the service runs. A zero value leaves what Config or Windows has.
type Limits struct {
	Shells     int           // MaxShellsPerUser
	Operations int           // MaxConcurrentOperationsPerUser
	EnvelopeKB int           // MaxEnvelopeSizekb
	Timeout    time.Duration // MaxTimeoutms: how long a request is held; 500 ms are the least
	// Idle is the longest time that a shell may be idle, those included that are open. A pending Receive does not count as use
	// then: whether it does on Windows was never measured.
	Idle time.Duration
	// Piece is the most bytes of a process' output in one rsp:Stream; 0: what the process wrote at once.
	Piece int
}

// SetLimits replaces the limits, from the next request on.
func (s *Server) SetLimits(l Limits) {
	setDefault(&l.EnvelopeKB, s.config.MaxEnvelopeKB)
	setDefault(&l.Timeout, timeoutLimit)
	l.Timeout = min(max(l.Timeout, timeoutLeast), timeoutLimit)
	s.record("the limits are %+v", l)
	s.faults.mu.Lock()
	s.faults.limits = l
	s.faults.mu.Unlock()
	setDefault(&l.Shells, s.config.MaxShells)
	setDefault(&l.Operations, s.config.MaxOperations)
	s.winrm.shells.limit(l)
}

func (f *faults) limited() Limits {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.limits
}

// limit changes the quotas, and how long shells may be idle.
func (s *shells) limit(l Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.quota, s.operations, s.strict = l.Shells, l.Operations, l.Idle > 0
	s.idleMost = idleMost
	if !s.strict {
		return
	}
	s.idleMost = l.Idle
	for _, sh := range s.open {
		sh.idle = min(sh.idle, l.Idle)
		sh.reaper.Reset(sh.idle)
	}
}
