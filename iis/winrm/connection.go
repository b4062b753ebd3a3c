package winrm

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync/atomic"

	"iiscanary/iis/winrm/ntlm"
)

// connection is one connection that is logged on: the logon holds for it and for no other. It carries one request at a time.
type connection struct {
	address
	http    *http.Client
	raw     net.Conn
	seals   bool   // bodies are sealed, since nothing else protects them
	binding []byte // to TLS; nil: none
	session *ntlm.Session
}

var (
	// errSpent is a connection that ended while nobody used it: nothing was sent.
	errSpent = errors.New("the connection has ended")
	// errUnsealed is an answer that anybody on the way could have made.
	errUnsealed = errors.New("the answer is not sealed, as it has to be without TLS")
	// errNoQuestion is a server that takes anybody.
	errNoQuestion = errors.New("the server asks for no login: it is not the WinRM that was meant")
)

// newConnection takes over a connection, with TLS on it where there is TLS.
func newConnection(to address, conn net.Conn) *connection {
	c := &connection{address: to, raw: conn, seals: true}
	if secure, is := conn.(*tls.Conn); is {
		c.seals, c.binding = false, ntlm.Binding(secure.ConnectionState().PeerCertificates[0])
	}
	var used atomic.Bool
	dial := func(context.Context, string, string) (net.Conn, error) {
		if used.Swap(true) {
			return nil, errSpent
		}
		return conn, nil
	}
	c.http = newHTTP(&http.Transport{DialContext: dial, DialTLSContext: dial, MaxIdleConnsPerHost: 1})
	return c
}

func (c *connection) close() {
	c.http.CloseIdleConnections()
	_ = c.raw.Close() // mostly closed already
}

// negotiate is the scheme of NTLM's messages and Kerberos' tokens.
const negotiate = "Negotiate "

// token is the server's message; nil: none.
func token(h http.Header) []byte {
	for _, v := range h.Values("WWW-Authenticate") {
		scheme, text, _ := strings.Cut(strings.TrimSpace(v), " ")
		if b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); strings.EqualFold(scheme, "Negotiate") && err == nil && len(b) > 0 {
			return b
		}
	}
	return nil
}

// carry brings one envelope over the connection, which has been logged on.
func (c *connection) carry(ctx context.Context, envelope []byte) (delivery, error) {
	if !c.seals {
		return c.post(ctx, c.http, soapType, envelope, "")
	}
	d, err := c.post(ctx, c.http, sealedType, seal(c.session, envelope), "")
	if err != nil {
		return d, err
	}
	kind := d.header.Get("Content-Type")
	switch {
	case isSealed(kind):
		d.body, kind, err = unseal(c.session, d.body)
		d.header.Set("Content-Type", kind)
	case isSOAP(kind), d.status == http.StatusOK:
		err = errUnsealed
	default:
		d.body = nil
	}
	return d, err
}
