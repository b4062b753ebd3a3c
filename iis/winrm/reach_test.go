package winrm_test

import (
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/winrm"
)

func TestHowFarAListenerCanBeReachedIsToldWithoutALogin(t *testing.T) {
	p := newPeer(t)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	port := func(l net.Addr) int { return l.(*net.TCPAddr).Port }
	tests := map[string]struct {
		change   func(*winrm.Options)
		stage    winrm.Stage
		filtered bool
		words    string
	}{
		"a name without an address": {func(o *winrm.Options) { o.Host = strings.Repeat("x", 64) + ".invalid" }, winrm.Resolving, false, "has no address: no such host"},
		"a closed port":             {func(o *winrm.Options) { o.Port = port(closed.Addr()) }, winrm.Connecting, false, "takes no connection: "},
		"a port that stays silent":  {func(o *winrm.Options) { o.Timeouts.Dial = time.Nanosecond }, winrm.Connecting, true, "does not answer"},
		"a port without TLS":        {func(o *winrm.Options) { o.Port = port(plain.Listener.Addr()) }, winrm.Securing, false, "speaks no TLS: "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := p.options()
			test.change(&o)
			c, err := winrm.New(o)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Reach(t.Context())
			no, is := errors.AsType[*winrm.ReachError](err)
			if !is || no.Stage != test.stage || no.Filtered != test.filtered || !strings.Contains(err.Error(), test.words) {
				t.Errorf("got %#v: %v", no, err)
			}
		})
	}
	o := p.options()
	o.CAs = x509.NewCertPool()
	c, err := winrm.New(o)
	if err != nil {
		t.Fatal(err)
	}
	untrusted, is := errors.AsType[*winrm.CertificateError](c.Reach(t.Context()))
	if !is || untrusted.Issuer == "" {
		t.Errorf("got %+v", untrusted)
	}
	if err := p.client(t).Reach(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(p.requests("Create")); n != 0 {
		t.Errorf("%d requests were made, each with the password", n)
	}
}
