package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

// knockAtOnce bounds how many servers are connected to at the same time; one behind a firewall takes its time to say nothing.
const knockAtOnce = 64

// askServers asks every server that has an address.
func (pf *preflight) askServers(ctx context.Context) {
	pf.read, pf.hellos, pf.allows = make([]*iis.Survey, len(pf.servers)), make([]*iis.Hello, len(pf.servers)), make([]*iis.Delegation, len(pf.servers))
	var addressed []canary.Server
	for _, s := range pf.servers {
		if pf.isClear(s.Name, checkAddress) {
			addressed = append(addressed, s)
		}
	}
	pf.ses.leave()
	hosts, err := pf.ses.fleet(addressed)
	if err != nil {
		if !isReference(err) {
			pf.fail(checkAddress, "", err.Error())
		}
		return
	}
	pf.ses.hosts = hosts
	turn := make(chan struct{}, knockAtOnce)
	var all sync.WaitGroup
	for i, s := range pf.servers {
		if !slices.ContainsFunc(addressed, func(a canary.Server) bool { return a.Name == s.Name }) {
			continue
		}
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			pf.askServer(ctx, i)
		})
	}
	all.Wait()
}

// askServer goes one step after the other as far as it comes.
func (pf *preflight) askServer(ctx context.Context, i int) {
	name := pf.servers[i].Name
	if !pf.reach(ctx, name) {
		return
	}
	hello, in := pf.enter(ctx, name)
	if !in {
		return
	}
	pf.clock(name, hello.ClockOff)
	pf.powerShell(name, hello)
	pf.found[i].ClockOff, pf.found[i].DiskFree = hello.ClockOff, hello.DiskFree
	if !hello.Elevated {
		pf.fail(checkElevated, name, hello.Account+" has no administrator's rights here over the network")
		return
	}
	pf.pass(checkElevated, name, hello.Account)
	pf.hellos[i] = &hello
	pf.boots(name, hello)
	pf.restart(name, hello)
	pf.configuration(name, hello)
	pf.certificate(ctx, name)
	if !pf.services(name, hello) {
		return
	}
	pf.delegation(ctx, i)
	survey, err := pf.ses.hosts.Survey(ctx, name)
	if err != nil {
		pf.untold(checkSurvey, name, err, err.Error())
		return
	}
	pf.pass(checkSurvey, name, "")
	pf.read[i], pf.found[i].Slots = &survey, survey.Slots
	pf.found[i].Facts = renewals(survey)
}

// untold is a check that failed, or was not made because another server has refused the login meanwhile.
func (pf *preflight) untold(id checkID, server string, err error, words string) {
	if isUntried(err) {
		pf.add(finding{check: id, server: server, state: unchecked, what: notTried})
		return
	}
	pf.fail(id, server, words)
}

// reach resolves, connects and shakes hands.
func (pf *preflight) reach(ctx context.Context, server string) bool {
	err := pf.ses.hosts.Reach(ctx, server)
	place := pf.place(server)
	untrusted, isTLS := errors.AsType[*winrm.CertificateError](err)
	no, isReach := errors.AsType[*winrm.ReachError](err)
	bad := finding{server: server, place: place, state: failed}
	switch {
	case err == nil:
	case isTLS:
		bad.check, bad.what, bad.do = checkTLS, certificateWords(untrusted), trust(untrusted)
	case isReach && no.Stage == winrm.Resolving:
		bad.check, bad.what = checkResolves, no.Error()
	case isReach && no.Stage == winrm.Securing:
		bad.check, bad.what, bad.do = checkTLS, no.Error(), "compare servers.winrm.port: WinRM's HTTPS listener is on 5986, the plain one on 5985"
		if old, is := errors.AsType[*winrm.VersionError](err); is {
			bad.do = tlsRemedy(old)
		}
	default:
		bad.check, bad.what = checkPort, portWords(err)
	}
	for _, id := range []checkID{checkResolves, checkPort, checkTLS} {
		if id == bad.check {
			pf.add(bad)
			return false
		}
		pf.pass(id, server, pf.sealed(id))
	}
	return true
}

