package winrm_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// issuer signs client certificates.
type issuer struct {
	leaf *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "clients"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(48 * time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, form, form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{leaf, key}
}

// issue is a certificate for a user principal name, and its key, in PEM form.
func (i issuer) issue(t *testing.T, principal string, change func(*x509.Certificate)) (certificate, key []byte) {
	t.Helper()
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	name, err := asn1.Marshal([]asn1.RawValue{otherName(t, principal)})
	if err != nil {
		t.Fatal(err)
	}
	form := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "deploy"}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(24 * time.Hour), KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 17}, Value: name}}}
	if change != nil {
		change(form)
	}
	der, err := x509.CreateCertificate(rand.Reader, form, i.leaf, &own.PublicKey, i.key)
	if err != nil {
		t.Fatal(err)
	}
	text, err := x509.MarshalPKCS8PrivateKey(own)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: text})
}

func otherName(t *testing.T, principal string) asn1.RawValue {
	t.Helper()
	id, err := asn1.Marshal(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 20, 2, 3})
	if err != nil {
		t.Fatal(err)
	}
	text, err := asn1.MarshalWithParams(principal, "utf8,explicit,tag:0")
	if err != nil {
		t.Fatal(err)
	}
	return asn1.RawValue{Class: asn1.ClassContextSpecific, IsCompound: true, Bytes: append(id, text...)}
}

// mapped is a server that maps the certificate of deploy@localhost.
type mapped struct {
	server *iistest.Server
	issuer issuer
}

func newMapped(t *testing.T, adjust func(*iistest.Config)) mapped {
	t.Helper()
	i := newIssuer(t)
	return mapped{windows(t, func(c *iistest.Config) {
		c.Clients, c.Mapped = x509.NewCertPool(), []string{"deploy@localhost"}
		c.Clients.AddCert(i.leaf)
		if adjust != nil {
			adjust(c)
		}
	}), i}
}

