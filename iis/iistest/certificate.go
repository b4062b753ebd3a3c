package iistest

import (
	"context"
	"crypto/sha1"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"
)

type certificateArgs struct {
	Subject    string   `json:"subject"`
	Thumbprint string   `json:"thumbprint"`
	Bindings   []string `json:"bindings"`
}

// findCertificate finds the one that create would bind.
func findCertificate(_ context.Context, c *call) (any, error) {
	var a certificateArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if a.Subject == "" && a.Thumbprint == "" || len(a.Bindings) == 0 {
		return nil, refuse("bad_request", "certificate needs a subject or a thumbprint, and bindings")
	}
	leaf, err := c.server.certificate(a.Subject, a.Thumbprint)
	if err != nil {
		return nil, err
	}
	if err := c.server.conflicting(a.Bindings, leaf.Raw); err != nil {
		return nil, err
	}
	sum := sha1.Sum(leaf.Raw)
	return map[string]any{"thumbprint": strings.ToUpper(hex.EncodeToString(sum[:])), "subject": leaf.Subject.String(), "not_after": leaf.NotAfter.UTC()}, nil
}

// conflicting is the refusal when the port of a binding has another certificate.
func (s *Server) conflicting(bindings []string, wanted []byte) error {
	for _, b := range bindings {
		if on := s.onBinding(b); on != "" && on != fmt.Sprintf("%X", sha1.Sum(wanted)) {
			r := refuse("conflict", "the port of %s has another certificate, %s", b, on).at("choose the certificate")
			return r.saying("all sites on the port share it; change it there, on a drained server")
		}
	}
	return nil
}

// certificate looks in the machine's store for a thumbprint, or for a name that is the common name or one of the alternative names, whole:
// of several the one that is valid longest.
func (s *Server) certificate(subject, thumbprint string) (*x509.Certificate, error) {
	var found *x509.Certificate
	for _, der := range s.stocked() {
		leaf, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		fits := thumbprint != "" && strings.EqualFold(thumbprint, fmt.Sprintf("%X", sha1.Sum(der))) || thumbprint == "" && names(leaf, subject)
		if now := time.Now(); fits && now.After(leaf.NotBefore) && now.Before(leaf.NotAfter) && (found == nil || leaf.NotAfter.After(found.NotAfter)) {
			found = leaf
		}
	}
	if found != nil {
		return found, s.openKey(sha1.Sum(found.Raw))
	}
	wanted := thumbprint
	if wanted == "" {
		wanted = subject
	}
	r := refuse("certificate_missing", "no valid certificate with a private key for %s", wanted).at("choose the certificate")
	r.Hint = `it must be in LocalMachine\My`
	return nil, r
}

// names says whether a certificate is for a name.
func names(leaf *x509.Certificate, subject string) bool {
	same := func(name string) bool { return strings.EqualFold(name, subject) }
	return subject != "" && (same(leaf.Subject.CommonName) || slices.ContainsFunc(leaf.DNSNames, same))
}

// openKey is the refusal when the private key cannot be opened.
func (s *Server) openKey(sum [sha1.Size]byte) error {
	code := s.faults.trapped("key", "")
	if code == 0 {
		return nil
	}
	r := refuse("certificate_missing", "the private key of %X cannot be opened", sum).at("open the private key")
	r.HResult, r.Hint = code, `import the certificate with its key into LocalMachine\My, for the machine`
	return r
}
