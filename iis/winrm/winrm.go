// Package winrm runs one command on a Windows server over WS-Management (MS-WSMV) and promises that nothing is lost on
// the way: every fault is an error with its code, every wait ends with its context, every answer is bounded, no request
// is repeated on its own, and a shell that was opened is deleted, also when its caller has gone.
//
// It is a Transporter for github.com/masterzen/winrm, whose own transports return faults as success, repeat a Receive
// for ever and know no context; requests are built with that library's soap package.
package winrm

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/masterzen/winrm"
	"github.com/masterzen/winrm/soap"

	"iiscanary/iis/winrm/kerberos"
)

const (
	// envelopeSize is the MaxEnvelopeSize announced, in bytes: the most that a server with the default
	// MaxEnvelopeSizekb of 500 takes once the base64 of a Send is counted.
	envelopeSize = 380000
	// mostPerSend is the raw bytes in one Send; base64 and envelope make about 506,650 bytes of it.
	mostPerSend = envelopeSize - 1000
	// leastPerSend is where halving after a refusal ends.
	leastPerSend = 8 << 10
	// replyLimit bounds an answer. Servers answer within envelopeSize.
	replyLimit = 4 << 20
)

// Options say how to reach one server.
type Options struct {
	Host string // name or address
	Port int    // usually 5986
	// Plain is HTTP without TLS, usually on port 5985: NTLM seals what is said, nothing else may be.
	Plain bool
	// Auth is how the account shows who it is. What is chosen is what is used: there is no second way.
	Auth Auth
	// User is the account, Password its password: sent as HTTP Basic inside TLS, and never sent with NTLM.
	User, Password string
	// Certificate is shown with [Certificate], see [LoadCertificate].
	Certificate *tls.Certificate
	// Tickets are what [Kerberos] shows, one client for all servers. The account is theirs, not User.
	Tickets *kerberos.Client
	// SPN is what the server is called in Kerberos; empty: HTTP/ and Host, which must not be an IP address then.
	SPN string
	// CAs are the authorities that may sign the server's certificate; nil: those of this machine.
	CAs *x509.CertPool
	// ServerName is the name that the certificate must carry; empty: Host.
	ServerName string
	// MinTLS is the least version that is spoken: tls.VersionTLS12, for which 0 stands, or tls.VersionTLS13.
	MinTLS uint16
	// UserAgent is sent with every request; empty: iis-canary.
	UserAgent string
	// ShellName is what shells are called on the server; empty: iis-canary.
	ShellName string
	// Guard is asked before every request, each of which may show a password; nil: nobody is.
	Guard    Guard
	Timeouts Timeouts
}

// Auth is a way to log in.
type Auth string

// The ways to log in.
const (
	Basic       Auth = "basic"       // the default; TLS only, and local accounts only
	NTLM        Auth = "ntlm"        // bound to the TLS connection, or sealed without TLS
	Kerberos    Auth = "kerberos"    // bound to the TLS connection; domain accounts
	Certificate Auth = "certificate" // of the client; TLS only, and local accounts only
)

// Timeouts bound every wait. A zero value stands for its default.
type Timeouts struct {
	Dial      time.Duration // TCP connect, and again TLS handshake; default 10 s
	Operation time.Duration // how long a Receive may be held by the server; default 20 s, at least 500 ms there
	Margin    time.Duration // how much later than Operation an answer counts as lost; default 15 s
	Delete    time.Duration // for deleting a shell whose caller has gone; default 5 s
}

func (t Timeouts) withDefaults() Timeouts {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&t.Dial, 10*time.Second)
	set(&t.Operation, 20*time.Second)
	set(&t.Margin, 15*time.Second)
	set(&t.Delete, 5*time.Second)
	return t
}

// Client talks to the WinRM listener of one server. It is safe for concurrent use.
type Client struct {
	url       string
	host      string // and port
	auth      Auth
	user      string
	timeouts  Timeouts
	tls       *tls.Config // nil: plain HTTP
	carrier   carrier
	shellName string
	guard     Guard
	identity  *identity    // nil: none
	spn       string       // empty: no Kerberos
	perSend   atomic.Int64 // raw bytes in one Send; shrinks when the server refuses an envelope
}

