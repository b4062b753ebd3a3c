package winrm

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"iiscanary/iis/winrm/kerberos"
	"iiscanary/iis/winrm/ntlm"
)

// Kind says what can be done about a trouble.
type Kind string

// The kinds. Only a Permanent one is not tried again.
const (
	Normal    Kind = "normal"    // nothing is wrong: ask again
	Transient Kind = "transient" // the same may work later
	Lost      Kind = "lost"      // the connection is gone and the shell may live: it is asked on over a new one; where that fails, as State
	State     Kind = "state"     // the shell or the connection is gone or out of step: a new one has to find out what is so
	Permanent Kind = "permanent" // the same fails again
)

// Diagnosis is what is known of a trouble.
type Diagnosis struct {
	Name   string // never changes its meaning: "shell-gone"
	Kind   Kind
	Advice string // what a person can do; empty: nothing is to be done
}

// trouble is one row: a diagnosis, and how it is recognised.
type trouble struct {
	Diagnosis
	codes    []uint32         // of a Fault
	statuses []int            // of a StatusError
	is       func(error) bool // of anything else
}

// Troubles is everything that WinRM is known to suffer from, with the more special rows first. Codes are those of wsmerror.h and
// winerror.h.
func Troubles() []Diagnosis {
	var out []Diagnosis
	for _, t := range troubles() {
		out = append(out, t.Diagnosis)
	}
	return out
}

// Diagnose says what an error of this package is about. What nobody knows is a broken connection, except for a fault: the server
// has understood, and will say the same again.
func Diagnose(err error) Diagnosis {
	f, isFault := errors.AsType[*Fault](err)
	s, isStatus := errors.AsType[*StatusError](err)
	for _, t := range troubles() {
		if isFault && slices.Contains(t.codes, f.Code) || isStatus && slices.Contains(t.statuses, s.Status) || t.is != nil && t.is(err) {
			return t.Diagnosis
		}
	}
	if isFault || isStatus {
		return Diagnosis{Name: "unknown", Kind: Permanent}
	}
	return Diagnosis{Name: "unknown", Kind: State}
}

func troubles() []trouble {
	return slices.Concat(shellTroubles(), quotaTroubles(), requestTroubles(), loginTroubles(), networkTroubles(), statusTroubles())
}

func shellTroubles() []trouble {
	return []trouble{
		{Diagnosis: Diagnosis{"poll-over", Normal, ""}, is: func(err error) bool {
			f, is := errors.AsType[*Fault](err)
			return is && f.TimedOut() && f.Action == "Receive"
		}},
		{Diagnosis: Diagnosis{"outcome-unknown", State, "the server took longer than it may; it is asked again what has happened"},
			codes: []uint32{codeTimedOut}},
		{Diagnosis: Diagnosis{"shell-gone", State, "the shell was idle, or somebody ended it, or the service was restarted"}, codes: []uint32{codeInvalidSelectors}},
		{Diagnosis: Diagnosis{"aborted", State, "the service or the server is going down"}, codes: []uint32{codeAborted}},
		{Diagnosis: Diagnosis{"shutting-down", Transient, "the server is shutting down or starting"}, codes: []uint32{1115, 1722, 1726}},
		{Diagnosis: Diagnosis{"process-gone", State, "the process has ended; its last words say why"}, codes: []uint32{109, 232}},
		{Diagnosis: Diagnosis{"profile-unloading", Transient, "the profile of an earlier session is still unloading"}, codes: []uint32{2147943418}},
	}
}

func quotaTroubles() []trouble {
	return []trouble{
		{Diagnosis: Diagnosis{"too-many-shells", Transient, "too many shells are open for this user: wait until they time out, or raise MaxShellsPerUser"}, codes: []uint32{2150859173},
			is: func(err error) bool {
				f, is := errors.AsType[*Fault](err)
				return is && f.Code == 0 && f.Subcode == "QuotaLimit" && strings.Contains(f.Text, "shells")
			}},
		{Diagnosis: Diagnosis{"too-many-operations", State, "operations are given back with their shell: raise MaxConcurrentOperationsPerUser if other tools use this account"},
			codes: []uint32{2150859174}},
		{Diagnosis: Diagnosis{"quota", Transient, "other tools use WinRM at the same time: wait, or raise its quotas (winrm get winrm/config)"},
			codes: []uint32{2150858815, 2150859175, 2150859176, 2150859179, 2150859236, 2150859237, 2150859238, 2150859239, 2150859240, 2150859241, 2150859242},
			is: func(err error) bool {
				f, is := errors.AsType[*Fault](err)
				return is && f.Code == 0 && f.Subcode == "QuotaLimit"
			}},
		{Diagnosis: Diagnosis{"too-large", Permanent, "MaxEnvelopeSizekb is smaller than what was sent: raise it to 500"},
			statuses: []int{http.StatusRequestEntityTooLarge}, is: func(err error) bool {
				f, is := errors.AsType[*Fault](err)
				return is && f.TooLarge()
			}},
	}
}

