package iis

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

// Channel is how the agent on a server is spoken to.
type Channel string

// The channels.
const (
	Auto    Channel = "auto"    // the default: Stream, and where that stays silent, Oneshot
	Stream  Channel = "stream"  // one process for the whole run, on its raw streams
	Oneshot Channel = "oneshot" // one process for each operation, all of its input as text: slower, and works wherever PowerShell does
)

func (c Channel) check() error {
	switch c {
	case "", Auto, Stream, Oneshot:
		return nil
	}
	return fmt.Errorf("there is no channel called %q, only auto, stream and oneshot", c)
}

// programs are the agent for both channels.
type programs struct {
	stream agent.Program
	batch  agent.Batch
}

func loadPrograms() (programs, error) {
	stream, err := agent.Load()
	batch, failed := agent.LoadBatch()
	return programs{stream, batch}, errors.Join(err, failed)
}

// way opens links to one server, and finds out once which channel works there. Whoever has the turn of the server's channel uses it.
type way struct {
	setting  Channel
	budget   time.Duration // for the first answer
	hello    agent.AppArgs
	programs programs
	mask     mask
	open     func(context.Context) (*winrm.Shell, error)
	fallen   func(why Fall)
	settled  bool // the stream has answered once, or never will
	slow     atomic.Bool
	fall     atomic.Pointer[Fall] // nil: it was not, or slow was asked for
}

func (w *way) connect(ctx context.Context) (link, error) {
	if w.slow.Load() {
		return &oneshot{open: w.open, batch: w.programs.batch, mask: w.mask}, nil
	}
	shell, err := w.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := startSession(ctx, shell, w.programs.stream, w.mask)
	if err == nil && (w.setting == Stream || w.settled) {
		return s, nil
	}
	if err == nil {
		err = w.greet(ctx, s)
	}
	if err == nil {
		w.settled = true
		return s, nil
	}
	heard := ""
	if s != nil {
		heard = s.heard()
		_ = s.close(ctx) // the reason for closing it is the better error
	}
	why, will := fell(err, heard, w.budget)
	if !will || s != nil && s.torn { // a part of what it said may be gone
		return nil, err
	}
	w.settled = true
	w.slow.Store(true)
	w.fall.Store(&why)
	w.fallen(why)
	return w.connect(ctx)
}

// greet waits for the first answer, as long as it may take. What the agent says no to is an answer.
func (w *way) greet(ctx context.Context, s *session) error {
	bound, cancel := context.WithTimeoutCause(ctx, w.budget, errNoHello)
	defer cancel()
	_, err := s.call(bound, agent.Request{ID: "greeting", Op: "hello", Args: w.hello}, nil)
	if no := (*agent.Error)(nil); errors.As(err, &no) {
		return nil
	}
	return err
}
