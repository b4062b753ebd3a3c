package canary

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Runner carries out plans.
type Runner struct {
	World   World
	Journal Journal
	// Stop asks, when closed, to end between steps: servers in hand are brought to the end of their lane, gates are left.
	// Nil: never.
	Stop <-chan struct{}
	Tool string // version of the program, for the journal
	// Watch is told of each event after it is durable, one at a time. Nil: nobody.
	Watch func(Event)
	// Waits is told when a server has to wait for spare capacity before it can leave rotation, one at a time. Nil: nobody.
	Waits func(Waiting)
	// Explain says why a step failed that began at a time, in words of the servers themselves; empty: nobody knows. It is asked before
	// the failure is written down, for ten seconds at most, at a gate for three, and never of a server that cannot be reached. Nil:
	// nobody is asked.
	Explain func(ctx context.Context, s Step, began time.Time) string
}

// These bound an explanation: the way back waits for it. At a gate the release has users.
const (
	explainTime       = 10 * time.Second
	explainTimeAtGate = 3 * time.Second
)

// Run carries out a plan: a fresh one, one that its journal says was begun, or one that puts a fleet back. There is no
// other entry. It returns nil when the plan is at its end, and otherwise an error in which errors.As and errors.Is find
//
//   - a *PlanError: refused, nothing was touched;
//   - a *RefusedError: a question was answered with no;
//   - a *StepError: a step broke, one for each lane; it may wrap [ErrUnreachable], a *HungError, a *NoSpareError, a
//     *NotHealthyError;
//   - a *HeldError, when nothing worse happened: an unsure answer under hold;
//   - [ErrStopped]: by Stop;
//   - the cause of ctx: abandoned at once;
//   - [ErrTaken]: another process may be at work, so that this one ended at once;
//   - a *JournalError: the journal could not be written.
//
// A final wave cannot be undone and stands after the last gate, so what breaks there is written down and is no error.
func (r *Runner) Run(ctx context.Context, p Plan) error {
	if err := p.Check(); err != nil {
		return err
	}
	recorded, err := p.follows(r.Journal)
	if err != nil {
		return err
	}
	past := Fold(p, r.Journal.Events())
	run := &running{Runner: r, plan: p, past: past}
	if past.Last != nil {
		run.seq = past.Last.Seq
	}
	if !recorded {
		if err := run.note(Event{Type: Planned, Plan: &p, Tool: r.Tool}); err != nil {
			return err
		}
	} else if past.Finished {
		return nil
	}
	run.resumed = recorded
	ctx, run.leave = context.WithCancelCause(ctx)
	defer run.leave(nil)
	if err := run.waves(ctx); err != nil {
		if cause := context.Cause(ctx); errors.Is(cause, ErrTaken) {
			err = cause // once, and not for each lane that it ended
		}
		return run.halt(ctx, err)
	}
	return run.note(Event{Type: Finished})
}

// running is one call of Run. The past is read only; note owns seq, resumed and lost.
type running struct {
	*Runner
	plan  Plan
	past  Progress
	leave context.CancelCauseFunc // ends every lane at once

	telling sync.Mutex // held while Waits is told

	mu      sync.Mutex
	seq     int
	resumed bool          // the next event is the first since the run was taken up again
	lost    *JournalError // after the first, nothing is written any more
	short   time.Time     // since when a lane waits for spare capacity and no server has left or come back; zero: none does
}

// note makes an event durable, then tells the watcher.
func (r *running) note(e Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost != nil {
		return r.lost
	}
	e.Seq, e.At, e.Run = r.seq+1, r.World.Now(), r.plan.Run
	if r.resumed {
		e.Resumed, e.Tool = true, r.Tool
	}
	if err := r.Journal.Append(e); err != nil {
		if e.Type == Began && errors.Is(err, ErrUnreachable) {
			return fmt.Errorf("write the journal on the server: %w", err)
		}
		if errors.Is(err, ErrTaken) {
			r.seq++ // it may have been written
			return err
		}
		r.lost = &JournalError{err}
		return r.lost
	}
	r.seq++
	r.resumed = false
	if r.Watch != nil {
		r.Watch(e)
	}
	return nil
}

// halt writes down why the run ends before its plan. It needs no context: an abandoned run is written down too.
func (r *running) halt(ctx context.Context, why error) error {
	e := Event{Type: Halted, Err: why.Error(), Halt: haltOf(ctx, why)}
	if held, ok := errors.AsType[*HeldError](why); ok {
		e.Step, e.Server, e.Verdict = held.Step.ID, held.Step.Server, &held.Verdict
	}
	err := r.note(e)
	if err == nil || errors.Is(why, err) || errors.Is(why, ErrTaken) && errors.Is(err, ErrTaken) {
		return why
	}
	return errors.Join(why, err)
}

// haltOf is the reason for a halt.
func haltOf(ctx context.Context, why error) Halt {
	_, held := errors.AsType[*HeldError](why)
	_, refused := errors.AsType[*RefusedError](why)
	switch {
	case ctx.Err() != nil, errors.Is(why, ErrTaken):
		return HaltAbandoned
	case errors.Is(why, ErrStopped):
		return HaltStopped
	case held:
		return HaltHeld
	case refused:
		return HaltRefused
	}
	return HaltBroke
}

func (r *running) waves(ctx context.Context) error {
	for _, w := range r.plan.Waves {
		if err := r.wave(ctx, w); err != nil {
			return fmt.Errorf("%s: %w", w.Name, err)
		}
	}
	return nil
}

func (r *running) journalLost() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.lost == nil {
		return nil
	}
	return r.lost
}