// options show a certificate to the server.
func (m mapped) options(t *testing.T, principal string, change func(*x509.Certificate)) winrm.Options {
	t.Helper()
	certificate, key := m.issuer.issue(t, principal, change)
	pair, err := winrm.LoadCertificate(certificate, key, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	o := aimed(m.server, false)
	o.Auth, o.User, o.Password, o.Certificate = winrm.Certificate, "", "", pair
	return o
}

func TestACertificateThatIsMappedLogsIn(t *testing.T) {
	m := newMapped(t, nil)
	for name, least := range map[string]uint16{"TLS 1.2, as Windows asks in the middle": 0, "TLS 1.3": tls.VersionTLS13} {
		t.Run(name, func(t *testing.T) {
			o := m.options(t, "deploy@localhost", nil)
			o.MinTLS = least
			before := m.server.Truth().WinRMCalls
			shell, err := open(t, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := shell.Start(t.Context(), "hostname"); err != nil {
				t.Fatal(err)
			}
			if n := m.server.Truth().WinRMCalls - before; n != 2 {
				t.Errorf("%d requests for two operations", n)
			}
		})
	}
}

func TestACertificateThatIsNotTakenSaysWhy(t *testing.T) {
	for name, c := range map[string]struct {
		principal string
		server    func(*iistest.Config)
		trouble   iistest.Trouble
		status    int
		words     string
	}{
		"of nobody":                     {principal: "somebody@localhost", status: 401, words: "it maps the certificate to no account, or Certificate is off; make one with: New-Item WSMan:"},
		"expired by the server's clock": {trouble: iistest.Trouble{Clock: 36 * time.Hour}, status: 403, words: "it does not trust the certificate: its authority must be in LocalMachine\\Root there, its dates"},
		"of another authority":          {server: func(c *iistest.Config) { c.Clients = x509.NewCertPool() }, status: 403, words: "it does not trust the certificate"},
		"where it is switched off":      {server: func(c *iistest.Config) { c.Clients = nil }, status: 401, words: "it never asked for a certificate; enable it with: winrm set"},
	} {
		t.Run(name, func(t *testing.T) {
			m := newMapped(t, c.server)
			m.server.SetTrouble(c.trouble)
			if c.principal == "" {
				c.principal = "deploy@localhost"
			}
			_, err := open(t, m.options(t, c.principal, nil))
			refused, is := errors.AsType[*winrm.AuthError](err)
			if !is || refused.Status != c.status || refused.Everywhere() || !strings.Contains(err.Error(), c.words) ||
				!strings.Contains(err.Error(), "refused the login of the certificate CN=deploy (issued by CN=clients, valid ") || !strings.Contains(err.Error(), "SHA-256 ") {
				t.Errorf("got %v", err)
			}
			if n := m.server.Truth().WinRMCalls; n != 1 {
				t.Errorf("%d requests: it is tried once", n)
			}
		})
	}
}

func TestACertificateThatNobodyWouldTakeIsRefusedHere(t *testing.T) {
	i := newIssuer(t)
	for name, c := range map[string]struct {
		change func(*x509.Certificate)
		bend   func(certificate, key []byte) ([]byte, []byte)
		words  string
	}{
		"expired":           {change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }, words: "has expired on "},
		"not valid yet":     {change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }, words: " on only; set the clock"},
		"for servers":       {change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth} }, words: "is not for client authentication"},
		"a key of another":  {bend: func(c, _ []byte) ([]byte, []byte) { _, k := i.issue(t, "x", nil); return c, k }, words: "private key does not match public key"},
		"the two exchanged": {bend: func(c, k []byte) ([]byte, []byte) { return k, c }, words: "PEM form: "},
		"no PEM":            {bend: func(_, k []byte) ([]byte, []byte) { return []byte("MIIB"), k }, words: "PEM form: "},
		"an encrypted key": {bend: func(c, _ []byte) ([]byte, []byte) {
			return c, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY"})
		}, words: "the key is encrypted; write it without a password, with: openssl"},
		"a key of old times": {bend: func(c, _ []byte) ([]byte, []byte) {
			return c, pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Headers: map[string]string{"DEK-Info": "DES"}})
		}, words: "the key is encrypted"},
	} {
		t.Run(name, func(t *testing.T) {
			certificate, key := i.issue(t, "deploy@localhost", c.change)
			if c.bend != nil {
				certificate, key = c.bend(certificate, key)
			}
			if _, err := winrm.LoadCertificate(certificate, key, time.Now()); err == nil || !strings.Contains(err.Error(), c.words) || strings.Contains(err.Error(), string(key)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestAServerWithOldTLSSaysWhichSettingHelps(t *testing.T) {
	for _, c := range []struct {
		most, least uint16
		words       string
	}{
		{tls.VersionTLS11, 0, "speaks no TLS 1.2 or later (tls: protocol version not supported); enable TLS 1.2 there"},
		{tls.VersionTLS12, tls.VersionTLS13, "speaks no TLS 1.3 or later (tls: protocol version not supported); set tls_min to 1.2, or enable TLS 1.3 there"},
	} {
		o := oldTLS(c.most, c.least)(t)
		client, err := winrm.New(o)
		if err != nil {
			t.Fatal(err)
		}
		_, opened := client.Open(t.Context())
		for _, err := range []error{opened, client.Reach(t.Context())} {
			if _, is := errors.AsType[*winrm.VersionError](err); !is || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		}
	}
	o := oldTLS(tls.VersionTLS12, 0)(t)
	if _, err := open(t, o); err != nil {
		t.Error(err)
	}
}

func TestWaysToLogInThatCannotWorkAreRefusedAtOnce(t *testing.T) {
	ticketed := newDomain(t, nil).options(t, "deploy")
	for name, c := range map[string]struct {
		change func(*winrm.Options)
		words  string
	}{
		"kerberos without TLS":      {func(o *winrm.Options) { o.Plain = true }, "use https"},
		"kerberos without tickets":  {func(o *winrm.Options) { o.Tickets = nil }, "no Kerberos tickets"},
		"an address in Kerberos":    {func(o *winrm.Options) { o.SPN = "" }, "an IP address has no name in Kerberos; reach the server by its name, or give its name as kerberos.spn"},
		"a certificate without TLS": {func(o *winrm.Options) { o.Auth, o.Plain = winrm.Certificate, true }, "use https"},
		"certificate without any":   {func(o *winrm.Options) { o.Auth = winrm.Certificate }, "no certificate given"},
		"a version that is too old": {func(o *winrm.Options) { o.MinTLS = tls.VersionTLS11 }, "TLS 1.1 is not to be"},
		"a way that there is not":   {func(o *winrm.Options) { o.Auth = "credssp" }, `called "credssp"`},
	} {
		o := ticketed
		c.change(&o)
		if _, err := winrm.New(o); err == nil || !strings.Contains(err.Error(), c.words) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
