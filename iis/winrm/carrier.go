package winrm

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
)

// carrier brings an envelope to the server and its answer back, logged in.
type carrier interface {
	carry(ctx context.Context, envelope []byte) (delivery, error)
	// close gives idle connections back.
	close()
}

// delivery is an answer as it came, its body opened where it was sealed.
type delivery struct {
	status int
	header http.Header
	body   []byte
}

const (
	soapType = "application/soap+xml;charset=UTF-8"
	// idleConnection is how long a connection is kept that nobody uses. Servers keep one for 120 s.
	idleConnection = 60 * time.Second
)

// address is where requests go and how they say who sends them.
type address struct {
	url, userAgent string
}

// post sends one request. A body over replyLimit is an error.
func (a address) post(ctx context.Context, c *http.Client, kind string, body []byte, authorization string) (delivery, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url, bytes.NewReader(body))
	if err != nil {
		return delivery{}, err
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	req.Header.Set("Content-Type", kind)
	req.Header.Set("User-Agent", a.userAgent)
	res, err := c.Do(req)
	if err != nil {
		return delivery{}, err
	}
	defer res.Body.Close()
	got, err := io.ReadAll(io.LimitReader(res.Body, replyLimit+1))
	if err != nil {
		return delivery{}, err
	}
	if len(got) == 0 && ctx.Err() != nil { // what a server answers to a client that has just hung up
		return delivery{}, context.Cause(ctx)
	}
	if len(got) > replyLimit {
		return delivery{}, garbledError{fmt.Errorf("the answer is larger than %d bytes", replyLimit)}
	}
	return delivery{res.StatusCode, res.Header, got}, nil
}

// plainCarrier says who it is with every request, or once per connection by a certificate.
type plainCarrier struct {
	address
	authorization string
	http          *http.Client
}

func (p *plainCarrier) carry(ctx context.Context, envelope []byte) (delivery, error) {
	return p.post(ctx, p.http, soapType, envelope, p.authorization)
}

func (p *plainCarrier) close() { p.http.CloseIdleConnections() }

// newHTTP is a client over a transport that never asks the environment for a proxy, and speaks HTTP/1.1 as WinRM does.
func newHTTP(t *http.Transport) *http.Client {
	t.Protocols = new(http.Protocols)
	t.Protocols.SetHTTP1(true)
	t.IdleConnTimeout = idleConnection
	return &http.Client{
		// A redirect would carry the password to another place.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     t,
	}
}

// newTLS keeps the two connections that a running command needs: one for Receive, one for Send.
func newTLS(t Timeouts, c *tls.Config) *http.Client {
	return newHTTP(&http.Transport{DialContext: newDialer(t).DialContext, TLSClientConfig: c, TLSHandshakeTimeout: t.Dial, MaxIdleConnsPerHost: 4})
}

func newDialer(t Timeouts) *net.Dialer {
	return &net.Dialer{Timeout: t.Dial, KeepAlive: 15 * time.Second}
}
