package iis_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
	"iiscanary/iis/kdctest"
	"iiscanary/iis/winrm"
	"iiscanary/iis/winrm/kerberos"
)

// joined is servers of a domain, and a fleet that shows tickets of one of its accounts.
func joined(t *testing.T, servers int, adjust func(name string, c *iistest.Config)) (*world, *kdctest.KDC) {
	t.Helper()
	services := map[string]string{}
	for _, name := range []string{"web-01", "web-02", "web-03"} {
		services["HTTP/"+name+".corp.test"] = "machine " + name
	}
	k, err := kdctest.New(kdctest.Config{Realm: "CORP.TEST", Accounts: map[string]string{"deploy": "right"}, Services: services})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	conf := filepath.Join(t.TempDir(), "krb5.conf")
	if err := os.WriteFile(conf, []byte(k.Krb5Conf()), 0o600); err != nil {
		t.Fatal(err)
	}
	tickets, err := kerberos.New(kerberos.Options{User: "deploy@CORP.TEST", Password: "right", Config: conf})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(tickets.Close)
	w := newWorld(t, setup{servers: servers, server: func(c *iistest.Config) {
		keys, err := k.Keytab("HTTP/" + c.Name + ".corp.test")
		if err != nil {
			t.Fatal(err)
		}
		c.Keytab, c.Members, c.StrictBinding, c.NoBasic = keys, []string{"deploy@CORP.TEST"}, true, true
		if adjust != nil {
			adjust(c.Name, c)
		}
	}, fleet: func(o *iis.Options) {
		for i, e := range o.Endpoints {
			o.Endpoints[i].Auth, o.Endpoints[i].Tickets, o.Endpoints[i].SPN = winrm.Kerberos, tickets, "HTTP/"+e.Server+".corp.test"
			o.Endpoints[i].User, o.Endpoints[i].Password = "", ""
		}
	}})
	return w, k
}

// surveyed asks every server at the same time, and returns the errors by name.
func (w *world) surveyed(t *testing.T) map[string]error {
	t.Helper()
	type answer struct {
		name string
		err  error
	}
	all := make(chan answer, len(w.servers))
	for name := range w.servers {
		go func() {
			_, err := w.fleet.Slots(t.Context(), name)
			all <- answer{name, err}
		}()
	}
	out := map[string]error{}
	for range w.servers {
		a := <-all
		out[a.name] = a.err
	}
	return out
}

func TestOneLoginAtTheKDCIsEnoughForAllServers(t *testing.T) {
	w, k := joined(t, 3, nil)
	for name, err := range w.surveyed(t) {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if truth := k.Truth(); truth.Logins != 1 || len(truth.Tickets) != 3 || truth.Tickets["HTTP/web-01.corp.test"] != 1 {
		t.Errorf("%+v", truth)
	}
}

func TestOperationsOverKerberosSurviveDroppedConnections(t *testing.T) {
	w, k := joined(t, 1, nil)
	w.drops(t, 3)
	if n := k.Truth().Logins; n != 1 {
		t.Errorf("%d logins at the KDC", n)
	}
}

func TestWhatOneServerRefusesSaysNothingAboutTheOthers(t *testing.T) {
	w, _ := joined(t, 3, func(name string, c *iistest.Config) {
		if name == "web-02" {
			c.Members = nil
		}
	})
	for name, err := range w.surveyed(t) {
		_, refused := errors.AsType[*winrm.AuthError](err)
		if (name == "web-02") != refused || name != "web-02" && err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestWhatTheKDCRefusesIsTriedOnceForTheWholeFleet(t *testing.T) {
	w, k := joined(t, 3, nil)
	k.SetTrouble(kdctest.Trouble{Code: 18})
	untried := 0
	for name, err := range w.surveyed(t) {
		if _, refused := errors.AsType[*winrm.AuthError](err); !refused {
			t.Errorf("%s: %v", name, err)
		}
		if _, is := errors.AsType[*iis.UntriedError](err); is {
			untried++
		}
	}
	if untried != 2 {
		t.Errorf("%d servers were not tried", untried)
	}
	for name, s := range w.servers {
		if n := s.Truth().WinRMCalls; n != 0 {
			t.Errorf("%s got %d requests", name, n)
		}
	}
}
