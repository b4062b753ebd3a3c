package canary

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// wave runs lanes side by side, those in hand first, then the gate. A lane that fails lets its neighbours come to their
// end; after it new lanes start only where the wave goes on regardless. On Stop only lanes in hand start.
func (r *running) wave(ctx context.Context, w Wave) error {
	lanes := r.open(w.Lanes)
	errs := make([]error, len(lanes))
	free := make(chan struct{}, max(1, w.Parallel))
	var failed atomic.Bool
	var wg sync.WaitGroup
	begun := 0
	for i, l := range lanes {
		free <- struct{}{}
		if ctx.Err() != nil || r.journalLost() != nil || failed.Load() && !w.Stubborn && !w.Final {
			break
		}
		if r.stopping() && !r.past.LaneTouched(l) {
			<-free
			continue
		}
		begun++
		wg.Go(func() {
			defer func() { <-free }()
			if errs[i] = r.lane(ctx, l); errs[i] != nil {
				failed.Store(true)
			}
		})
	}
	wg.Wait()
	if w.Final {
		errs = slices.DeleteFunc(errs, broke)
	}
	if err := worst(errs); err != nil {
		return err
	}
	if begun < len(lanes) {
		return r.why(ctx)
	}
	return r.lane(ctx, w.Gate)
}

// open is the lanes that are not at their end, in the order in which they start. Lanes that give a server back come before
// those that need spare capacity to take one out: otherwise these could wait for each other. Then lanes in hand come before
// fresh ones.
func (r *running) open(lanes []Lane) []Lane {
	var out []Lane
	for _, l := range lanes {
		if !r.past.LaneEnded(l) {
			out = append(out, l)
		}
	}
	slices.SortStableFunc(out, func(a, b Lane) int {
		return cmp.Or(boolOrder(r.takes(a), r.takes(b)), boolOrder(!r.past.LaneTouched(a), !r.past.LaneTouched(b)))
	})
	return out
}

// takes reports whether the next thing that a lane does is to take its server out of rotation.
func (r *running) takes(l Lane) bool {
	for _, s := range l {
		_, spare := s.Action.(Spare)
		if spare || r.past.Ended(s.ID) {
			continue
		}
		_, drain := s.Action.(Drain)
		return drain
	}
	return false
}

// why is what kept a lane from starting, when none that started failed.
func (r *running) why(ctx context.Context) error {
	if lost := r.journalLost(); lost != nil {
		return lost
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return ErrStopped
}

func (r *running) stopping() bool {
	select {
	case <-r.Stop:
		return true
	default:
		return false
	}
}

// broke reports whether an error is only of a step that broke, and not of one whose server is another process's.
func broke(err error) bool {
	_, is := errors.AsType[*StepError](err)
	return err == nil || is && !errors.Is(err, ErrTaken)
}

// worst joins the errors of lanes. Where something broke or was refused, an answer that was merely unsure, or a lane that
// Stop kept from beginning, is told but no longer found: the caller must not mistake the run for a held or stopped one.
func worst(errs []error) error {
	var grave, mild []error
	for _, err := range errs {
		_, held := errors.AsType[*HeldError](err)
		switch {
		case err == nil:
		case held, errors.Is(err, ErrStopped):
			mild = append(mild, err)
		default:
			grave = append(grave, err)
		}
	}
	if len(grave) == 0 {
		return errors.Join(mild...)
	}
	for _, err := range mild {
		grave = append(grave, fmt.Errorf("besides: %v", err))
	}
	return errors.Join(grave...)
}