// New prepares a client; nothing is sent before the first request.
func New(o Options) (*Client, error) {
	if o.Host == "" || o.Port < 1 || o.Port > 65535 {
		return nil, fmt.Errorf("winrm address %q port %d: a host and a port from 1 to 65535 are needed", o.Host, o.Port)
	}
	if o.Auth == "" {
		o.Auth = Basic
	}
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("winrm on %s: %w", o.Host, err)
	}
	c := &Client{host: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), auth: o.Auth, user: o.User, timeouts: o.Timeouts.withDefaults(), shellName: cmp.Or(o.ShellName, "iis-canary")}
	scheme := "http"
	if !o.Plain {
		scheme = "https"
		c.tls = &tls.Config{RootCAs: o.CAs, ServerName: cmp.Or(o.ServerName, o.Host), MinVersion: cmp.Or(o.MinTLS, tls.VersionTLS12)}
	}
	c.url = (&url.URL{Scheme: scheme, Host: c.host, Path: "/wsman"}).String()
	if c.guard = o.Guard; c.guard == nil {
		c.guard = unguarded{}
	}
	c.perSend.Store(mostPerSend)
	c.equip(o)
	return c, nil
}

// check finds what does not go together.
func (o Options) check() error {
	switch {
	case o.Auth != Basic && o.Auth != NTLM && o.Auth != Kerberos && o.Auth != Certificate:
		return fmt.Errorf("there is no way to log in that is called %q", o.Auth)
	case o.Plain && o.Auth == Certificate:
		return errors.New("a certificate is shown while TLS begins; use https (port 5986)")
	case o.Plain && o.Auth == Kerberos:
		return errors.New("kerberos says who logs in, and nothing protects what is said then; use https (port 5986)")
	case o.Plain && o.Auth != NTLM:
		return fmt.Errorf("%s over plain http would send the password in clear; use https (port 5986) or ntlm", o.Auth)
	case o.Auth == Certificate && (o.Certificate == nil || o.Certificate.Leaf == nil):
		return errors.New("no certificate given")
	case o.Auth == Kerberos && o.Tickets == nil:
		return errors.New("no Kerberos tickets given")
	case o.Auth == Kerberos && o.SPN == "" && net.ParseIP(o.Host) != nil:
		return errors.New("an IP address has no name in Kerberos; reach the server by its name, or give its name as kerberos.spn, such as HTTP/{name}.domain.com")
	case (o.Auth == Basic || o.Auth == NTLM) && o.User == "":
		return errors.New("no user name given")
	case o.MinTLS != 0 && o.MinTLS != tls.VersionTLS12 && o.MinTLS != tls.VersionTLS13:
		return fmt.Errorf("%s is not to be the least version of TLS: TLS 1.2 or TLS 1.3", tls.VersionName(o.MinTLS))
	}
	return nil
}

// equip gives the client its carrier.
func (c *Client) equip(o Options) {
	to := address{url: c.url, userAgent: cmp.Or(o.UserAgent, "iis-canary")}
	switch o.Auth {
	case NTLM:
		c.carrier = newNTLM(to, o, c)
	case Kerberos:
		o.SPN = cmp.Or(o.SPN, "HTTP/"+o.Host)
		c.user, c.spn = o.Tickets.Account(), o.SPN
		c.carrier = newKerberos(to, o, c)
	case Certificate:
		c.user, c.identity = called(o.Certificate.Leaf), &identity{certificate: o.Certificate}
		c.identity.show(c.tls)
		c.carrier = &plainCarrier{address: to, authorization: mutual, http: newTLS(c.timeouts, c.tls)}
	default:
		pair := base64.StdEncoding.EncodeToString([]byte(o.User + ":" + o.Password))
		c.carrier = &plainCarrier{address: to, authorization: "Basic " + pair, http: newTLS(c.timeouts, c.tls)}
	}
}

