package main

import (
	"context"
	"errors"
	"iter"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/canary/report"
)

// roll executes a plan and, when the release is refused, puts the whole fleet back.
type roll struct {
	world    canary.World
	journal  canary.Journal
	stop     <-chan struct{} // closed when the operator asks to stop
	watch    func(canary.Event)
	waits    func(canary.Waiting)
	explain  func(context.Context, canary.Step, time.Time) string
	onRefuse string // "revert" or "hold"
}

// ending is how a roll came out, before the fleet is read again.
type ending struct {
	outcome  report.Result
	code     exit
	why      error           // what stopped the way forward; nil when nothing did
	back     error           // what stopped the way back; nil when nothing did
	cause    report.Cause    // of the way back
	verdict  *canary.Verdict // the one that decided
	decided  time.Time       // when it was decided to go back
	forward  time.Duration
	backward time.Duration
	over     bool // it was so before this command
	asked    bool // that is over, and was to be put back
}

func (r *roll) runner(stop <-chan struct{}) *canary.Runner {
	return &canary.Runner{World: r.world, Journal: r.journal, Stop: stop, Watch: r.watch, Waits: r.waits, Explain: r.explain, Tool: version()}
}

// forward runs the plan: fresh, or from where its journal ends.
func (r *roll) forward(ctx context.Context, p canary.Plan) ending {
	began := time.Now()
	err := r.runner(r.stop).Run(ctx, p)
	end := ending{why: err, decided: time.Now(), forward: time.Since(began), verdict: lastVerdict(r.journal, p)}
	switch {
	case err == nil:
		end.outcome, end.code = report.Deployed, exitDone
	case errors.Is(err, errAbandoned):
		end.outcome, end.code = report.Mixed, exitAbandoned
	case errors.Is(err, canary.ErrTaken):
		end.outcome, end.code = report.Mixed, exitMixed
	case errors.Is(err, canary.ErrStopped):
		end.outcome, end.code = report.Stopped, exitStopped
	case r.holds(err):
		end.outcome, end.code = report.Held, exitHeld
	case isJournal(err) && rolled(p, r.journal.Events()): // what the fleet is, it says itself
		end.outcome, end.code = report.Held, exitHeld
	case isJournal(err):
		end.outcome, end.code, end.cause = report.Reverted, exitPreflight, report.BeforeRoll
	default:
		return r.giveUp(ctx, p, end)
	}
	return end
}

// giveUp goes back because the way forward is not to be gone on with. Where nothing but the release's files came to the servers,
// there is nothing to go back on, and the release is not to blame.
func (r *roll) giveUp(ctx context.Context, p canary.Plan, end ending) ending {
	begun := rolled(p, r.journal.Events())
	switch {
	case refused(end.why):
		end.cause = report.ByRefusal
	case begun:
		end.cause = report.ByFailure
	default:
		end.cause = report.BeforeRoll
	}
	stop := r.stop
	if closed(stop) {
		stop = nil // that was a wish for the fleet to serve: only going back gives it that
	}
	if end = r.backward(ctx, p, end, stop); end.code == exitReverted && !begun {
		end.code = exitPreflight
	}
	return end
}

// rolled reports whether more began than the staging of files.
func rolled(p canary.Plan, events iter.Seq[canary.Event]) bool {
	done := canary.Fold(p, events)
	for s := range p.Steps() {
		if _, stage := s.Action.(canary.Stage); !stage && done.Began(s.ID) {
			return true
		}
	}
	return false
}

// backward puts back every server on which something began, and writes down that the run is over.
func (r *roll) backward(ctx context.Context, p canary.Plan, end ending, stop <-chan struct{}) ending {
	began := time.Now()
	end.back = r.runner(stop).Run(ctx, canary.Revert(p, canary.Fold(p, r.journal.Events())))
	end.backward = time.Since(began)
	switch {
	case end.back == nil:
		end.outcome, end.code = report.Reverted, exitReverted
	case errors.Is(end.back, errAbandoned):
		end.outcome, end.code = report.Mixed, exitAbandoned
	case errors.Is(end.back, canary.ErrStopped):
		end.outcome, end.code = report.Stopped, exitStopped
	case isJournal(end.back):
		end.outcome, end.code = report.Held, exitHeld
	default:
		end.outcome, end.code = report.Mixed, exitMixed
	}
	return end
}

func closed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
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