func requestTroubles() []trouble {
	return []trouble{
		{Diagnosis: Diagnosis{"shells-off", Permanent, "remote shells are switched off: allow them (AllowRemoteShellAccess)"}, codes: []uint32{2150859180}},
		{Diagnosis: Diagnosis{"access-denied", Permanent, "the account must be an administrator of the server, with an elevated token over the network (LocalAccountTokenFilterPolicy)"},
			codes: []uint32{5, 2147942405}},
		{Diagnosis: Diagnosis{"no-such-program", Permanent, "Windows PowerShell is not where it belongs on this server"}, codes: []uint32{2147942402}},
		{Diagnosis: Diagnosis{"command-too-long", Permanent, "that is a mistake of this program: please report it"}, codes: []uint32{2147942606, 87}},
		{Diagnosis: Diagnosis{"not-understood", Permanent, "something that is not WinRM answers here, or changes what is sent"},
			codes: []uint32{2150858817, 2150858819, 2150858753, 2150858811}},
	}
}

func networkTroubles() []trouble {
	dialling := func(err error) (timeout, is bool) {
		op, is := errors.AsType[*net.OpError](err)
		return is && op.Timeout(), is && op.Op == "dial"
	}
	return []trouble{
		{Diagnosis: Diagnosis{"filtered", Transient, "nothing answers: look at firewalls, the security group, the network profile, the port"},
			is: func(err error) bool { timeout, is := dialling(err); return is && timeout }},
		{Diagnosis: Diagnosis{"refused", Transient, "the server may be starting; else look at the service WinRM, its listener, the port"},
			is: func(err error) bool { timeout, is := dialling(err); return is && !timeout }},
		{Diagnosis: Diagnosis{"certificate", Permanent, ""}, is: isA[*CertificateError]},
		{Diagnosis: Diagnosis{"no-tls", Permanent, "compare https and port: WinRM listens with TLS on 5986, without on 5985"}, is: func(err error) bool {
			return isA[tls.RecordHeaderError](err) || errors.Is(err, http.ErrSchemeMismatch)
		}},
		{Diagnosis: Diagnosis{"tls-version", Permanent, "the server and this program have no version of TLS in common"}, is: isA[*VersionError]},
		{Diagnosis: Diagnosis{"silent", State, "the server takes requests and does not answer"}, is: func(err error) bool { return errors.Is(err, errSilent) }},
		{Diagnosis: Diagnosis{"garbled", State, "something between this machine and WinRM cuts off or changes what is said"}, is: isA[garbledError]},
		{Diagnosis: Diagnosis{"out-of-step", State, ""}, is: func(err error) bool {
			return errors.Is(err, ntlm.ErrOpen) || errors.Is(err, errSpent)
		}},
		{Diagnosis: Diagnosis{"connection-lost", Lost, ""}, is: func(err error) bool {
			return isA[*net.OpError](err) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) ||
				errors.Is(err, context.DeadlineExceeded)
		}},
	}
}

// says looks into the words of crypto/tls, which has no types for them.
func says(err error, words string) bool {
	return err != nil && !isA[*Fault](err) && !isA[*StatusError](err) && strings.Contains(innermost(err).Error(), words)
}

func loginTroubles() []trouble {
	return []trouble{
		{Diagnosis: Diagnosis{"login-refused", Permanent, ""}, is: isA[*AuthError]},
		{Diagnosis: Diagnosis{"no-ticket", Permanent, ""}, is: isA[*kerberos.Error]},
		{Diagnosis: Diagnosis{"no-kdc", Transient, ""}, is: isA[*kerberos.SilentError]},
		{Diagnosis: Diagnosis{"downgrade", Permanent, "do not go on before you know who answers there"}, is: func(err error) bool {
			return isA[*ntlm.DowngradeError](err) || errors.Is(err, errUnsealed) || errors.Is(err, errNoQuestion)
		}},
	}
}

func statusTroubles() []trouble {
	return []trouble{
		{Diagnosis: Diagnosis{"forbidden", Permanent, "the account may not use WinRM: it must be in Administrators or Remote Management Users"}, statuses: []int{403}},
		{Diagnosis: Diagnosis{"not-winrm", Permanent, "another web server seems to own this port"}, statuses: []int{404, 405}},
		{Diagnosis: Diagnosis{"not-soap", Permanent, "something stands between"}, statuses: []int{http.StatusOK}},
		{Diagnosis: Diagnosis{"unread", State, ""}, statuses: []int{400}},
		{Diagnosis: Diagnosis{"not-ready", Transient, "WinRM is starting or stopping"}, statuses: []int{502, 503, 504}},
	}
}

func isA[E error](err error) bool {
	_, is := errors.AsType[E](err)
	return is
}

// advised is the advice as the end of a sentence.
func (d Diagnosis) advised() string {
	if d.Advice == "" {
		return ""
	}
	return "; " + d.Advice
}
