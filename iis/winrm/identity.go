package winrm

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"
)

// mutual is what stands for the credentials where a certificate is them (DSP0226, annex C.4.3).
const mutual = "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual"

// LoadCertificate reads a client's certificate, with those that signed it behind it, and its key, both in PEM form. Refused is what
// no server would take at that time: a key of another certificate, dates that do not hold, a certificate for other uses.
func LoadCertificate(certificate, key []byte, now time.Time) (*tls.Certificate, error) {
	if b, _ := pem.Decode(key); b != nil && (strings.HasPrefix(b.Type, "ENCRYPTED") || b.Headers["DEK-Info"] != "") {
		return nil, errors.New("the key is encrypted; write it without a password, with: openssl pkey -in KEY -out PLAIN")
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("the certificate and its key, both in PEM form: %s", strings.TrimPrefix(err.Error(), "tls: "))
	}
	leaf := pair.Leaf
	day := func(t time.Time) string { return t.UTC().Format(time.DateOnly) }
	switch {
	case now.Before(leaf.NotBefore):
		return nil, fmt.Errorf("%s is valid from %s on only; set the clock of this machine, or take another", called(leaf), day(leaf.NotBefore))
	case now.After(leaf.NotAfter):
		return nil, fmt.Errorf("%s has expired on %s; renew it", called(leaf), day(leaf.NotAfter))
	case len(leaf.ExtKeyUsage) > 0 && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) && !slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
		return nil, fmt.Errorf("%s is not for client authentication; take one that is", called(leaf))
	}
	return &pair, nil
}

// called is a certificate in a few words.
func called(leaf *x509.Certificate) string {
	return fmt.Sprintf("the certificate %s (issued by %s, valid %s to %s, SHA-256 %X)", leaf.Subject, leaf.Issuer,
		leaf.NotBefore.UTC().Format(time.DateOnly), leaf.NotAfter.UTC().Format(time.DateOnly), sha256.Sum256(leaf.Raw))
}

// identity is a client's certificate as TLS shows it.
type identity struct {
	certificate *tls.Certificate
	asked       atomic.Bool // by the server, at least once
}

// show adds the certificate to a client's TLS. Windows asks for it in the middle of a connection, unless its listener is set to ask
// at once: with TLS 1.2 by beginning anew, with TLS 1.3 in a way that crypto/tls does not know. So 1.3 is spoken only where it is
// the least that is wanted.
func (i *identity) show(c *tls.Config) {
	c.Renegotiation = tls.RenegotiateFreelyAsClient
	if c.MinVersion < tls.VersionTLS13 {
		c.MaxVersion = tls.VersionTLS12
	}
	c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
		i.asked.Store(true)
		return i.certificate, nil
	}
}

// refusedCertificate says that the server ended the TLS connection for the client's certificate.
func refusedCertificate(err error) bool {
	for _, words := range []string{"bad certificate", "unsupported certificate", "revoked certificate", "expired certificate", "unknown certificate",
		"unknown certificate authority", "certificate required"} {
		if says(err, words) && strings.Contains(err.Error(), "remote error: tls: "+words) {
			return true
		}
	}
	return false
}
