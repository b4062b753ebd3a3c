package kerberos

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jcmturner/gokrb5/v8/iana/errorcode"
)

// Error is a KDC or a server that says no. Codes are those of RFC 4120 section 7.5.9.
type Error struct {
	Code  int32
	Login bool          // it is the account that was refused, whatever server it is for
	Name  string        // whose request it was about: an account, or an SPN
	Realm string        // whose KDC said so; empty: the server did
	Text  string        // what else was said
	Off   time.Duration // how far the clock of whoever said so is ahead of this machine's; 0: unknown
}

const (
	ticketExpired   = errorcode.KRB_AP_ERR_TKT_EXPIRED
	preauthRequired = errorcode.KDC_ERR_PREAUTH_REQUIRED
	preauthFailed   = errorcode.KDC_ERR_PREAUTH_FAILED
	clockSkew       = errorcode.KRB_AP_ERR_SKEW
)

// Final says that it is the account or its password that was refused: the same is refused again, and may lock the account out. Other
// refusals, such as that of a clock, pass when their reason does.
func (e *Error) Final() bool {
	return e.Login && slices.Contains([]int32{errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_POLICY, errorcode.KDC_ERR_ETYPE_NOSUPP,
		errorcode.KDC_ERR_CLIENT_REVOKED, errorcode.KDC_ERR_KEY_EXPIRED, preauthFailed, errorcode.KRB_AP_ERR_BAD_INTEGRITY, ticketExpired,
		errorcode.KDC_ERR_WRONG_REALM}, e.Code)
}

func (e *Error) Error() string {
	if e.Code == ticketExpired && e.Login {
		return fmt.Sprintf("the ticket of %s has expired; %s", e.Name, e.Advice())
	}
	who := "the server refuses the ticket for "
	if e.Realm != "" {
		who = "Kerberos in " + e.Realm + " refuses "
	}
	s := fmt.Sprintf("%s%s: %s (Kerberos error %d)", who, e.Name, e.why(), e.Code)
	if advice := e.Advice(); advice != "" {
		s += "; " + advice
	}
	return s
}

// why is the code in words.
func (e *Error) why() string {
	switch e.Code {
	case errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN:
		return "there is no such account"
	case errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN:
		return "no account has this name (SPN)"
	case errorcode.KDC_ERR_PRINCIPAL_NOT_UNIQUE:
		return "several accounts have this name (SPN)"
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return "it has no AES key for it"
	case errorcode.KDC_ERR_CLIENT_REVOKED:
		return "the account is disabled or locked, or may not log on now"
	case errorcode.KDC_ERR_KEY_EXPIRED:
		return "the password has expired"
	case preauthFailed, errorcode.KRB_AP_ERR_BAD_INTEGRITY:
		return "the password, or the key in the keytab, is wrong"
	case ticketExpired:
		return "the ticket has expired"
	case clockSkew:
		return "the clocks differ by too much" + e.off()
	case errorcode.KRB_AP_ERR_MODIFIED:
		return "the ticket was made for the key of another account"
	case errorcode.KDC_ERR_WRONG_REALM:
		return "the account belongs to another realm"
	}
	if e.Text != "" {
		return e.Text
	}
	_, text, _ := strings.Cut(errorcode.Lookup(e.Code), " ")
	return text
}

func (e *Error) off() string {
	if e.Off == 0 {
		return ""
	}
	return fmt.Sprintf(", by %s", e.Off.Abs().Round(10*time.Second))
}

// Advice is what a person can do; empty: nothing is known.
func (e *Error) Advice() string {
	switch e.Code {
	case errorcode.KDC_ERR_C_PRINCIPAL_UNKNOWN, errorcode.KDC_ERR_WRONG_REALM:
		return "check the user and the realm"
	case errorcode.KDC_ERR_S_PRINCIPAL_UNKNOWN:
		return "reach the server by its full DNS name, give another name as kerberos.spn, or register this one: setspn -S " + e.Name + " COMPUTER"
	case errorcode.KDC_ERR_PRINCIPAL_NOT_UNIQUE:
		return "find them with: setspn -X, and keep one"
	case errorcode.KDC_ERR_ETYPE_NOSUPP:
		return "let the account use AES (msDS-SupportedEncryptionTypes) and set its password anew"
	case errorcode.KDC_ERR_CLIENT_REVOKED:
		return "unlock or enable the account"
	case errorcode.KDC_ERR_KEY_EXPIRED:
		return "set a new one, and make a new keytab where there is one"
	case preauthFailed, errorcode.KRB_AP_ERR_BAD_INTEGRITY:
		return "correct it; it is not tried again, so that the account is not locked out"
	case ticketExpired:
		return "get a new one with kinit, that lives longer than the run, or give a keytab"
	case clockSkew:
		return "let this machine, the domain controllers and the servers follow a time server: w32tm /resync"
	case errorcode.KRB_AP_ERR_MODIFIED:
		return "the name is registered for another account than the server's own, which setspn -Q shows, or it leads to another server in DNS"
	}
	return ""
}

// SilentError says that no KDC of a realm answered, or none more than that it cannot answer now.
type SilentError struct {
	Realm string
	Err   error
}

func (e *SilentError) Error() string {
	return fmt.Sprintf("no KDC of the realm %s answers: %v; check the realm, krb5.conf or the DNS records _kerberos._tcp.%s, and the way to port 88",
		e.Realm, e.Err, strings.ToLower(e.Realm))
}

// Unwrap is what the network said.
func (e *SilentError) Unwrap() error { return e.Err }
