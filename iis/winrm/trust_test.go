package winrm_test

import (
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"iiscanary/iis/winrm"
)

func TestAWrongPasswordNamesWhatTheServerOffers(t *testing.T) {
	p := newPeer(t)
	o := p.options()
	o.Password = "wrong-Passw0rd"
	c, err := winrm.New(o)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Open(t.Context())
	var auth *winrm.AuthError
	if !errors.As(err, &auth) {
		t.Fatalf("got %v", err)
	}
	if got := strings.Join(auth.Schemes, " "); got != "Negotiate Basic" || auth.User != "deploy" {
		t.Errorf("schemes %q, user %q", got, auth.User)
	}
	if strings.Contains(err.Error(), o.Password) {
		t.Errorf("the password is in %q", err)
	}
}

func TestACertificateThatIsNotTrustedIsNamed(t *testing.T) {
	p := newPeer(t)
	const authority = "give the certificate of the authority that signed it as ca"
	tests := map[string]struct {
		change func(*winrm.Options)
		advice string
	}{
		"by nobody here":        {func(o *winrm.Options) { o.CAs = x509.NewCertPool() }, authority},
		"under another name":    {func(o *winrm.Options) { o.ServerName = "web-01.other.org" }, "give a name that it carries as server_name"},
		"by the machine's list": {func(o *winrm.Options) { o.CAs = nil }, authority},
	}
	leaf := p.Certificate()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			o := p.options()
			test.change(&o)
			c, err := winrm.New(o)
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Open(t.Context())
			var cert *winrm.CertificateError
			if !errors.As(err, &cert) {
				t.Fatalf("got %v", err)
			}
			if cert.SHA256 != fmt.Sprintf("%X", sha256.Sum256(leaf.Raw)) || !cert.NotAfter.Equal(leaf.NotAfter) {
				t.Errorf("named %+v", *cert)
			}
			for _, want := range []string{cert.SHA256, "example.com", test.advice} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %q", want, err)
				}
			}
		})
	}
	if n := len(p.requests("Create")); n != 0 {
		t.Errorf("%d requests, each with the password, reached a server that is not trusted", n)
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	elsewhere := newPeer(t)
	p := newPeer(t)
	p.on("Create", func(message) answer {
		return answer{status: http.StatusTemporaryRedirect, headers: map[string]string{"Location": elsewhere.URL + "/wsman"}}
	})
	if _, err := p.client(t).Open(t.Context()); err == nil {
		t.Error("no error")
	}
	if n := len(elsewhere.requests("Create")); n != 0 {
		t.Error("the password went to another place")
	}
}

func TestTheEnvironmentsProxyIsNotAsked(t *testing.T) {
	t.Setenv("HTTPS_PROXY", "http://127.0.0.1:1")
	t.Setenv("https_proxy", "http://127.0.0.1:1")
	if _, err := newPeer(t).client(t).Open(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAnAddressThatCannotBeIsRefusedAtOnce(t *testing.T) {
	for name, o := range map[string]winrm.Options{
		"no host": {Port: 5986, User: "u"},
		"port 0":  {Host: "h", User: "u"},
		"no user": {Host: "h", Port: 5986},
	} {
		if _, err := winrm.New(o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
