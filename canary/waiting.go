package canary

import (
	"context"
	"errors"
	"time"
)

// Waiting is a server that would leave rotation and cannot be spared: nothing has been done to it.
type Waiting struct {
	Step   Step
	For    *NoSpareError
	AtMost time.Duration // from now, and anew whenever another server leaves or comes back
}

// drain waits until its server can be spared, before anything is noted or changed, and takes it out. Another lane may be faster.
func (r *running) drain(ctx context.Context, s Step, d Drain, touched bool, began time.Time) error {
	for said := false; ; said = true {
		if err := r.awaitSpare(ctx, s, d, touched, said); err != nil {
			return err
		}
		if !said {
			r.waitAnew() // once for each lane: the others wait for this server too
		}
		err := r.once(ctx, s, began)
		if _, full := errors.AsType[*NoSpareError](err); !full || !r.World.Now().Before(r.shortUntil(d.Wait)) {
			return err
		}
		if err := r.World.Wait(ctx, pace(d.Poll)); err != nil {
			return err
		}
	}
}

// awaitSpare returns when a server can be spared, or a *NoSpareError when no other one has left or come back for as long as one may need. Stop
// ends it where the lane has changed nothing.
func (r *running) awaitSpare(ctx context.Context, s Step, d Drain, touched, said bool) error {
	for {
		bound, cancel := context.WithTimeoutCause(ctx, slack, &HungError{slack})
		err := d.spare(bound, r.World)
		if err != nil {
			err = hung(bound, err)
		}
		cancel()
		full, short := errors.AsType[*NoSpareError](err)
		if !short {
			return err
		}
		now, end := r.World.Now(), r.shortUntil(d.Wait)
		switch {
		case !now.Before(end):
			return err
		case !touched && r.stopping():
			return ErrStopped
		case !said && r.Waits != nil:
			r.tell(Waiting{s, full, end.Sub(now)})
			said = true
		}
		if err := r.World.Wait(ctx, pace(d.Poll)); err != nil {
			return err
		}
	}
}

func (r *running) tell(w Waiting) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.Waits(w)
}

// shortUntil is when to give up waiting for spare capacity: all lanes wait for the same servers, so one that begins to wait after the
// others have done so in vain does not wait as long once more.
func (r *running) shortUntil(wait time.Duration) time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.short.IsZero() {
		r.short = r.World.Now()
	}
	return r.short.Add(wait)
}

// waitAnew lets the wait of every lane begin again: a server serves again, or another one could be spared, which has to come back.
func (r *running) waitAnew() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.short = time.Time{}
}
