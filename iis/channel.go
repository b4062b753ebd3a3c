package iis

import (
	"cmp"
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
	open    func(context.Context) (link, error)
	tries   int           // sessions that one operation may use
	pause   time.Duration // before the second try; doubles from there
	log     *slog.Logger
	turn    chan struct{} // holds one token; whoever has it owns the fields below
	session link
	ended   <-chan struct{} // closed when the session dropped last is off the server
	count   int
	closed  bool
	greeted bool // the server has answered once
	silent  bool // it could not be reached the last time: it gets one short try to open a session, not all of them again
	back    *returning

	patience, hello time.Duration // for that try, and for a first answer on top
	boot            time.Duration // before a login is tried again that was refused in a boot; doubles from there
}

// processTime is what a shell, PowerShell and the compiler need at the very least on a server at rest.
const processTime = 5 * time.Second

var (
	errClosed = errors.New("the connection to the fleet is closed")
	errNoTime = errors.New("no process is there to ask, and no time to start one")
)

func newChannel(server string, t Timeouts, log *slog.Logger, back *returning, open func(context.Context) (link, error)) *channel {
	c := &channel{server: server, open: open, back: back, tries: t.Tries, pause: t.Pause, boot: t.Boot, patience: t.Patience, hello: t.Hello, log: log, turn: make(chan struct{}, 1)}
	c.turn <- struct{}{}
	return c
}

// link is a way to the agent on a server: a process that lives on, or one for each request.
type link interface {
	call(ctx context.Context, r agent.Request, blob []byte) (json.RawMessage, error)
	alive() bool
	lasting() bool // whether one process serves many requests
	close(ctx context.Context) error
}

// operation is one request, and how long it may take altogether. Without a name it only opens a session when there is none.
type operation struct {
	name  string
	args  any
	fence *agent.Fence
	blob  []byte
	limit time.Duration
	tries int  // connections that it may use; 0: as many as any
	aside bool // only information: where it is cut off, the channel stays as good as it was
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
		return fmt.Errorf("%s: %s given up: %w", c.server, cmp.Or(op.name, "connect"), context.Cause(ctx))
	}
	return fmt.Errorf("%s: %s: %w: %w", c.server, cmp.Or(op.name, "connect"), canary.ErrUnreachable, err)
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
	if op.tries > 0 {
		tries = op.tries
	}
	if op.aside {
		return c.attempt(ctx, c.request(op), nil, true)
	}
	if c.silent {
		tries = 1
	}
	return c.persist(ctx, c.request(op), op.blob, tries)
}

func (c *channel) request(op operation) agent.Request {
	return agent.Request{ID: fmt.Sprintf("%s-%d", c.server, c.count), Op: op.name, Args: op.args, Lease: op.fence}
}

// persist repeats a request on a new session each time that the last one broke.
func (c *channel) persist(ctx context.Context, request agent.Request, blob []byte, tries int) (json.RawMessage, error) {
	pause, boot := c.pause, c.boot
	for try := 1; ; try++ {
		result, err := c.attempt(ctx, request, blob, false)
		excused := c.back.excuses(err)
		if !excused && !worthRetrying(err) || ctx.Err() != nil {
			return result, c.back.explained(err)
		}
		if try >= tries {
			return nil, fmt.Errorf("%d tries: %w", try, c.back.explained(err))
		}
		c.log.Debug("connection lost, trying again", "server", c.server, "op", request.Op, "try", try, "err", err)
		rest := pause/2 + rand.N(pause)
		if excused {
			rest, boot = boot, 2*boot
		}
		if err := wait(ctx, rest); err != nil {
			return nil, err
		}
		pause = min(2*pause, longestPause)
	}
}

// attempt uses the session at hand, or opens one. It leaves no session behind whose stream may be out of step. What is asked aside opens
// none in the few seconds in which it hardly would come to an end.
func (c *channel) attempt(ctx context.Context, r agent.Request, blob []byte, aside bool) (json.RawMessage, error) {
	if c.closed {
		return nil, errClosed
	}
	if c.session != nil && !c.session.alive() {
		c.drop(ctx)
	}
	if end, bound := ctx.Deadline(); aside && bound && time.Until(end) < processTime && (c.session == nil || !c.session.lasting()) {
		return nil, errNoTime
	}
	if c.session == nil {
		if err := c.connect(ctx, aside); err != nil {
			return nil, err
		}
	}
	if r.Op == "" {
		return nil, nil
	}
	result, err := c.session.call(ctx, r, blob)
	var refused *agent.Error
	switch {
	case err == nil, errors.As(err, &refused):
	case aside && errors.Is(err, errUnanswered) && c.session.lasting(): // the next request waits for the answer that is on its way
	default:
		c.drop(ctx)
	}
	return result, err
}

// connect opens a session. A server that could not be reached is remembered as that; not so where somebody did not want to wait for it.
func (c *channel) connect(ctx context.Context, aside bool) error {
	if err := c.awaitEnd(ctx); err != nil {
		return err
	}
	opening, began := ctx, time.Now()
	if c.silent {
		limit := c.patience
		if !c.greeted {
			limit += c.hello
		}
		var cancel context.CancelFunc
		opening, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	s, err := c.open(opening)
	switch {
	case err == nil:
		c.session, c.greeted, c.silent = s, true, false
	case !aside && worthRetrying(err) && (ctx.Err() == nil || time.Since(began) >= processTime):
		c.silent = true
	}
	return err
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
	)
	if err == nil || errors.As(err, &refused) || errors.As(err, &start) || errors.Is(err, errClosed) {
		return false
	}
	return diagnose(err).Kind != winrm.Permanent
}
