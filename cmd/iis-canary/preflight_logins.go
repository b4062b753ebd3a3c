package main

import (
	"crypto/tls"
	"errors"
	"strings"

	"iiscanary/iis"
	"iiscanary/iis/winrm"
	"iiscanary/iis/winrm/kerberos"
)

// notTried is why a check was not made on a server after another one had refused the login.
const notTried = "not tried, so that the account is not locked out"

func isUntried(err error) bool {
	_, is := errors.AsType[*iis.UntriedError](err)
	return is
}

func isRefused(err error) bool {
	_, is := errors.AsType[*winrm.AuthError](err)
	return is
}

// isTicket reports whether Kerberos had no ticket for the server.
func isTicket(err error) bool {
	_, no := errors.AsType[*kerberos.Error](err)
	_, silent := errors.AsType[*kerberos.SilentError](err)
	return no || silent
}

// ticketWords is what Kerberos says, without what it was for.
func ticketWords(err error) string {
	if no, is := errors.AsType[*kerberos.Error](err); is {
		return no.Error()
	}
	silent, _ := errors.AsType[*kerberos.SilentError](err)
	return silent.Error()
}

// loginRemedy is what to do where the remedy of the check, which is for passwords, does not fit.
func loginRemedy(auth string) string {
	switch auth {
	case "kerberos":
		return "correct servers.winrm.user, its password or keytab, or servers.winrm.kerberos (docs/operations.md)"
	case "certificate":
		return "correct servers.winrm.certificate, or let the server trust and map it (docs/operations.md)"
	}
	return ""
}

// tlsRemedy is what to do where versions of TLS do not meet.
func tlsRemedy(old *winrm.VersionError) string {
	if old.Least == tls.VersionTLS13 {
		return "set servers.winrm.tls_min to '1.2', or enable TLS 1.3 there"
	}
	return "enable TLS 1.2 on the server (docs/operations.md)"
}

// strangerRemedy is what to do where somebody else seems to answer than the server's WinRM: to restart that would be no remedy.
func strangerRemedy(err error) string {
	if winrm.Diagnose(err).Name == "downgrade" {
		return "find out who answers at this address before anybody logs in there"
	}
	return ""
}

func isEnded(err error) bool {
	_, is := errors.AsType[*iis.EndedError](err)
	return is
}

// refusedWords is a refused login without the address, which stands beside the server's name.
func refusedWords(err error) string {
	refused, _ := errors.AsType[*winrm.AuthError](err)
	if refused.Status == 0 && refused.Reason != nil {
		return refused.Reason.Error()
	}
	_, rest, _ := strings.Cut(refused.Error(), " ")
	if !refused.Everywhere() {
		return "it " + rest
	}
	return "it " + rest + "; tried once, on this server only"
}
