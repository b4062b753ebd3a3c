package main

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"sync"
	"syscall"

	"iiscanary/canary"
)

// errAbandoned is the cause of a context that a second interrupt cancelled.
var errAbandoned = errors.New("abandoned by a second interrupt")

// interrupts turns the first interrupt into a wish to stop and the second into an end.
type interrupts struct {
	stop    chan struct{} // closed by the first
	once    sync.Once
	cancel  context.CancelCauseFunc
	signals chan os.Signal
}

// trap listens for interrupts until release is called; say is called at the first. The context ends with errAbandoned at the second one.
// A terminal that closes is a first interrupt only, as it is told of more than once. A reader that is gone is none: the run goes on
// without it, where a write to it would else end the process in the middle of a server.
func trap(parent context.Context, say func()) (ctx context.Context, i *interrupts, release func()) {
	ctx, cancel := context.WithCancelCause(parent)
	i = &interrupts{stop: make(chan struct{}), cancel: cancel, signals: make(chan os.Signal, 2)}
	signal.Notify(i.signals, os.Interrupt, syscall.SIGTERM)
	if !signal.Ignored(syscall.SIGHUP) { // as nohup has it
		signal.Notify(i.signals, syscall.SIGHUP)
	}
	unread := make(chan os.Signal, 1)
	signal.Notify(unread, syscall.SIGPIPE)
	done := make(chan struct{})
	go i.listen(done, say)
	return ctx, i, func() {
		signal.Stop(i.signals)
		signal.Stop(unread)
		close(done)
		cancel(nil)
	}
}

func (i *interrupts) listen(done <-chan struct{}, say func()) {
	for n := 0; ; {
		select {
		case <-done:
			return
		case heard := <-i.signals:
			if heard == syscall.SIGHUP && n > 0 {
				continue
			}
			n++
			if n == 1 {
				say()
				i.ask()
				continue
			}
			i.cancel(errAbandoned)
			return
		}
	}
}

// untilAsked is a context for what changes nothing: the first interrupt ends it at once. After settled, only what ends the
// parent does.
func untilAsked(parent context.Context, stop <-chan struct{}) (ctx context.Context, settled func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{})
	go func() {
		select {
		case <-stop:
			cancel(canary.ErrStopped)
		case <-done:
		}
	}()
	return ctx, sync.OnceFunc(func() { close(done) })
}

// orStopped is the error of a command that has changed nothing yet: an interrupt is no trouble with the fleet.
func orStopped(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	return fail(exitStopped, canary.ErrStopped, "nothing was touched by this command", "type the same line again")
}

// ask closes the stop channel, as the first interrupt does.
func (i *interrupts) ask() { i.once.Do(func() { close(i.stop) }) }
