package main

import (
	"context"
	"errors"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/canary/report"
)

// roll executes a plan and, when the release is refused, puts the whole fleet back.
type roll struct {
	world    canary.World
	journal  canary.Journal
	stop     <-chan struct{}
	watch    func(canary.Event)
	onRefuse string // "revert" or "hold"
}

// ending is how a roll came out, before the fleet is read again.
type ending struct {
	outcome  report.Result
	code     exit
	why      error           // what stopped the way forward; nil when nothing did
	back     error           // what stopped the way back; nil when nothing did
	verdict  *canary.Verdict // the one that decided
	decided  time.Time       // when it was decided to go back
	forward  time.Duration
	backward time.Duration
}

func (r *roll) runner() *canary.Runner {
	return &canary.Runner{World: r.world, Journal: r.journal, Stop: r.stop, Watch: r.watch, Tool: version()}
}

// forward runs the plan: fresh, or from where its journal ends.
func (r *roll) forward(ctx context.Context, p canary.Plan) ending {
	began := time.Now()
	err := r.runner().Run(ctx, p)
	end := ending{why: err, decided: time.Now(), forward: time.Since(began), verdict: lastVerdict(r.journal, p)}
	switch {
	case err == nil:
		end.outcome, end.code = report.Deployed, exitDone
	case errors.Is(err, errAbandoned):
		end.outcome, end.code = report.Mixed, exitAbandoned
	case errors.Is(err, canary.ErrStopped):
		end.outcome, end.code = report.Stopped, exitStopped
	case r.holds(err):
		end.outcome, end.code = report.Held, exitHeld
	case isJournal(err):
		end.outcome, end.code = report.Mixed, exitMixed
	default:
		return r.backward(ctx, p, end)
	}
	return end
}

// backward puts back every server on which something began.
func (r *roll) backward(ctx context.Context, p canary.Plan, end ending) ending {
	began := time.Now()
	back := canary.Revert(p, canary.Fold(p, r.journal.Events()))
	if len(back.Waves) > 0 {
		end.back = r.runner().Run(ctx, back)
	}
	end.backward = time.Since(began)
	switch {
	case end.back == nil:
		end.outcome, end.code = report.Reverted, exitReverted
	case errors.Is(end.back, errAbandoned):
		end.outcome, end.code = report.Mixed, exitAbandoned
	default:
		end.outcome, end.code = report.Mixed, exitMixed
	}
	return end
}

// holds reports whether the fleet stays as it is: nobody said that the release is bad, or going back needs what is missing.
func (r *roll) holds(err error) bool {
	if _, unsure := errors.AsType[*canary.HeldError](err); unsure {
		return true
	}
	if _, expired := errors.AsType[*alb.CredentialsError](err); expired {
		return true
	}
	return r.onRefuse == "hold"
}

func isJournal(err error) bool {
	_, is := errors.AsType[*canary.JournalError](err)
	return is
}

// lastVerdict is the newest verdict on users' requests in the journal.
func lastVerdict(j canary.Journal, p canary.Plan) *canary.Verdict {
	watched := map[string]bool{}
	for s := range p.Steps() {
		if _, bake := s.Action.(canary.Bake); bake {
			watched[s.ID] = true
		}
	}
	var last *canary.Verdict
	for e := range j.Events() {
		if e.Verdict != nil && watched[e.Step] {
			last = e.Verdict
		}
	}
	return last
}
