package main

import (
	"context"
	"errors"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

// recorded is why a run went back, or is on its way back, as its journal tells it.
func recorded(was past) ending {
	end := ending{cause: report.ByOperator, verdict: lastVerdict(was.file, was.plan)}
	var halt canary.Event // the newest of the way forward that nobody has overcome
	for e := range was.file.Events() {
		if e.Type == canary.Planned && e.Plan.Revert {
			break
		}
		if e.Resumed {
			halt = canary.Event{}
		}
		if e.Type == canary.Halted {
			halt = e
		}
	}
	switch {
	case halt.Halt == canary.HaltRefused:
		end.cause = report.ByRefusal
	case halt.Halt == canary.HaltBroke && rolled(was.plan, was.file.Events()):
		end.cause = report.ByFailure
	case halt.Halt == canary.HaltBroke:
		end.cause = report.BeforeRoll
	default:
		return end
	}
	end.why = errors.New(halt.Err)
	return end
}

// bygone is how a run ended that has nothing left to do: its plan is at its end, or its way back is.
func bygone(was past) (end ending, is bool) {
	end = recorded(was)
	end.over = true
	if !was.progress.Reverting {
		end.outcome, end.code = report.Deployed, exitDone
		return end, was.progress.Finished
	}
	back := canary.Fold(canary.Revert(was.plan, was.progress), was.file.Events())
	end.outcome, end.code = report.Reverted, exitReverted
	if end.cause == report.BeforeRoll {
		end.code = exitPreflight
	}
	return end, back.Finished
}

// retell tells how a run that is over ended, and where the fleet stands now. It changes nothing.
func (cd *conduct) retell(ctx context.Context, was past, end ending) error {
	if err := cd.behind(ctx, was); err != nil {
		return err
	}
	if err := cd.overtaken(ctx, was.plan); err != nil {
		return err
	}
	return cd.finish(cd.conclude(ctx, was.plan, end), nil)
}
