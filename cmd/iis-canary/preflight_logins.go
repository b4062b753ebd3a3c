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

// lastingRemedy is what to do about a trouble of WinRM that a restart of the service does not end; empty: that of the check is right.
func lastingRemedy(err error) string {
	const stranger = "find out what answers at this address: compare servers.address and servers.winrm.port, look for a proxy between"
	return map[string]string{
		"downgrade":        "find out who answers at this address before anybody logs in there",
		"not-winrm":        stranger,
		"not-soap":         stranger,
		"not-understood":   stranger,
		"too-large":        `raise the limit there: winrm set winrm/config @{MaxEnvelopeSizekb="500"}`,
		"shells-off":       `allow remote shells there, also in its policies: winrm set winrm/config/winrs @{AllowRemoteShellAccess="true"}`,
		"access-denied":    "make the account an administrator there, with an elevated token over the network (docs/operations.md)",
		"forbidden":        "make the account an administrator there (docs/operations.md)",
		"no-such-program":  "look why services there do not find powershell.exe on their PATH",
		"command-too-long": "report this mistake of the program, with these lines",
	}[winrm.Diagnose(err).Name]
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
