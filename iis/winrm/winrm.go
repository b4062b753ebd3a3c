// Package winrm runs one command on a Windows server over WS-Management (MS-WSMV) and promises that nothing is lost on
// the way: every fault is an error with its code, every wait ends with its context, every answer is bounded, no request
// is repeated on its own, and a shell that was opened is deleted, also when its caller has gone.
//
// It is a Transporter for github.com/masterzen/winrm, whose own transports return faults as success, repeat a Receive
// for ever and know no context; requests are built with that library's soap package.
package winrm

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/masterzen/winrm"
	"github.com/masterzen/winrm/soap"
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
	// User is the account, Password its password. They travel as HTTP Basic inside TLS and nowhere else.
	User, Password string
	// CAs are the authorities that may sign the server's certificate; nil: those of this machine.
	CAs *x509.CertPool
	// ServerName is the name that the certificate must carry; empty: Host.
	ServerName string
	// UserAgent is sent with every request; empty: iis-canary.
	UserAgent string
	Timeouts  Timeouts
}

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
	user      string
	password  string
	userAgent string
	timeouts  Timeouts
	http      *http.Client
	perSend   atomic.Int64 // raw bytes in one Send; shrinks when the server refuses an envelope
}

// New prepares a client; nothing is sent before the first request.
func New(o Options) (*Client, error) {
	if o.Host == "" || o.Port < 1 || o.Port > 65535 {
		return nil, fmt.Errorf("winrm address %q port %d: a host and a port from 1 to 65535 are needed", o.Host, o.Port)
	}
	if o.User == "" {
		return nil, fmt.Errorf("winrm on %s: no user name given", o.Host)
	}
	c := &Client{
		url:       (&url.URL{Scheme: "https", Host: net.JoinHostPort(o.Host, strconv.Itoa(o.Port)), Path: "/wsman"}).String(),
		user:      o.User,
		password:  o.Password,
		userAgent: o.UserAgent,
		timeouts:  o.Timeouts.withDefaults(),
	}
	if c.userAgent == "" {
		c.userAgent = "iis-canary"
	}
	c.perSend.Store(mostPerSend)
	name := o.ServerName
	if name == "" {
		name = o.Host
	}
	c.http = &http.Client{
		// A redirect would carry the password to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     newTransport(c.timeouts, &tls.Config{RootCAs: o.CAs, ServerName: name, MinVersion: tls.VersionTLS12}),
	}
	return c, nil
}

// newTransport never asks the environment for a proxy, speaks HTTP/1.1 as WinRM does, and keeps the two connections that
// a running command needs: one for Receive, one for Send.
func newTransport(t Timeouts, c *tls.Config) *http.Transport {
	dialer := &net.Dialer{Timeout: t.Dial, KeepAlive: 15 * time.Second}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	return &http.Transport{
		DialContext:         dialer.DialContext,
		TLSClientConfig:     c,
		TLSHandshakeTimeout: t.Dial,
		MaxIdleConnsPerHost: 4,
		IdleConnTimeout:     60 * time.Second,
		Protocols:           protocols,
	}
}

// Close gives the idle connections back. Shells stay on the server until they are deleted.
func (c *Client) Close() { c.http.CloseIdleConnections() }

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

// post sends one envelope; action names it in errors.
func (c *Client) post(ctx context.Context, action, envelope string) (string, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeouts.Operation+c.timeouts.Margin, errSilent)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.url, strings.NewReader(envelope))
	if err != nil {
		return "", fmt.Errorf("winrm %s: %w", action, err)
	}
	req.SetBasicAuth(c.user, c.password)
	req.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
	req.Header.Set("User-Agent", c.userAgent)
	res, err := c.http.Do(req)
	if err != nil {
		return "", c.transportError(ctx, action, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, replyLimit+1))
	if err != nil {
		return "", c.transportError(ctx, action, err)
	}
	if len(body) > replyLimit {
		return "", fmt.Errorf("winrm %s on %s: the answer is larger than %d bytes", action, c.url, replyLimit)
	}
	return c.judge(action, res, string(body))
}

// judge tells an answer from a refusal. The status decides, never the content type alone.
func (c *Client) judge(action string, res *http.Response, body string) (string, error) {
	kind, _, _ := mime.ParseMediaType(res.Header.Get("Content-Type"))
	isSOAP := kind == "application/soap+xml"
	switch {
	case res.StatusCode == http.StatusOK && isSOAP:
		return body, nil
	case res.StatusCode == http.StatusUnauthorized:
		return "", &AuthError{URL: c.url, User: c.user, Schemes: schemes(res.Header.Values("WWW-Authenticate"))}
	case res.StatusCode == http.StatusInternalServerError && isSOAP:
		f, err := parseFault(body)
		if err != nil {
			return "", fmt.Errorf("winrm %s on %s: answered 500 with a fault that cannot be read: %w", action, c.url, err)
		}
		f.Action = action
		return "", f
	}
	return "", &StatusError{URL: c.url, Action: action, Status: res.StatusCode, ContentType: kind}
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
	if errors.Is(err, errSilent) {
		err = fmt.Errorf("%w for %s", errSilent, c.timeouts.Operation+c.timeouts.Margin)
	}
	var outer *url.Error
	if errors.As(err, &outer) {
		err = outer.Err
	}
	return fmt.Errorf("winrm %s on %s: %w", action, c.url, err)
}

var errSilent = errors.New("no answer")
