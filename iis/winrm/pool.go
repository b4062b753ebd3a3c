package winrm

import (
	"context"
	"crypto/tls"
	"net"
	"sync"
	"time"
)

// keptConnections is what a running command needs: one for Receive, one for Send.
const keptConnections = 2

// pool keeps connections that are logged on.
type pool struct {
	address
	host    string // and port
	dialer  *net.Dialer
	tls     *tls.Config // nil: plain HTTP
	shaking time.Duration

	mu   sync.Mutex
	idle []*connection
}

func newPool(to address, c *Client) pool {
	return pool{address: to, host: c.host, dialer: newDialer(c.timeouts), tls: c.tls, shaking: c.timeouts.Dial}
}

// connect makes a connection that is not logged on yet.
func (p *pool) connect(ctx context.Context) (*connection, error) {
	raw, err := p.dialer.DialContext(ctx, "tcp", p.host)
	if err != nil {
		return nil, err
	}
	if p.tls == nil {
		return newConnection(p.address, raw), nil
	}
	ctx, cancel := context.WithTimeout(ctx, p.shaking)
	defer cancel()
	secure := tls.Client(raw, p.tls)
	if err := secure.HandshakeContext(ctx); err != nil {
		_ = raw.Close()
		return nil, err
	}
	return newConnection(p.address, secure), nil
}

// put keeps a connection, or closes it where there are enough.
func (p *pool) put(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) >= keptConnections {
		c.close()
		return
	}
	p.idle = append(p.idle, c)
}

// take is the connection used last; nil: none.
func (p *pool) take() *connection {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.idle) == 0 {
		return nil
	}
	c := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return c
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.idle {
		c.close()
	}
	p.idle = nil
}