// sealed says what protects the messages where no certificate does.
func (pf *preflight) sealed(id checkID) string {
	if id == checkTLS && !pf.ses.spec.Servers.WinRM.HTTPS {
		return "no TLS: NTLM seals every message"
	}
	return ""
}

func (pf *preflight) place(server string) string {
	i := slices.IndexFunc(pf.servers, func(s canary.Server) bool { return s.Name == server })
	host, port, err := pf.ses.reach(pf.servers[i])
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s:%d", host, port)
}

// portWords says whether a port is closed or filtered; the address stands beside the server's name.
func portWords(err error) string {
	no, is := errors.AsType[*winrm.ReachError](err)
	switch {
	case !is:
		return err.Error()
	case no.Filtered:
		return "the port does not answer at all, as behind a firewall or a security group"
	}
	return "the port is closed: " + no.Why()
}

// certificateWords is what a certificate that is not trusted says of itself.
func certificateWords(e *winrm.CertificateError) string {
	return fmt.Sprintf("%v; it shows subject %s, names %s, valid %s to %s, issued by %s, SHA-256 %s", e.Err, e.Subject,
		strings.Join(e.Names, " "), e.NotBefore.UTC().Format(time.DateOnly), e.NotAfter.UTC().Format(time.DateOnly), e.Issuer, e.SHA256)
}

// trust is what would make a certificate trusted.
func trust(e *winrm.CertificateError) string {
	_, name := errors.AsType[x509.HostnameError](e.Err)
	_, authority := errors.AsType[x509.UnknownAuthorityError](e.Err)
	invalid, is := errors.AsType[x509.CertificateInvalidError](e.Err)
	switch {
	case name && len(e.Names) > 0:
		return "set servers.winrm.server_name to the name that it carries: " + e.Names[0]
	case authority:
		return "set servers.winrm.ca to a PEM file with the certificate of " + e.Issuer
	case is && invalid.Reason == x509.Expired:
		return "renew the certificate of the listener, or set the clock"
	case is && invalid.Reason == x509.IncompatibleUsage:
		return "give the listener a certificate for server authentication"
	}
	return ""
}

func (pf *preflight) clock(server string, off time.Duration) {
	if off.Abs() <= maxClockOff {
		pf.pass(checkClock, server, "")
		return
	}
	pf.fail(checkClock, server, fmt.Sprintf("its clock is %s; log times can be compared up to %s", offset(off), maxClockOff))
}

func (pf *preflight) services(server string, h iis.Hello) bool {
	var down []string
	for _, name := range []string{"WAS", "W3SVC"} {
		if is := h.Services[name]; is != "running" {
			down = append(down, name+" is "+is)
		}
	}
	if len(down) == 0 {
		pf.pass(checkServices, server, "IIS "+h.IIS)
		return true
	}
	pf.fail(checkServices, server, strings.Join(down, ", "))
	return false
}

// certificate looks for the one that the bindings of the new slot would get.
func (pf *preflight) certificate(ctx context.Context, server string) {
	found, asked, err := pf.ses.hosts.FindCertificate(ctx, server)
	refused, is := errors.AsType[*agent.Error](err)
	switch {
	case err == nil && !asked:
		pf.pass(checkCertificate, server, "none is configured: the port keeps the one that it has")
	case err == nil:
		pf.pass(checkCertificate, server, found.Subject+", valid until "+found.NotAfter.UTC().Format(time.DateOnly))
	case is && refused.Code == agent.CertificateMissing:
		pf.fail(checkCertificate, server, refused.Message+` in LocalMachine\My`)
	case is:
		pf.add(finding{check: checkCertificate, server: server, state: failed, what: refused.Message, do: refused.Hint})
	default:
		pf.untold(checkCertificate, server, err, rootWords(err))
	}
}
