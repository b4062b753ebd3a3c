package main

import (
	"context"
	"errors"
	"fmt"

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

// nothingLeft is how a run ended that a command has nothing left to do for. A revert has where the run was put back, and where a later run
// left the servers just as they were before it.
func (cd *conduct) nothingLeft(ctx context.Context, was past, command string) (end ending, is bool) {
	end, is = bygone(was)
	if !is || command == "resume" {
		return end, is
	}
	end.asked = true
	if !was.progress.Reverting {
		ctx, cancel := context.WithTimeout(ctx, answerTime)
		defer cancel()
		is = canary.Reached(ctx, world{cd.ses.elb, cd.ses.hosts, nil, wallClock{}}, canary.Revert(was.plan, was.progress))
		end.outcome, end.cause = report.Reverted, report.BySuccessor
	}
	end.code = exitDone
	return end, is
}

// retell tells how a run that is over ended, and where the fleet stands now. It changes nothing.
func (cd *conduct) retell(ctx context.Context, was past, end ending) error {
	if err := cd.behind(ctx, was); err != nil {
		return err
	}
	if err := cd.overtaken(ctx, was.plan); err != nil {
		return err
	}
	res := cd.conclude(ctx, was.plan, end)
	if slot, is := movedOn(res.outcome); is {
		return fail(exitPreflight, fmt.Errorf("every server runs %s, which run %s did not end with: another release was rolled since", slot, was.plan.Run),
			"nothing was touched by this command", commandLine("iis-canary status", "--config", cd.ses.path))
	}
	return cd.finish(res, nil)
}

// movedOn is the slot of a fleet that is whole, though it is not as the run left it.
func movedOn(o report.Outcome) (slot string, is bool) {
	if o.Outcome != report.Mixed || len(o.Servers) == 0 {
		return "", false
	}
	slot = o.Servers[0].Slot
	for _, s := range o.Servers {
		if s.Slot == "" || s.Slot != slot || !s.InRotation {
			return "", false
		}
	}
	return slot, true
}
