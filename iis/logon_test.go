package iis_test

import (
	"errors"
	"strings"
	"testing"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// sealed is servers as Windows sets them up: WinRM without TLS, Basic switched off.
func sealed(count int, fleet func(*iis.Options)) setup {
	return setup{servers: count, server: func(c *iistest.Config) { c.Plain, c.NoBasic = true, true }, fleet: fleet}
}

// plainly aims every endpoint at the listener without TLS. The servers are there only after the options were made.
func (w *world) plainly(t *testing.T) {
	t.Helper()
	for i, e := range w.options.Endpoints {
		w.options.Endpoints[i].HTTPS, w.options.Endpoints[i].Auth, w.options.Endpoints[i].Port = false, winrm.NTLM, w.servers[e.Server].PlainPort()
	}
	w.fleet = w.another(t)
}

func TestAWholeSlotIsDeployedOverNTLM(t *testing.T) {
	for name, bound := range map[string]bool{"sealed on plain HTTP": false, "bound to TLS": true} {
		t.Run(name, func(t *testing.T) {
			s := sealed(1, func(o *iis.Options) { o.Endpoints[0].Auth = winrm.NTLM })
			configure := s.server
			s.server = func(c *iistest.Config) { configure(c); c.StrictBinding = true }
			w := newWorld(t, s)
			if !bound {
				w.plainly(t)
			}
			w.acquire(t)
			w.stage(t, new, site("2"))
			if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
				t.Fatal(err)
			}
			if s := w.truth(t, new); s.Site != "started" {
				t.Errorf("the slot is %+v", s)
			}
			if n := w.servers["web-01"].Truth().LoginFails; n != 0 {
				t.Errorf("%d logins were refused", n)
			}
		})
	}
}

func TestNTLMTakesOneRequestToSendAndOneToReceive(t *testing.T) {
	w := newWorld(t, sealed(1, nil))
	w.plainly(t)
	hello := func() {
		t.Helper()
		if _, err := w.fleet.Hello(t.Context(), "web-01"); err != nil {
			t.Fatal(err)
		}
	}
	for range 3 {
		hello()
	}
	const operations = 20
	before := w.servers["web-01"].Truth().WinRMCalls
	for range operations {
		hello()
	}
	if n := w.servers["web-01"].Truth().WinRMCalls - before; n > 2*operations+1 {
		t.Errorf("%d requests for %d operations", n, operations)
	}
}

func TestOperationsOverNTLMSurviveDroppedConnections(t *testing.T) {
	w := newWorld(t, sealed(1, nil))
	w.plainly(t)
	w.drops(t, 3)
}

func TestAWrongPasswordOverNTLMIsTriedOnceInTheWholeFleet(t *testing.T) {
	w := newWorld(t, sealed(4, func(o *iis.Options) {
		for i := range o.Endpoints {
			o.Endpoints[i].Password = "wrong-Passw0rd"
		}
	}))
	w.plainly(t)
	for _, err := range w.surveyed(t) {
		if auth := (*winrm.AuthError)(nil); !errors.As(err, &auth) || auth.Auth != winrm.NTLM {
			t.Errorf("got %v", err)
		} else if strings.Contains(err.Error(), "Passw0rd") {
			t.Errorf("the password is in %q", err)
		}
	}
	if n := w.refusals(); n != 1 {
		t.Errorf("the password was tried %d times", n)
	}
}

func TestBasicIsNotTakenWhereNTLMIsOffered(t *testing.T) {
	w := newWorld(t, sealed(1, nil))
	_, err := w.fleet.Slots(t.Context(), "web-01")
	if auth := (*winrm.AuthError)(nil); !errors.As(err, &auth) || !strings.Contains(err.Error(), "offers Negotiate, not Basic; use auth: ntlm") {
		t.Errorf("got %v", err)
	}
}

func TestARebootedServerIsReachedAgainOverNTLM(t *testing.T) {
	w := newWorld(t, sealed(1, nil))
	w.plainly(t)
	w.acquire(t)
	w.stage(t, new, site("2"))
	w.servers["web-01"].Reboot()
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
}
