package elbtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// statusClientLeft is what the access log says when the customer closed the connection before the answer.
const statusClientLeft = 460

// errIdle ends an exchange in which no byte moved for Config.IdleTimeout; errDrained one whose target's drain is over.
var (
	errIdle    = errors.New("no byte within the idle timeout")
	errDrained = errors.New("the deregistration delay is over")
)

// exchange is one customer request on its way to its target and back.
type exchange struct {
	b      *Balancer
	w      http.ResponseWriter
	r      *http.Request
	target *target
	trace  string
	idle   *time.Timer

	status       int  // for the customer
	targetStatus int  // from the target, 0: none
	own          bool // the load balancer made the answer itself
	unconnected  bool // the target could not be reached
	broken       bool // the answer had begun when it failed: only the connection can tell
}

// run sends the request to its target, once, and the answer to the customer.
func (x *exchange) run() {
	ctx, cancel := context.WithCancelCause(x.r.Context())
	defer cancel(nil)
	defer context.AfterFunc(x.target.cut, func() { cancel(errDrained) })()
	x.idle = time.AfterFunc(x.b.config.IdleTimeout, func() { cancel(errIdle) })
	defer x.idle.Stop()

	answer, err := x.b.targets.RoundTrip(x.outgoing(ctx))
	if err != nil {
		x.fail(ctx, err)
		return
	}
	defer answer.Body.Close()
	x.status, x.targetStatus = answer.StatusCode, answer.StatusCode
	dropHopByHop(answer.Header)
	header := x.w.Header()
	for name, values := range answer.Header {
		header[name] = values
	}
	if _, typed := header["Content-Type"]; !typed {
		header["Content-Type"] = nil
	}
	x.w.WriteHeader(answer.StatusCode)
	if err := x.copy(answer); err != nil {
		x.broken = true
		if x.r.Context().Err() != nil {
			x.status = statusClientLeft
		}
	}
}

// fail chooses the answer for a request that its target did not answer.
func (x *exchange) fail(ctx context.Context, err error) {
	var unreached *unconnectedError
	x.unconnected = errors.As(err, &unreached)
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errIdle):
		x.refuse(http.StatusGatewayTimeout)
	case errors.Is(cause, errDrained):
		x.refuse(http.StatusBadGateway)
	case cause != nil:
		x.status, x.broken = statusClientLeft, true
	case x.unconnected && late(err):
		x.refuse(http.StatusGatewayTimeout)
	default:
		x.refuse(http.StatusBadGateway)
	}
}

// refuse answers in the load balancer's own name.
func (x *exchange) refuse(status int) {
	x.status, x.own = status, true
	body := page(status)
	header := x.w.Header()
	header.Set("Server", "awselb/2.0")
	header.Set("Content-Type", "text/html")
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.w.WriteHeader(status)
	if x.r.Method != http.MethodHead {
		io.WriteString(x.w, body)
	}
}

// copy hands the answer over as it comes; one without a length is passed on piece by piece.
func (x *exchange) copy(answer *http.Response) error {
	pooled := x.b.copies.Get().(*[]byte)
	defer x.b.copies.Put(pooled)
	buffer := *pooled
	flusher, _ := x.w.(http.Flusher)
	for {
		n, err := answer.Body.Read(buffer)
		x.idle.Reset(x.b.config.IdleTimeout)
		if n > 0 {
			if _, err := x.w.Write(buffer[:n]); err != nil {
				return err
			}
			if answer.ContentLength < 0 && flusher != nil {
				flusher.Flush()
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// body is the customer's body. It is given to requests without one too: net/http repeats a request without a body on a
// second connection when a kept one fails, and a load balancer does not.
func (x *exchange) body() io.ReadCloser {
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return &onceBody{Reader: x.r.Body, moved: x.moved}
	}
	if x.r.Body == http.NoBody || x.r.ContentLength == 0 {
		return http.NoBody
	}
	return &onceBody{Reader: x.r.Body, moved: x.moved}
}

func (x *exchange) moved() { x.idle.Reset(x.b.config.IdleTimeout) }

// onceBody can be sent once only and tells when bytes move.
type onceBody struct {
	io.Reader
	moved func()
}

func (o *onceBody) Read(p []byte) (int, error) {
	n, err := o.Reader.Read(p)
	o.moved()
	return n, err
}

// Close leaves the customer's body to the front server, which owns it.
func (o *onceBody) Close() error { return nil }
