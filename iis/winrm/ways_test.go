package winrm_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

func fullOfShells(t *testing.T) winrm.Options {
	s := windows(t, func(c *iistest.Config) { c.MaxShells = 1 })
	if _, err := open(t, aimed(s, true)); err != nil {
		t.Fatal(err)
	}
	return aimed(s, true)
}

// fullOfOperations has used up the user's operations in a shell that is still there.
func fullOfOperations(t *testing.T) winrm.Options {
	s := windows(t, func(c *iistest.Config) { c.MaxOperations = 1 })
	shell, err := open(t, aimed(s, true))
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(t.Context(), "hostname"); err != nil {
		t.Fatal(err)
	}
	return aimed(s, true)
}

func smallEnvelopes(t *testing.T) winrm.Options {
	return aimed(windows(t, func(c *iistest.Config) { c.MaxEnvelopeKB = 8 }), true)
}

// encodingLimit is the refusal as 2012 and later word quotas: no code of the old kind.
func encodingLimit(t *testing.T) winrm.Options {
	p := newPeer(t)
	p.on("Send", func(message) answer { return wsmanFault(0, "EncodingLimit", "The envelope is too large.") })
	return p.options()
}

func unanswered(t *testing.T) winrm.Options {
	o := aimed(windows(t, nil), true)
	o.Timeouts.Dial = time.Nanosecond
	return o
}

func closed(t *testing.T) winrm.Options {
	s := windows(t, nil)
	if err := s.CloseWinRM(); err != nil {
		t.Fatal(err)
	}
	return aimed(s, true)
}

func untrusted(t *testing.T) winrm.Options {
	o := aimed(windows(t, nil), false)
	o.CAs = x509.NewCertPool()
	return o
}

// expired is a listener whose certificate was good until an hour ago.
func expired(t *testing.T) winrm.Options {
	return showing(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) })
}

func anotherName(t *testing.T) winrm.Options {
	return showing(t, func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"web-99.domain.com"}, nil })
}

// showing is a listener with a certificate of its own, signed by an authority that is trusted.
func showing(t *testing.T, change func(*x509.Certificate)) winrm.Options {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web-01"}, DNSNames: []string{"example.com"},
		NotBefore: time.Now().Add(-2 * time.Hour), NotAfter: time.Now().Add(time.Hour)}
	change(&form)
	raw, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	s := windows(t, nil)
	s.SetTrouble(iistest.Trouble{Listener: &tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}})
	o := aimed(s, false)
	o.CAs = x509.NewCertPool()
	o.CAs.AddCert(leaf)
	return o
}

func withoutTLS(t *testing.T) winrm.Options {
	s := windows(t, nil)
	o := aimed(s, false)
	o.Port = s.PlainPort()
	return o
}

func oldTLS(most, least uint16) func(*testing.T) winrm.Options {
	return func(t *testing.T) winrm.Options {
		s := windows(t, nil)
		s.SetTrouble(iistest.Trouble{MaxTLS: most})
		o := aimed(s, false)
		o.MinTLS = least
		return o
	}
}

func noSuchService(t *testing.T) winrm.Options {
	o := newDomain(t, nil).options(t, "deploy")
	o.SPN = "HTTP/nobody.corp.test"
	return o
}

func noKDC(t *testing.T) winrm.Options {
	d := newDomain(t, nil)
	if err := d.kdc.Close(); err != nil {
		t.Fatal(err)
	}
	return d.options(t, "deploy")
}

func unmapped(t *testing.T) winrm.Options {
	return newMapped(t, nil).options(t, "somebody@localhost", nil)
}

// garbled changes a byte of every sealed answer.
func garbled(t *testing.T) winrm.Options {
	p := newImpostor(t, relay(t, windows(t, nil), func(res *http.Response) {
		if !strings.HasPrefix(res.Header.Get("Content-Type"), "multipart/encrypted") {
			return
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			return
		}
		body[len(body)-40] ^= 1
		res.Body = io.NopCloser(bytes.NewReader(body))
	}))
	return p.options()
}

// cutOff is a server that hangs up in the middle of its answer.
func cutOff(t *testing.T) winrm.Options {
	p := newPeer(t)
	p.on("Command", func(m message) answer {
		return answer{headers: map[string]string{"Content-Length": "9999"}, text: "<s:Envelope"}
	})
	return p.options()
}

// lockedAccount has the right password, which somebody else's mistakes have made useless.
func lockedAccount(t *testing.T) winrm.Options {
	s := windows(t, nil)
	s.LockAccount(true)
	return aimed(s, true)
}

func dropped(t *testing.T) winrm.Options {
	s := windows(t, nil)
	s.Drop(1)
	return aimed(s, true)
}

func wrongPassword(t *testing.T) winrm.Options {
	o := aimed(windows(t, nil), true)
	o.Password = "guessed"
	return o
}

// lockedOut has the right password, after somebody else's wrong ones.
func lockedOut(t *testing.T) winrm.Options {
	s := windows(t, func(c *iistest.Config) { c.LockOut = 2 })
	for range 2 {
		o := aimed(s, true)
		o.Password = "guessed"
		if _, err := open(t, o); err == nil {
			t.Fatal("a wrong password was taken")
		}
	}
	return aimed(s, true)
}

func openHouse(t *testing.T) winrm.Options {
	return newImpostor(t, func(http.ResponseWriter, *http.Request) {}).options()
}

func restarting(t *testing.T) winrm.Options {
	s := windows(t, nil)
	s.RestartWinRM(time.Minute)
	return aimed(s, true)
}
