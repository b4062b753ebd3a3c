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
