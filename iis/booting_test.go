package iis

import (
	"net"
	"os"
	"syscall"
	"testing"

	"iiscanary/iis/winrm"
)

// A port without a listener is closed, or, behind Windows' own firewall (stealth mode) or on a machine that is down, says nothing at all.
func TestWhatABootLooksLikeExcusesARefusedLogin(t *testing.T) {
	for name, c := range map[string]struct {
		seen    error
		excused bool
	}{
		"no trouble":             {nil, false},
		"a lost connection":      {&net.OpError{Op: "read", Err: syscall.ECONNRESET}, false},
		"a closed port":          {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"a port that is silent":  {&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, true},
		"http.sys by itself":     {&winrm.StatusError{Status: 503}, true},
		"a service that is late": {&winrm.Fault{Code: 1115}, true},
	} {
		r := &returning{gate: newGate()}
		r.After(nil) // the login worked
		r.After(c.seen)
		refused := &winrm.AuthError{Auth: winrm.NTLM, Status: 401}
		r.After(refused)
		if got := r.excuses(refused); got != c.excused {
			t.Errorf("after %s: excused %t", name, got)
		}
	}
}

// One server that boots after the other, each into a login that works in the end, is no account that is about to be locked out.
func TestAShellThatWasOpenedMakesRoomForTheNextBoot(t *testing.T) {
	refused := &winrm.AuthError{Auth: winrm.NTLM, Status: 401}
	for name, opened := range map[string]bool{"a shell was opened since": true, "none was": false} {
		g := newGate()
		for i := range 2 {
			r := &returning{gate: g}
			r.After(nil)
			r.After(&winrm.StatusError{Status: 503})
			for n := range bootLogins {
				r.After(refused)
				if want := i == 0 || opened; r.excuses(refused) != want {
					t.Errorf("%s: server %d, login %d: excused %t", name, i+1, n+1, !want)
				}
			}
			if opened {
				_, _ = g.opened(nil, nil)
			}
		}
	}
}