// Close gives the idle connections back. Shells stay on the server until they are deleted.
func (c *Client) Close() { c.carrier.close() }

// Transporter is this client bound to a context, for use with the library's own Client, Shell and Command: each request
// ends with ctx, or after the operation timeout and its margin.
func (c *Client) Transporter(ctx context.Context) winrm.Transporter { return transporter{ctx, c} }

type transporter struct {
	ctx    context.Context
	client *Client
}

// Transport has nothing to set up: address and trust come from [Options].
func (t transporter) Transport(*winrm.Endpoint) error { return nil }

// Post sends one message and returns the text of the answer. A SOAP fault is a *[Fault].
func (t transporter) Post(_ *winrm.Client, m *soap.SoapMessage) (string, error) {
	return t.client.post(t.ctx, "request", m.String())
}

// post sends one envelope, if the guard lets it; action names it in errors.
func (c *Client) post(ctx context.Context, action, envelope string) (string, error) {
	if err := c.guard.Before(); err != nil {
		return "", err
	}
	text, err := c.send(ctx, action, envelope)
	c.guard.After(err)
	return text, err
}

func (c *Client) send(ctx context.Context, action, envelope string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeouts.Operation+c.timeouts.Margin, errSilent)
	defer cancel()
	d, err := c.carrier.carry(ctx, []byte(envelope))
	if err != nil {
		return "", c.transportError(ctx, action, err)
	}
	return c.judge(action, d)
}

// judge tells an answer from a refusal. The status decides, never the content type alone.
func (c *Client) judge(action string, d delivery) (string, error) {
	kind := d.header.Get("Content-Type")
	switch {
	case d.status == http.StatusOK && isSOAP(kind):
		return string(d.body), nil
	case d.status == http.StatusUnauthorized, d.status == http.StatusForbidden && c.identity != nil:
		return "", c.refused(d.status, d.header)
	case d.status == http.StatusInternalServerError && isSOAP(kind):
		f, err := parseFault(string(d.body))
		if err != nil {
			return "", c.garbled(action, fmt.Errorf("answered 500 with a fault that cannot be read: %w", err))
		}
		f.Action = action
		return "", f
	}
	return "", &StatusError{URL: c.url, Action: action, Status: d.status, ContentType: mediaType(kind)}
}

// refused is a login that the server did not take.
func (c *Client) refused(status int, h http.Header) *AuthError {
	e := &AuthError{URL: c.url, Auth: c.auth, User: c.user, Schemes: schemes(h.Values("WWW-Authenticate")), Status: status,
		Unasked: c.identity != nil && !c.identity.asked.Load()}
	if c.auth == Kerberos {
		if said := kerberos.Said(token(h), c.spn); said != nil {
			e.Reason = said
		}
	}
	return e
}

func schemes(headers []string) []string {
	var out []string
	for _, h := range headers {
		if name, _, _ := strings.Cut(strings.TrimSpace(h), " "); name != "" {
			out = append(out, name)
		}
	}
	return out
}

func (c *Client) transportError(ctx context.Context, action string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if cert := certificateError(c.url, err); cert != nil {
		return cert
	}
	if c.identity != nil && refusedCertificate(err) {
		return c.refused(http.StatusForbidden, nil)
	}
	if said, is := errors.AsType[*kerberos.Error](err); is && said.Login {
		return &AuthError{URL: c.url, Auth: c.auth, User: c.user, Reason: said}
	}
	err = c.versionError(err)
	if errors.Is(err, errSilent) {
		err = fmt.Errorf("%w for %s", errSilent, c.timeouts.Operation+c.timeouts.Margin)
	}
	if outer, is := err.(*url.Error); is {
		err = outer.Err
	}
	return fmt.Errorf("winrm %s on %s: %w%s", action, c.url, err, Diagnose(err).advised())
}

var errSilent = errors.New("no answer")
