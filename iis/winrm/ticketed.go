package winrm

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"sync/atomic"

	"iiscanary/iis/winrm/kerberos"
)

// kerberosCarrier shows a ticket with the first request of each connection, which is then logged on: one request for each
// envelope, always.
type kerberosCarrier struct {
	pool
	tickets *kerberos.Client
	spn     string
	// forgetful is a server that does not keep a login on a connection: each request brings its own.
	forgetful atomic.Bool
}

func newKerberos(to address, o Options, c *Client) *kerberosCarrier {
	return &kerberosCarrier{pool: newPool(to, c), tickets: o.Tickets, spn: o.SPN}
}

func (k *kerberosCarrier) carry(ctx context.Context, envelope []byte) (delivery, error) {
	if c := k.take(); c != nil {
		d, err := k.again(ctx, c, envelope)
		if !errors.Is(err, errSpent) {
			return k.settle(c, d, err)
		}
		c.close()
	}
	c, err := k.connect(ctx)
	if err != nil {
		return delivery{}, err
	}
	d, err := k.logon(ctx, c, envelope)
	return k.settle(c, d, err)
}

// again uses a connection that was logged on.
func (k *kerberosCarrier) again(ctx context.Context, c *connection, envelope []byte) (delivery, error) {
	if !k.forgetful.Load() {
		d, err := c.carry(ctx, envelope)
		if err != nil || d.status != http.StatusUnauthorized {
			return d, err
		}
		k.forgetful.Store(true)
	}
	return k.logon(ctx, c, envelope)
}

// logon shows the ticket together with the envelope.
func (k *kerberosCarrier) logon(ctx context.Context, c *connection, envelope []byte) (delivery, error) {
	shown, err := k.tickets.Token(ctx, k.spn, c.binding)
	if err != nil {
		return delivery{}, err
	}
	return c.post(ctx, c.http, soapType, envelope, negotiate+base64.StdEncoding.EncodeToString(shown))
}

// settle keeps the connection when it is fit for more.
func (k *kerberosCarrier) settle(c *connection, d delivery, err error) (delivery, error) {
	if err == nil && d.status != http.StatusUnauthorized && d.status != http.StatusBadRequest {
		k.put(c)
	} else {
		c.close()
	}
	return d, err
}
