package winrm

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Codes of WSManFault that decide something here; named as in winerror.h and wsmerror.h.
const (
	codeTimedOut         = 2150858793 // ERROR_WSMAN_OPERATION_TIMEDOUT: a Receive with nothing to say
	codeInvalidSelectors = 2150858843 // ERROR_WSMAN_INVALID_SELECTORS: no such shell or command
	codeAborted          = 995        // ERROR_OPERATION_ABORTED: the service or the host is going down
	codeEnvelopeTooLarge = 2150858823 // ERROR_WSMAN_MAX_ENVELOPE_SIZE_EXCEEDED and its two neighbours
	codeEnvelopeLast     = 2150858825
)

// Fault is a SOAP fault: the server understood the request and refused it.
type Fault struct {
	Action  string // what was asked: "Create", "Receive"
	Code    uint32 // WSManFault/@Code, or MSFT_WmiError's error_Code; 0: none given
	Subcode string // local name, such as "InvalidSelectors" or "QuotaLimit"
	Text    string // in the server's language
}

func (f *Fault) Error() string {
	return fmt.Sprintf("winrm %s refused: %s (code %d %s)%s", f.Action, f.Text, f.Code, f.Subcode, Diagnose(f).advised())
}

// TimedOut says that a Receive was held as long as asked and nothing came: poll again.
func (f *Fault) TimedOut() bool {
	return f.Code == codeTimedOut || f.Code == 0 && f.Subcode == "TimedOut"
}

// Gone says that the shell or its command is no longer there: idle, deleted, service restarted or host rebooted.
func (f *Fault) Gone() bool { return f.Code == codeInvalidSelectors || f.Code == codeAborted }

// TooLarge says that the envelope was refused for its size, and nothing of it was taken.
func (f *Fault) TooLarge() bool {
	return f.Code >= codeEnvelopeTooLarge && f.Code <= codeEnvelopeLast || f.Subcode == "EncodingLimit"
}

// StatusError is an HTTP answer that is neither a reply nor a fault.
type StatusError struct {
	URL         string
	Action      string
	Status      int
	ContentType string
}

func (e *StatusError) Error() string {
	s := fmt.Sprintf("winrm %s: %s answered %d %s", e.Action, e.URL, e.Status, http.StatusText(e.Status))
	if e.Status == http.StatusOK {
		s = fmt.Sprintf("%s with content type %q, not SOAP", s, e.ContentType)
	}
	return s + Diagnose(e).advised()
}

// garbledError is an answer that WinRM does not give: cut off, changed, or to another request.
type garbledError struct{ error }

// Unwrap is what is wrong with it.
func (e garbledError) Unwrap() error { return e.error }

func (c *Client) garbled(action string, err error) error {
	err = garbledError{err}
	return fmt.Errorf("winrm %s on %s: %w%s", action, c.url, err, Diagnose(err).advised())
}

// CertificateError names the certificate that could not be trusted.
type CertificateError struct {
	URL       string
	Subject   string
	Issuer    string   // who signed it
	Names     []string // DNS names and addresses
	NotBefore time.Time
	NotAfter  time.Time
	SHA256    string // of the certificate, hexadecimal
	Err       error
}

func (e *CertificateError) Error() string {
	return fmt.Sprintf("%s shows a certificate that is not trusted: %v (subject %s, names %s, issued by %s, valid %s to %s, SHA-256 %s); %s",
		e.URL, e.Err, e.Subject, strings.Join(e.Names, " "), e.Issuer,
		e.NotBefore.UTC().Format(time.DateOnly), e.NotAfter.UTC().Format(time.DateOnly), e.SHA256, e.advice())
}

// advice is the setting that would help.
func (e *CertificateError) advice() string {
	if _, name := errors.AsType[x509.HostnameError](e.Err); name {
		return "give a name that it carries as server_name"
	}
	invalid, is := errors.AsType[x509.CertificateInvalidError](e.Err)
	switch {
	case is && invalid.Reason == x509.Expired:
		return "renew it, or set the clock of this machine"
	case is && invalid.Reason == x509.IncompatibleUsage:
		return "give the listener one that is for server authentication"
	}
	return "give the certificate of the authority that signed it as ca"
}

// Unwrap is what crypto/x509 said.
func (e *CertificateError) Unwrap() error { return e.Err }

func certificateError(url string, err error) *CertificateError {
	var failed *tls.CertificateVerificationError
	if !errors.As(err, &failed) || len(failed.UnverifiedCertificates) == 0 {
		return nil
	}
	leaf := failed.UnverifiedCertificates[0]
	return &CertificateError{
		URL: url, Subject: leaf.Subject.String(), Issuer: leaf.Issuer.String(), Names: names(leaf),
		NotBefore: leaf.NotBefore, NotAfter: leaf.NotAfter,
		SHA256: fmt.Sprintf("%X", sha256.Sum256(leaf.Raw)), Err: failed.Err,
	}
}

func names(c *x509.Certificate) []string {
	out := slices.Clone(c.DNSNames)
	for _, ip := range c.IPAddresses {
		out = append(out, ip.String())
	}
	return out
}
