package iis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"iiscanary/canary"
	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

// longestPause between two connections.
const longestPause = 10 * time.Second

// channel runs operations on one server, one after the other, over a session that it opens when first needed and anew
// when it breaks. An operation whose session broke is asked again with the same id: all operations are idempotent, and
// what half a frame left behind in a stream dies with its shell.
type channel struct {
	server  string
	open    func(context.Context) (*session, error)
	tries   int           // sessions that one operation may use
	pause   time.Duration // before the second try; doubles from there
	log     *slog.Logger
	turn    chan struct{} // holds one token; whoever has it owns the fields below
	session *session
	ended   <-chan struct{} // closed when the session dropped last is off the server
	count   int
	closed  bool
	silent  bool // the last operation could not reach the server: the next gets one short try, not the whole patience again
}

// patience is for a server that did not answer the last time.
const patience = 15 * time.Second

var errClosed = errors.New("the connection to the fleet is closed")

func newChannel(server string, t Timeouts, log *slog.Logger, open func(context.Context) (*session, error)) *channel {
	c := &channel{server: server, open: open, tries: t.Tries, pause: t.Pause, log: log, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// operation is one request, and how long it may take altogether.
type operation struct {
	name  string
	args  any
	fence *agent.Fence
	blob  []byte
	limit time.Duration
}

// do runs an operation and reads its result into out, which may be nil. An answer of the agent that says no is a
// *agent.Error; everything after which nothing is known wraps [canary.ErrUnreachable].
func (c *channel) do(ctx context.Context, op operation, out any) error {
	bound, cancel := context.WithTimeoutCause(ctx, op.limit, fmt.Errorf("no end after %s", op.limit))
	defer cancel()
	result, err := c.run(bound, op)
	if len(result) > 0 && out != nil {
		if bad := json.Unmarshal(result, out); bad != nil && err == nil {
			err = fmt.Errorf("the result of %s cannot be read: %w", op.name, bad)
		}
	}
	var refused *agent.Error
	switch {
	case err == nil:
		return nil
	case errors.As(err, &refused), errors.Is(err, errClosed):
		return fmt.Errorf("%s: %w", c.server, err)
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %s given up: %w", c.server, op.name, context.Cause(ctx))
	}
	return fmt.Errorf("%s: %s: %w: %w", c.server, op.name, canary.ErrUnreachable, err)
}

// connect opens a session when there is none, so that the next operation takes one round trip.
func (c *channel) connect(ctx context.Context, limit time.Duration) error {
	return c.do(ctx, operation{limit: limit}, nil)
}

func (c *channel) run(ctx context.Context, op operation) (json.RawMessage, error) {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return nil, fmt.Errorf("still waiting for an earlier operation: %w", context.Cause(ctx))
	}
	c.count++
	tries := c.tries
	if c.silent {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, patience)
		defer cancel()
		tries = 1
	}
	request := agent.Request{ID: fmt.Sprintf("%s-%d", c.server, c.count), Op: op.name, Args: op.args, Lease: op.fence}
	result, err := c.persist(ctx, request, op.blob, tries)
	c.silent = err != nil && (worthRetrying(err) || errors.Is(context.Cause(ctx), context.DeadlineExceeded))
	return result, err
}

// persist repeats a request on a new session each time that the last one broke.
func (c *channel) persist(ctx context.Context, request agent.Request, blob []byte, tries int) (json.RawMessage, error) {
	pause := c.pause
	for try := 1; ; try++ {
		result, err := c.attempt(ctx, request, blob)
		if !worthRetrying(err) || ctx.Err() != nil {
			return result, err
		}
		if try >= tries {
			return nil, fmt.Errorf("%d tries: %w", try, err)
		}
		c.log.Debug("connection lost, trying again", "server", c.server, "op", request.Op, "try", try, "err", err)
		if err := wait(ctx, pause/2+rand.N(pause)); err != nil {
			return nil, err
		}
		pause = min(2*pause, longestPause)
	}
}

// attempt uses the session at hand, or opens one. It leaves no session behind whose stream may be out of step.
func (c *channel) attempt(ctx context.Context, r agent.Request, blob []byte) (json.RawMessage, error) {
	if c.closed {
		return nil, errClosed
	}
	if c.session != nil && !c.session.alive() {
		c.drop(ctx)
	}
	if c.session == nil {
		if err := c.awaitEnd(ctx); err != nil {
			return nil, err
		}
		s, err := c.open(ctx)
		if err != nil {
			return nil, err
		}
		c.session = s
	}
	if r.Op == "" {
		return nil, nil
	}
	result, err := c.session.call(ctx, r, blob)
	if refused := (*agent.Error)(nil); err != nil && !errors.As(err, &refused) {
		c.drop(ctx)
	}
	return result, err
}

// drop gets rid of the session without keeping its caller waiting.
func (c *channel) drop(ctx context.Context) {
	s, ended := c.session, make(chan struct{})
	c.session, c.ended = nil, ended
	go func() {
		defer close(ended)
		if err := s.close(ctx); err != nil {
			c.log.Debug("shell not deleted; it ends by itself when idle", "server", c.server, "err", err)
		}
	}()
}

// awaitEnd keeps a new process from working beside an old one that was given up: two hands on one site.
func (c *channel) awaitEnd(ctx context.Context) error {
	if c.ended == nil {
		return nil
	}
	select {
	case <-c.ended:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("an abandoned operation is still being ended: %w", context.Cause(ctx))
	}
}

// close waits for the operation in hand, as long as ctx allows, and deletes the shell.
func (c *channel) close(ctx context.Context) error {
	select {
	case <-c.turn:
		defer func() { c.turn <- struct{}{} }()
	case <-ctx.Done():
		return fmt.Errorf("%s: an operation is still running: %w", c.server, context.Cause(ctx))
	}
	c.closed = true
	if c.session == nil {
		return c.awaitEnd(ctx)
	}
	s := c.session
	c.session = nil
	if err := s.close(ctx); err != nil {
		return fmt.Errorf("%s: delete the shell: %w", c.server, err)
	}
	return nil
}

// worthRetrying tells a lost connection from an answer, and from a refusal that would be repeated.
func worthRetrying(err error) bool {
	var (
		refused *agent.Error
		start   *agent.StartError
		auth    *winrm.AuthError
		cert    *winrm.CertificateError
		status  *winrm.StatusError
		fault   *winrm.Fault
	)
	switch {
	case err == nil, errors.As(err, &refused), errors.As(err, &start), errors.As(err, &auth), errors.As(err, &cert), errors.Is(err, errClosed):
		return false
	case errors.As(err, &status):
		return status.Temporary()
	case errors.As(err, &fault):
		return fault.Temporary() || fault.Gone() || fault.TimedOut()
	}
	return true
}
