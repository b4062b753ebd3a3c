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
	return fmt.Sprintf("winrm %s refused: %s (code %d %s)%s", f.Action, f.Text, f.Code, f.Subcode, f.advice())
}

func (f *Fault) advice() string {
	switch {
	case f.Code == 2150859173 || f.Subcode == "QuotaLimit" && strings.Contains(f.Text, "shells"):
		return "; too many shells are open for this user: wait until they time out, or raise MaxShellsPerUser"
	case f.Code == 2150859180:
		return "; remote shells are switched off: allow them (AllowRemoteShellAccess)"
	case f.Code == 5:
		return "; the account must be an administrator of the server, with an elevated token over the network"
	}
	return ""
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

// Temporary says that the same request may succeed later: quotas, a profile still unloading, a host shutting down.
func (f *Fault) Temporary() bool {
	quota := []uint32{2150859173, 2150859174, 2150859175, 2150859176, 2150859179, 2150858815}
	return slices.Contains(quota, f.Code) || f.Subcode == "QuotaLimit" ||
		f.Code >= 2150859236 && f.Code <= 2150859242 || // quotas of the plugin host
		f.Code == 2147943418 || // registry key marked for deletion: the profile of the last session is unloading
		f.Code == 1115 || f.Code == 1722 || f.Code == 1726 // shutdown in progress, RPC server gone
}

// AuthError is a 401. It is never worth a second try with the same password: accounts lock out.
type AuthError struct {
	URL     string
	User    string
	Schemes []string // what the server offers
}

func (e *AuthError) Error() string {
	s := fmt.Sprintf("%s refused the login of %s", e.URL, e.User)
	switch {
	case len(e.Schemes) == 0:
		return s + " and offers no way to log in"
	case !slices.ContainsFunc(e.Schemes, func(x string) bool { return strings.EqualFold(x, "Basic") }):
		return fmt.Sprintf("%s: it offers %s, not Basic; enable it with: winrm set winrm/config/service/auth @{Basic=\"true\"}",
			s, strings.Join(e.Schemes, ", "))
	}
	return s + ": check user and password (Basic takes local accounts only)"
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
	switch e.Status {
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return s + "; another web server seems to own this port"
	case http.StatusForbidden:
		return s + "; the account may not use WinRM: it must be in Administrators or Remote Management Users"
	case http.StatusOK:
		return fmt.Sprintf("%s with content type %q, not SOAP; something stands between", s, e.ContentType)
	}
	return s
}

// Temporary says that the service is starting or stopping, or that the connection has to be made anew.
func (e *StatusError) Temporary() bool {
	return e.Status == http.StatusServiceUnavailable || e.Status == http.StatusBadRequest ||
		e.Status == http.StatusBadGateway || e.Status == http.StatusGatewayTimeout
}

// CertificateError names the certificate that could not be trusted.
type CertificateError struct {
	URL       string
	Subject   string
	Names     []string // DNS names and addresses
	NotBefore time.Time
	NotAfter  time.Time
	SHA256    string // of the certificate, hexadecimal
	Err       error
}

func (e *CertificateError) Error() string {
	return fmt.Sprintf("%s shows a certificate that is not trusted: %v (subject %s, names %s, valid %s to %s, SHA-256 %s); "+
		"give the authority that signed it as ca, or the name that it carries as server name",
		e.URL, e.Err, e.Subject, strings.Join(e.Names, " "),
		e.NotBefore.UTC().Format(time.DateOnly), e.NotAfter.UTC().Format(time.DateOnly), e.SHA256)
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
		URL: url, Subject: leaf.Subject.String(), Names: names(leaf),
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
