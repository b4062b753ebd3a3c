package iis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// away is long enough for every connection to be missed, and looked for in vain: each is asked on over a new one after 100 ms.
const away = time.Second

// rebooting has been spoken to, and then goes down.
func rebooting(t *testing.T, how iistest.Booting) *world {
	t.Helper()
	w := newWorld(t, setup{servers: 2, fleet: func(o *iis.Options) {
		o.Timeouts.Tries, o.Timeouts.Pause, o.Timeouts.Boot = 12, 20*time.Millisecond, 20*time.Millisecond
	}})
	w.options.Bindings = []string{w.servers["web-01"].Binding()}
	w.fleet = w.another(t)
	w.acquire(t)
	w.stage(t, new, site("2"))
	w.servers["web-01"].RebootSlowly(how)
	return w
}

func TestARefusedLoginRightAfterARebootIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := rebooting(t, iistest.Booting{Away: away, Starting: 50 * time.Millisecond, Refused: 2})
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	if s := w.truth(t, new); s.Site != "started" {
		t.Errorf("the slot is %+v", s)
	}
	if n := w.servers["web-01"].Truth().LoginFails; n != 2 {
		t.Errorf("%d logins were refused", n)
	}
}

func TestALoginThatStaysRefusedAfterARebootIsTriedTwiceMore(t *testing.T) {
	t.Parallel()
	w := rebooting(t, iistest.Booting{Away: away, Starting: 50 * time.Millisecond, Refused: 1000})
	err := w.fleet.Start(t.Context(), "web-01", new)
	if _, is := errors.AsType[*winrm.AuthError](err); !is || !strings.Contains(err.Error(), "it let this login in before: look whether the account was locked out") {
		t.Errorf("got %v", err)
	}
	if err := w.fleet.Start(t.Context(), "web-01", new); err == nil {
		t.Error("no error")
	}
	if n := w.servers["web-01"].Truth().LoginFails; n != 3 {
		t.Errorf("%d logins were refused, want two because of the reboot, and one", n)
	}
	if _, err := w.fleet.Slots(t.Context(), "web-02"); err != nil {
		t.Errorf("one server that does not come up well keeps the others from being put back: %v", err)
	}
}

func TestALoginThatIsRefusedWithoutARebootIsTriedOnce(t *testing.T) {
	w := newWorld(t, setup{})
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	s := w.servers["web-01"]
	settle(s)
	before := s.Truth()
	s.LockAccount(true)
	err := w.hello(t)
	if _, is := errors.AsType[*winrm.AuthError](err); !is || !strings.Contains(err.Error(), "it let this login in before") {
		t.Errorf("got %v", err)
	}
	if n := s.Truth().LoginFails - before.LoginFails; n != 1 { // what comes first: a Receive, or the end of the old shell
		t.Errorf("%d logins were refused", n)
	}
}

// settle waits until a server has got nothing new for a moment: the fleet's next Receive is held there. A login is refused as often as
// requests are on their way when the password changes.
func settle(s *iistest.Server) {
	const moment = 20 * time.Millisecond
	for before := -1; before != s.Truth().WinRMCalls; time.Sleep(moment) {
		before = s.Truth().WinRMCalls
	}
}

// refusals is how many logins all servers have refused.
func (w *world) refusals() int {
	n := 0
	for _, s := range w.servers {
		n += s.Truth().LoginFails
	}
	return n
}

func TestAPasswordThatChangesInTheMiddleOfARunIsTriedTwiceInTheWholeFleet(t *testing.T) {
	for name, auth := range map[string]winrm.Auth{"basic": winrm.Basic, "ntlm": winrm.NTLM} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{servers: 4, fleet: func(o *iis.Options) {
				for i := range o.Endpoints {
					o.Endpoints[i].Auth = auth
				}
			}})
			for server, err := range w.surveyed(t) {
				if err != nil {
					t.Fatal(server, err)
				}
			}
			refused := func(server string) {
				settle(w.servers[server])
				w.servers[server].LockAccount(true)
				_, err := w.fleet.Slots(t.Context(), server)
				if _, is := errors.AsType[*winrm.AuthError](err); !is || !strings.Contains(err.Error(), "it let this login in before") {
					t.Errorf("%s: %v", server, err)
				}
			}
			refused("web-02")
			refused("web-02")
			if _, err := w.fleet.Slots(t.Context(), "web-01"); err != nil {
				t.Errorf("one server with another password stops the way back of the rest: %v", err)
			}
			refused("web-03")
			if n := w.refusals(); n != 2 {
				t.Errorf("%d logins were refused", n)
			}
			refused("web-01")
			refused("web-04")
			_ = w.fleet.Close() // without a login
			if n := w.refusals(); n != 2 {
				t.Errorf("%d logins were refused", n)
			}
		})
	}
}

func TestServersThatBootTogetherDoNotLockTheAccountOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{servers: 3, fleet: func(o *iis.Options) {
		o.Timeouts.Tries, o.Timeouts.Pause, o.Timeouts.Boot = 12, 20*time.Millisecond, 20*time.Millisecond
	}})
	for server, err := range w.surveyed(t) {
		if err != nil {
			t.Fatal(server, err)
		}
	}
	for _, s := range w.servers {
		s.RebootSlowly(iistest.Booting{Away: away, Starting: 50 * time.Millisecond, Refused: 1000})
	}
	for _, server := range w.fleet.Servers() {
		if _, err := w.fleet.Slots(t.Context(), server); err == nil {
			t.Errorf("%s: no error", server)
		}
	}
	if n := w.refusals(); n != 4 {
		t.Errorf("%d logins were refused, want two because of the reboots, and one of each server that is not to be asked any more", n)
	}
}

func TestALoginThatNeverWorkedIsNotExcusedByAReboot(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Endpoints[0].Password = "wrong" }})
	w.servers["web-01"].Fail(iistest.Failure{Status: 503, Times: 2})
	for i := range 2 {
		err := w.hello(t)
		if _, is := errors.AsType[*winrm.AuthError](err); !is || strings.Contains(err.Error(), "before") {
			t.Errorf("got %v", err)
		}
		if _, untried := errors.AsType[*iis.UntriedError](err); untried != (i == 1) {
			t.Errorf("operation %d says %v", i, err)
		}
	}
	if n := w.servers["web-01"].Truth().LoginFails; n != 1 {
		t.Errorf("%d logins were refused", n)
	}
}
