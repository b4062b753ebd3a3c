package iis

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"iiscanary/iis/winrm"
)

const (
	// bootTime is how long after a server was without WinRM it may still be about to boot.
	bootTime = 15 * time.Minute
	// bootLogins is how many refusals are put down to that: too few to lock an account out.
	bootLogins = 2
)

// returning is the guard of one server's logins, and knows whether it may be coming up again. Such a machine refuses every login for
// a while, until it can ask a domain controller; on any other a refused login is never tried again.
type returning struct {
	gate *gate

	mu      sync.Mutex
	known   bool      // it has let this login in before
	down    time.Time // when it was last seen without WinRM
	refused int       // logins since it let one in
	excused bool      // the last of them
}

var _ winrm.Guard = (*returning)(nil)

// Before keeps a login back that was refused somewhere.
func (r *returning) Before() error { return r.gate.shut(r) }

// After learns from every answer.
func (r *returning) After(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	no, refused := errors.AsType[*winrm.AuthError](err)
	_, fault := errors.AsType[*winrm.Fault](err)
	switch {
	case refused:
		r.refused++
		r.excused = r.gate.refuse(no, r, r.known, r.known && r.refused <= bootLogins && time.Since(r.down) < bootTime)
	case slices.Contains([]string{"refused", "filtered", "not-ready", "shutting-down"}, winrm.Diagnose(err).Name):
		r.down = time.Now()
	case err == nil, fault:
		r.known, r.refused = true, 0
	}
}

// excuses says that an error is a refused login that may be right all the same.
func (r *returning) excuses(err error) bool {
	_, refused := errors.AsType[*winrm.AuthError](err)
	_, untried := errors.AsType[*UntriedError](err)
	r.mu.Lock()
	defer r.mu.Unlock()
	return refused && !untried && r.excused
}

// explained adds to a refused login what is known of it.
func (r *returning) explained(err error) error {
	if _, refused := errors.AsType[*winrm.AuthError](err); refused && r.worked(err) {
		return fmt.Errorf("%w; it let this login in before: look whether the account was locked out or disabled since, or got another password", err)
	}
	return err
}

// worked says that whoever refused a login had let it in before.
func (r *returning) worked(err error) bool {
	if untried, is := errors.AsType[*UntriedError](err); is {
		return untried.Worked
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known
}
