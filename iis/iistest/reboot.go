package iistest

import (
	"time"
)

// Reboot restarts the machine: connections are reset, shells and workers are gone, and what comes back is what the boot
// flags say, cold. Files, leases and notes survive. It returns when the boot is over.
func (s *Server) Reboot() {
	s.winrm.goDown()
	s.machine.powerOff()
	s.machine.boot()
	s.winrm.comeUp()
}

// Booting is how a machine comes up again.
type Booting struct {
	Away     time.Duration // how long every port is closed
	Starting time.Duration // how long WinRM answers 503 after that, while IIS starts
	Refused  int           // how many logins fail then, because the machine cannot ask for passwords yet
}

// RebootSlowly is Reboot as the network sees it: connections are reset, then refused, then answered with 503, then with 401, then
// well. It returns when the ports are closed.
func (s *Server) RebootSlowly(b Booting) {
	s.record("the machine goes down")
	s.winrm.fall()
	_ = s.winrm.hangUp() // whoever closes the server meanwhile has closed the ports
	s.closing.Go(func() {
		s.winrm.processes.Wait()
		s.machine.powerOff()
		if !s.rest(b.Away) || s.winrm.listen() != nil {
			return
		}
		s.faults.mu.Lock()
		s.faults.restarted, s.faults.denied = time.Now().Add(b.Starting), b.Refused
		s.faults.mu.Unlock()
		s.winrm.comeUp()
		s.machine.boot()
		s.record("the machine is up")
	})
}

// rest returns true after d, and false when the server closes first.
func (s *Server) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.done:
		return false
	}
}

// LockAccount locks the account out, as too many wrong passwords of somebody else do, and resets the connections that were logged on.
func (s *Server) LockAccount(on bool) {
	s.faults.mu.Lock()
	s.faults.locked = on
	s.faults.mu.Unlock()
	if on {
		s.record("the account is locked out")
		s.winrm.reset()
	}
}

// denies says that the right password is of no use, and uses up one of the logins that are to fail.
func (f *faults) denies() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.denied > 0 {
		f.denied--
		return true
	}
	return f.locked
}
