package winrm_test

import (
	"bytes"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/iistest"
	"iiscanary/iis/kdctest"
	"iiscanary/iis/winrm"
	"iiscanary/iis/winrm/kerberos"
	"iiscanary/iis/winrm/ntlm"
)

const spn = "HTTP/web-sim.corp.test"

// domain is a realm with the account deploy and a server in it. The server takes bound tickets only.
type domain struct {
	kdc    *kdctest.KDC
	server *iistest.Server
	conf   string
}

func newDomain(t *testing.T, adjust func(*iistest.Config)) domain {
	t.Helper()
	k, err := kdctest.New(kdctest.Config{Realm: "CORP.TEST", Accounts: map[string]string{"deploy": "right", "guest": "right"},
		Services: map[string]string{spn: "machine", "HTTP/other.corp.test": "other machine"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	keys, err := k.Keytab(spn)
	if err != nil {
		t.Fatal(err)
	}
	s := windows(t, func(c *iistest.Config) {
		c.Keytab, c.Members, c.StrictBinding = keys, []string{"deploy@CORP.TEST"}, true
		if adjust != nil {
			adjust(c)
		}
	})
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(conf, []byte(k.Krb5Conf()), 0o600); err != nil {
		t.Fatal(err)
	}
	return domain{k, s, conf}
}

// options log in to the server with a ticket of a user.
func (d domain) options(t *testing.T, user string) winrm.Options {
	t.Helper()
	c, err := kerberos.New(kerberos.Options{User: user, Password: "right", Config: d.conf, Timeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	o := aimed(d.server, false)
	o.Auth, o.User, o.Password, o.Tickets, o.SPN = winrm.Kerberos, "", "", c, spn
	return o
}

func TestKerberosTakesOneRequestForEachOperationFromTheFirstOn(t *testing.T) {
	for name, forgetful := range map[string]bool{"a server that keeps logins": false, "a server that forgets them": true} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t, func(c *iistest.Config) { c.ForgetLogins = forgetful })
			shell, err := open(t, d.options(t, "deploy"))
			if err != nil {
				t.Fatal(err)
			}
			first := d.server.Truth().WinRMCalls
			if first != 1 {
				t.Errorf("%d requests to open a shell", first)
			}
			if err := shell.Start(t.Context(), "sort"); err != nil {
				t.Fatal(err)
			}
			before := d.server.Truth().WinRMCalls
			for range 10 {
				if err := shell.Send(t.Context(), []byte("x\r\n")); err != nil {
					t.Fatal(err)
				}
			}
			if n := d.server.Truth().WinRMCalls - before; n != 10 {
				t.Errorf("%d requests for 10 operations", n)
			}
			if truth := d.kdc.Truth(); truth.Logins != 1 || truth.Tickets[spn] != 1 || d.server.Truth().LoginFails != 0 {
				t.Errorf("%+v, %d refused logins", truth, d.server.Truth().LoginFails)
			}
		})
	}
}

func TestWhyAServerRefusesATicketIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		user    string
		server  func(*iistest.Config)
		trouble iistest.Trouble
		spn     string
		words   string
	}{
		"its clock is off": {trouble: iistest.Trouble{Clock: time.Hour},
			words: "refused the login of deploy@CORP.TEST: the server refuses the ticket for " + spn + ": the clocks differ by too much, by 1h0m0s (Kerberos error 37); let this machine"},
		"the ticket is for another account": {spn: "HTTP/other.corp.test",
			words: "the server refuses the ticket for HTTP/other.corp.test: the ticket was made for the key of another account (Kerberos error 41); the name is registered for another account"},
		"the account may not use WinRM": {user: "guest", words: "refused the login of guest@CORP.TEST: the ticket was read, and the account may not use WinRM"},
		"it is in no domain":            {server: func(c *iistest.Config) { c.Keytab = nil }, words: "the ticket was read"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDomain(t, c.server)
			d.server.SetTrouble(c.trouble)
			if c.user == "" {
				c.user = "deploy"
			}
			o := d.options(t, c.user)
			if c.spn != "" {
				o.SPN = c.spn
			}
			_, err := open(t, o)
			refused, is := errors.AsType[*winrm.AuthError](err)
			if !is || refused.Everywhere() || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
			if n := d.server.Truth().WinRMCalls; n != 1 {
				t.Errorf("%d requests: it is tried once", n)
			}
		})
	}
}

func TestWhatTheKDCRefusesReachesNoServer(t *testing.T) {
	d := newDomain(t, nil)
	d.kdc.SetTrouble(kdctest.Trouble{Code: 23})
	_, err := open(t, d.options(t, "deploy"))
	refused, is := errors.AsType[*winrm.AuthError](err)
	if !is || !refused.Everywhere() || !strings.Contains(err.Error(), "cannot be logged in to: Kerberos in CORP.TEST refuses deploy@CORP.TEST: the password has expired") {
		t.Errorf("got %v", err)
	}
	d.kdc.SetTrouble(kdctest.Trouble{})
	o := d.options(t, "deploy")
	o.SPN = "HTTP/nobody.corp.test"
	_, err = open(t, o)
	if said, is := errors.AsType[*kerberos.Error](err); !is || said.Code != 7 || winrm.Diagnose(err).Kind != winrm.Permanent {
		t.Errorf("got %v", err)
	}
	if n := d.server.Truth().WinRMCalls; n != 0 {
		t.Errorf("%d requests", n)
	}
}

func TestTheSimulatedServerIsStrictAboutTickets(t *testing.T) {
	d := newDomain(t, nil)
	tickets := d.options(t, "deploy").Tickets
	token := func(binding []byte) []byte {
		b, err := tickets.Token(t.Context(), spn, binding)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p := httptest.NewTLSServer(nil)
	right := ntlm.Binding(p.Certificate())
	p.Close()
	expect := func(what string, plain bool, token []byte, want int) {
		t.Helper()
		if n, _ := newRaw(t, d.server, plain).post(token, soapKind, []byte(identify)); n != want {
			t.Errorf("%s: HTTP %d, want %d", what, n, want)
		}
	}
	once := token(right)
	expect("a bound ticket", false, once, 200)
	expect("the same once more", false, once, 401)
	expect("one that is bound to nothing", false, token(nil), 401)
	expect("one of another connection", false, token(bytes.Repeat([]byte{1}, 16)), 401)
	expect("without TLS", true, token(right), 401)
	changed := token(right)
	changed[len(changed)-20] ^= 1
	expect("a changed one", false, changed, 401)
	expect("half of one", false, token(right)[:100], 401)
}
