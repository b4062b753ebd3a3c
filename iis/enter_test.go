package iis_test

import (
	"errors"
	"testing"
	"time"

	"iiscanary/iis"
	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

func TestAWrongPasswordIsTriedOnceOnTheWholeFleet(t *testing.T) {
	w := newWorld(t, setup{servers: 3, fleet: func(o *iis.Options) {
		for i := range o.Endpoints {
			o.Endpoints[i].Password = "wrong"
		}
	}})
	refused, untried := 0, 0
	for _, name := range w.fleet.Servers() {
		_, err := w.fleet.Enter(t.Context(), name)
		if _, is := errors.AsType[*iis.UntriedError](err); is {
			untried++
		} else if _, is := errors.AsType[*winrm.AuthError](err); is {
			refused++
		} else {
			t.Errorf("%s: %v", name, err)
		}
	}
	logins := 0
	for _, s := range w.servers {
		logins += s.Truth().LoginFails
	}
	if refused != 1 || untried != 2 || logins != 1 {
		t.Errorf("%d refused, %d not tried, %d logins", refused, untried, logins)
	}
}

func TestAServerThatCannotRunTheAgentSaysSoAtOnce(t *testing.T) {
	w := newWorld(t, setup{})
	server := w.servers["web-01"]
	server.SetTrouble(iistest.Trouble{NoIIS: true})
	for range 20 { // its last words and its end come together
		_, err := w.fleet.Enter(t.Context(), "web-01")
		if start, is := errors.AsType[*agent.StartError](err); !is || !start.NoIIS {
			t.Fatalf("got %v", err)
		}
	}
	server.SetTrouble(iistest.Trouble{Constrained: true})
	began := time.Now()
	_, err := w.another(t).Enter(t.Context(), "web-01")
	if _, is := errors.AsType[*iis.EndedError](err); !is || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	server.SetTrouble(iistest.Trouble{NotElevated: true, Clock: time.Hour})
	hello, err := w.another(t).Enter(t.Context(), "web-01")
	if err != nil || hello.Elevated || hello.ClockOff.Round(time.Minute) != time.Hour {
		t.Errorf("%+v, %v", hello, err)
	}
}

func TestTheCertificateOfNewSlotsIsLookedForWithoutAChange(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Certificate.Subject = "*.domain.com" }})
	found, asked, err := w.fleet.FindCertificate(t.Context(), "web-01")
	if err != nil || !asked || found.Subject != "CN=web.test" || len(found.Thumbprint) != 40 || time.Until(found.NotAfter) <= 0 {
		t.Errorf("%+v, %t, %v", found, asked, err)
	}
	w.servers["web-01"].SetTrouble(iistest.Trouble{NoCertificate: true})
	_, _, err = w.fleet.FindCertificate(t.Context(), "web-01")
	if refused, is := errors.AsType[*agent.Error](err); !is || refused.Code != agent.CertificateMissing {
		t.Errorf("got %v", err)
	}
	w.options.Certificate = iis.Certificate{}
	if _, asked, err := w.another(t).FindCertificate(t.Context(), "web-01"); asked || err != nil {
		t.Errorf("asked %t, %v", asked, err)
	}
}
