package canarytest

import (
	"context"
	"errors"
	"fmt"

	"iiscanary/canary"
)

// ErrDied is what everything answers after the process has died.
var ErrDied = errors.New("the process died")

// ErrFault is what a fault answers.
var ErrFault = errors.New("fault")

// FaultKind is how an operation goes wrong.
type FaultKind string

// The kinds of faults.
const (
	Fails       FaultKind = "fails"       // no effect, an error
	Hangs       FaultKind = "hangs"       // no effect, no answer before the context ends
	HalfDone    FaultKind = "half-done"   // the effect, and then an error
	Unreachable FaultKind = "unreachable" // no effect, an error that wraps canary.ErrUnreachable
	Lies        FaultKind = "lies"        // no effect, success
	Taken       FaultKind = "taken"       // no effect, an error that wraps canary.ErrTaken
)

// Fault makes an operation go wrong.
type Fault struct {
	Op     string // lower-case name of the World's method; empty: every one that names a server
	Server string // empty: any
	Slot   string // empty: any
	Kind   FaultKind
	After  int // so many matching calls go well first
	Times  int // so many go wrong then; 0: all
}

// call is one use of the World.
type call struct{ op, server, slot string }

func (f Fault) hits(c call) bool {
	if f.Op == "" && c.server == "" {
		return false
	}
	match := func(want, got string) bool { return want == "" || want == got }
	return match(f.Op, c.op) && match(f.Server, c.server) && match(f.Slot, c.slot)
}

// armed is a fault with its count.
type armed struct {
	Fault
	seen int
}

// Break adds a fault.
func (w *World) Break(f Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = append(w.faults, &armed{Fault: f})
}

// Heal removes every fault.
func (w *World) Heal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults = nil
}

// fault is the first one that strikes a call; empty: none.
func (w *World) fault(c call) FaultKind {
	var kind FaultKind
	for _, f := range w.faults {
		if !f.hits(c) {
			continue
		}
		f.seen++
		if kind == "" && f.seen > f.After && (f.Times == 0 || f.seen <= f.After+f.Times) {
			kind = f.Kind
		}
	}
	return kind
}

// strike carries out a call under a fault.
func (w *World) strike(ctx context.Context, kind FaultKind, c call, effect func() error) error {
	switch kind {
	case Hangs:
		w.mu.Unlock()
		<-ctx.Done()
		w.mu.Lock()
		return context.Cause(ctx)
	case HalfDone:
		if err := effect(); err != nil {
			return err
		}
	case Unreachable:
		return fmt.Errorf("%s on %s: %w", c.op, c.server, canary.ErrUnreachable)
	case Taken:
		return fmt.Errorf("%s on %s: %w", c.op, c.server, canary.ErrTaken)
	case Lies:
		return nil
	}
	return fmt.Errorf("%s on %s: %w", c.op, c.server, ErrFault)
}
