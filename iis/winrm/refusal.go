package winrm

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"iiscanary/iis/winrm/kerberos"
)

// AuthError is a login that was refused: a 401, a 403 for a certificate, or what a Kerberos KDC says. It is never worth a second
// try with the same password: accounts lock out.
type AuthError struct {
	URL     string
	Auth    Auth // the way that was tried
	User    string
	Schemes []string // what the server offers
	Status  int      // of HTTP; 0: the login did not come as far as that
	Unasked bool     // the server did not ask for the client's certificate
	Reason  error    // what Kerberos says; nil: nothing
}

// Unwrap is what Kerberos says.
func (e *AuthError) Unwrap() error { return e.Reason }

// Everywhere says that the same login is bound to be refused by other servers, or may lock the account out: it must not be tried on
// them.
func (e *AuthError) Everywhere() bool {
	switch e.Auth {
	case Certificate:
		return false
	case Kerberos:
		said, is := errors.AsType[*kerberos.Error](e.Reason)
		return is && e.Status == 0 && said.Final() // by the KDC
	}
	return true
}

func (e *AuthError) Error() string {
	if e.Status == 0 && e.Reason != nil {
		return fmt.Sprintf("%s cannot be logged in to: %v", e.URL, e.Reason)
	}
	s := fmt.Sprintf("%s refused the login of %s", e.URL, e.User)
	if e.Auth == Certificate {
		return s + ": " + e.certificate()
	}
	if len(e.Schemes) == 0 {
		return s + " and offers no way to log in"
	}
	all := strings.Join(e.Schemes, ", ")
	switch {
	case e.Auth == NTLM && !e.offers("Negotiate"):
		return fmt.Sprintf("%s: it offers %s, not Negotiate; enable it with: winrm set winrm/config/service/auth @{Negotiate=\"true\"}", s, all)
	case e.Auth == NTLM:
		return s + ": check user and password; if they are right, a local account may need LocalAccountTokenFilterPolicy, NTLM may be " +
			"blocked by policy, or CbtHardeningLevel is Strict and something between ends the TLS connection"
	case e.Auth == Kerberos && !e.offers("Negotiate") && !e.offers("Kerberos"):
		return fmt.Sprintf("%s: it offers %s, not Kerberos; enable it with: winrm set winrm/config/service/auth @{Kerberos=\"true\"}", s, all)
	case e.Auth == Kerberos && e.Reason != nil:
		return fmt.Sprintf("%s: %v", s, e.Reason)
	case e.Auth == Kerberos:
		return s + ": the ticket was read, and the account may not use WinRM (it must be in Administrators or Remote Management Users), or " +
			"the server's own account does not have the SPN of the ticket (setspn -Q), or something between ends the TLS connection"
	case !e.offers("Basic"):
		return fmt.Sprintf("%s: it offers %s, not Basic; use auth: ntlm, or enable Basic with: winrm set winrm/config/service/auth @{Basic=\"true\"}", s, all)
	}
	return s + ": check user and password (Basic takes local accounts only)"
}

func (e *AuthError) offers(scheme string) bool {
	return slices.ContainsFunc(e.Schemes, func(x string) bool { return strings.EqualFold(x, scheme) })
}

// certificate says why a client's certificate is refused.
func (e *AuthError) certificate() string {
	switch {
	case e.Unasked:
		return "it never asked for a certificate; enable it with: winrm set winrm/config/service/auth @{Certificate=\"true\"}, and with TLS 1.3 " +
			"let the listener ask at once: netsh http update sslcert with clientcertnegotiation=enable"
	case e.Status == http.StatusUnauthorized:
		return "it maps the certificate to no account, or Certificate is off; make one with: New-Item WSMan:\\localhost\\ClientCertificate " +
			"-Subject NAME@localhost -URI * -Issuer THUMBPRINT-OF-THE-AUTHORITY -Credential (Get-Credential)"
	}
	return "it does not trust the certificate: its authority must be in LocalMachine\\Root there, its dates must be right by the server's clock, " +
		"and it must be for client authentication"
}
