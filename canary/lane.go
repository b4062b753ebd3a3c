package canary

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lane carries out steps strictly in order. Before its first change a lane ends at once on Stop; after it, it is in hand
// and comes to its end.
func (r *running) lane(ctx context.Context, l Lane) error {
	inHand := r.past.LaneTouched(l)
	for _, s := range l {
		if r.settled(s, l) {
			continue
		}
		if !inHand && r.stopping() {
			return ErrStopped
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		touched := inHand
		_, change := s.Action.(Change)
		inHand = inHand || change
		if err := r.step(ctx, s, touched, inHand); err != nil {
			return err
		}
	}
	return nil
}

// settled reports whether a step needs no more. An answer ages: in a lane with changes still to make, a question that was
// answered before the process died is asked again.
func (r *running) settled(s Step, l Lane) bool {
	if !r.past.Ended(s.ID) {
		return false
	}
	if _, change := s.Action.(Change); change {
		return true
	}
	for _, other := range l {
		if _, change := other.Action.(Change); change && !r.past.Ended(other.ID) {
			return false
		}
	}
	return true
}

// step carries out one step. Where that shows that another process may be at work, every lane ends.
func (r *running) step(ctx context.Context, s Step, touched, inHand bool) error {
	err := r.attempt(ctx, s, touched, inHand)
	if errors.Is(err, ErrTaken) {
		r.leave(err)
	}
	return err
}

// attempt bounds one step. While no server is in hand, Stop ends it at once.
func (r *running) attempt(ctx context.Context, s Step, touched, inHand bool) error {
	outer, release := context.WithCancelCause(ctx)
	defer release(nil)
	if !inHand && r.Stop != nil {
		go func() {
			select {
			case <-r.Stop:
				release(ErrStopped)
			case <-outer.Done():
			}
		}()
	}
	began := r.World.Now()
	var err error
	switch d, drains := s.Action.(Drain); {
	case drains:
		err = r.drain(outer, s, d, touched, began)
	default:
		err = r.once(outer, s, began)
	}
	switch {
	case err == nil, decided(err):
		return err
	case errors.Is(err, ErrStopped):
		return ErrStopped
	case errors.Is(err, ErrTaken):
		return fmt.Errorf("%s: %w", s.Action.Describe(), err)
	}
	if outer.Err() != nil {
		return abandoned(s, context.Cause(outer))
	}
	if words := r.explain(ctx, s, began, err); words != "" {
		err = &ExplainedError{err, words}
	}
	return r.broken(s, err)
}

// once carries a step out within its budget.
func (r *running) once(ctx context.Context, s Step, began time.Time) error {
	budget := s.Action.Budget()
	within, cancel := context.WithTimeoutCause(ctx, budget, &HungError{budget})
	defer cancel()
	var err error
	switch a := s.Action.(type) {
	case Question:
		err = r.ask(within, s, a, began)
	case Change:
		err = r.change(within, s, a)
	}
	if err == nil || decided(err) || ctx.Err() != nil {
		return err
	}
	return hung(within, err)
}

// explain asks why a step failed. A run that was given up does not wait for the answer.
func (r *running) explain(ctx context.Context, s Step, began time.Time, err error) string {
	if r.Explain == nil || errors.Is(err, ErrUnreachable) || ctx.Err() != nil {
		return ""
	}
	limit := explainTime
	if s.Server == "" {
		limit = explainTimeAtGate
	}
	bound, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return r.Explain(bound, s, began)
}

// decided reports whether an error is a decision of the runner and not of the world.
func decided(err error) bool {
	_, refused := errors.AsType[*RefusedError](err)
	_, held := errors.AsType[*HeldError](err)
	_, lost := errors.AsType[*JournalError](err)
	return refused || held || lost
}

// abandoned is a step that neither ended nor broke: it stays begun in the journal.
func abandoned(s Step, cause error) error {
	if errors.Is(cause, ErrStopped) {
		return ErrStopped
	}
	return fmt.Errorf("%s: %w", s.Action.Describe(), cause)
}

// hung names the budget where that is what ended the step.
func hung(within context.Context, err error) error {
	cause, over := errors.AsType[*HungError](context.Cause(within))
	if !over {
		return err
	}
	if errors.Is(err, cause) {
		return err
	}
	return fmt.Errorf("%w: %w", cause, err)
}

// broken writes down that a step broke.
func (r *running) broken(s Step, err error) error {
	e := Event{Type: Broke, Step: s.ID, Server: s.Server, Err: err.Error(), Unreachable: errors.Is(err, ErrUnreachable)}
	if lost := r.note(e); lost != nil {
		return errors.Join(&StepError{s, err}, lost)
	}
	return &StepError{s, err}
}

// change looks, notes, acts and looks. What was never begun and is there already is left alone; what was begun before is
// done again whatever it looks like, because a wait inside it may have been cut short.
func (r *running) change(ctx context.Context, s Step, c Change) error {
	seen, err := c.Look(ctx, r.World)
	if err != nil {
		return err
	}
	if err := r.note(Event{Type: Began, Step: s.ID, Server: s.Server, Before: seen.State}); err != nil {
		return err
	}
	skip := seen.Done && !r.past.Began(s.ID)
	if !skip {
		if err := c.Do(ctx, r.World); err != nil {
			return err
		}
		if seen, err = c.Look(ctx, r.World); err != nil {
			return err
		}
		if !seen.Done {
			return &NotSeenError{seen.State}
		}
	}
	if _, admits := c.(Admit); admits {
		r.waitAnew()
	}
	return r.note(Event{Type: Ended, Step: s.ID, Server: s.Server, Skipped: skip})
}

// ask notes, asks and decides.
func (r *running) ask(ctx context.Context, s Step, q Question, began time.Time) error {
	if err := r.note(Event{Type: Began, Step: s.ID, Server: s.Server}); err != nil {
		return err
	}
	v, err := q.Ask(ctx, r.World)
	if err != nil {
		return err
	}
	switch {
	case v.Answer == Pass, v.Answer != Fail && doubt(q) == DoubtContinue:
		return r.note(Event{Type: Ended, Step: s.ID, Server: s.Server, Verdict: &v})
	case v.Answer == Fail, doubt(q) == DoubtRevert:
		if words := r.explain(ctx, s, began, nil); words != "" {
			v.Reason += "; " + words
		}
		e := Event{Type: Broke, Step: s.ID, Server: s.Server, Verdict: &v, Err: v.Reason}
		if err := r.note(e); err != nil {
			return err
		}
		return &RefusedError{s, v}
	}
	return &HeldError{s, v}
}

func doubt(q Question) Doubt {
	if d, ok := q.(Doubter); ok {
		return d.WhenUnsure()
	}
	return DoubtHold
}
