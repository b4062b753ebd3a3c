package winrm

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"sync/atomic"

	"iiscanary/iis/winrm/ntlm"
)

// ntlmCarrier keeps connections that are logged on: a request on one of them is one request.
type ntlmCarrier struct {
	pool
	account ntlm.Account
	service string
	// forgetful is a server that does not keep a login on a connection over TLS: each request brings its own.
	forgetful atomic.Bool
}

// newNTLM prepares the carrier of a client.
func newNTLM(to address, o Options, c *Client) *ntlmCarrier {
	return &ntlmCarrier{pool: newPool(to, c), account: ntlm.NewAccount(o.User, o.Password), service: "HTTP/" + o.Host}
}

func (n *ntlmCarrier) carry(ctx context.Context, envelope []byte) (delivery, error) {
	if c := n.take(); c != nil {
		d, err := c.carry(ctx, envelope)
		if !unheard(d, err) {
			return n.settle(c, d, err)
		}
		c.close()
	}
	c, err := n.connect(ctx)
	if err != nil {
		return delivery{}, err
	}
	if n.forgetful.Load() {
		d, err := n.logon(ctx, c, envelope)
		c.close()
		return d, err
	}
	d, err := n.logon(ctx, c, nil)
	if err != nil || d.status != http.StatusOK {
		c.close()
		return d, err
	}
	d, err = c.carry(ctx, envelope)
	if err == nil && d.status == http.StatusUnauthorized && !c.seals {
		n.forgetful.Store(true)
		d, err = n.logon(ctx, c, envelope)
	}
	return n.settle(c, d, err)
}

// unheard says that the server has not read the request: the connection had ended, or its login was forgotten, or the two sides
// were out of step. The next connection may do better.
func unheard(d delivery, err error) bool {
	return errors.Is(err, errSpent) || err == nil && (d.status == http.StatusUnauthorized || d.status == http.StatusBadRequest)
}

// settle keeps the connection when it is fit for more.
func (n *ntlmCarrier) settle(c *connection, d delivery, err error) (delivery, error) {
	if err == nil && d.status != http.StatusUnauthorized && d.status != http.StatusBadRequest && !n.forgetful.Load() {
		n.put(c)
	} else {
		c.close()
	}
	return d, err
}

// logon shows who we are: two requests. envelope goes with the second, if not nil. What is not a success is the server's refusal.
func (n *ntlmCarrier) logon(ctx context.Context, c *connection, envelope []byte) (delivery, error) {
	h := ntlm.NewHandshake(n.account, n.service, c.binding)
	asked, err := c.post(ctx, c.http, soapType, nil, negotiate+base64.StdEncoding.EncodeToString(h.Negotiate()))
	if err != nil {
		return delivery{}, err
	}
	if asked.status == http.StatusOK {
		return delivery{}, errNoQuestion
	}
	challenge := token(asked.header)
	if asked.status != http.StatusUnauthorized || challenge == nil {
		return asked, nil
	}
	last, session, err := h.Authenticate(challenge)
	if err != nil {
		return delivery{}, err
	}
	c.session = session
	return c.post(ctx, c.http, soapType, envelope, negotiate+base64.StdEncoding.EncodeToString(last))
}
