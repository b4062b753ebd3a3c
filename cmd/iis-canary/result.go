package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
)

// result is the end of a run, with everything that there is to tell.
type result struct {
	outcome report.Outcome
	story   report.Story
}

// truthTime bounds the last look at the fleet.
const truthTime = time.Minute

// A health check may flap: only what is found again and again is a trouble.
const (
	truthTries = 4
	truthPause = 2 * time.Second
)

// conclude reads the fleet again and compares it with what the run says it came to. The fleet wins.
func (cd *conduct) conclude(ctx context.Context, p canary.Plan, end ending) *result {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), truthTime)
	defer cancel()
	found, troubles := cd.compared(ctx, p, end.outcome)
	for range truthTries - 1 {
		if len(troubles) == 0 || (end.outcome != report.Deployed && end.outcome != report.Reverted) {
			break
		}
		if (wallClock{}).Wait(ctx, truthPause) != nil {
			break
		}
		found, troubles = cd.compared(ctx, p, end.outcome)
	}
	res := &result{}
	if len(troubles) > 0 && end.code != exitAbandoned {
		end.outcome, end.code = report.Mixed, exitMixed
	}
	res.outcome = report.Outcome{
		Outcome: end.outcome, Exit: int(end.code), Run: p.Run, Old: strings.Join(p.Old, ", "), New: p.New.Slot, Servers: found,
		Seconds: report.Seconds{Deploy: seconds(end.forward), Revert: seconds(end.backward)},
	}
	if end.verdict != nil {
		res.outcome.Verdict = *end.verdict
	}
	if cd.saw != nil {
		var bad time.Time
		if res.outcome.Traffic, bad = cd.saw(); !bad.IsZero() && refused(end.why) && end.decided.After(bad) {
			res.outcome.Seconds.Detect = seconds(end.decided.Sub(bad))
		}
	}
	res.story = report.Story{Over: end.over, Asked: end.asked, Cause: end.cause, Back: end.back != nil, Why: why(end), Trouble: troubles, Next: cd.next(end, p.Run, len(troubles) > 0)}
	return res
}

// compared is the fleet as it is now, and what about it is not as an outcome says.
func (cd *conduct) compared(ctx context.Context, p canary.Plan, outcome report.Result) ([]report.Server, []string) {
	found, troubles := cd.ses.truth(ctx, p.Servers)
	switch outcome {
	case report.Deployed:
		return found, append(troubles, whole(found, func(string) string { return p.New.Slot })...)
	case report.Reverted:
		return found, append(troubles, whole(found, func(name string) string { return oldOf(p, name) })...)
	}
	return found, append(troubles, serving(found)...)
}

// serving says which servers do not serve at all, whatever they run.
func serving(found []report.Server) []string {
	var out []string
	for _, s := range found {
		if s.Slot != "" && !s.InRotation {
			out = append(out, fmt.Sprintf("%s is not in rotation", s.Name))
		}
	}
	return out
}

// oldOf is the slot that a server ran before the plan: the one that its lane stops.
func oldOf(p canary.Plan, server string) string {
	for s := range p.Steps() {
		if stop, ok := s.Action.(canary.Stop); ok && s.Server == server {
			return stop.Slot
		}
	}
	return p.New.Slot
}

func refused(err error) bool {
	_, is := errors.AsType[*canary.RefusedError](err)
	return is
}

func seconds(d time.Duration) float64 { return d.Round(10 * time.Millisecond).Seconds() }

func why(end ending) string {
	switch {
	case end.why == nil && end.back == nil:
		return ""
	case end.back == nil:
		return end.why.Error()
	case end.why == nil:
		return "going back: " + end.back.Error()
	}
	return end.why.Error() + "; going back: " + end.back.Error()
}

// unwritten is why the journal of a run could not be written on this machine.
func unwritten(end ending) (*journal.FullError, bool) {
	if full, is := errors.AsType[*journal.FullError](end.back); is {
		return full, true
	}
	return errors.AsType[*journal.FullError](end.why)
}

// next is what to type after a run; named says that troubles of servers are told.
func (cd *conduct) next(end ending, run string, named bool) []string {
	typed := typedFor(cd.ses.path)
	resume, revert := typed("resume", run), typed("revert", run)
	story := typed("report", run) + "   (the whole story)"
	if full, is := unwritten(end); is && end.code != exitPreflight {
		return []string{"make room in " + filepath.Dir(full.Path) + ", where the journal could not be written, then one of these:",
			resume + "   (go on)", revert + "   (put every server back)"}
	}
	switch end.code {
	case exitDone:
		return nil
	case exitReverted:
		switch end.cause {
		case report.ByOperator:
			return nil
		case report.ByRefusal:
			return []string{story, "mend the release, and deploy that as a package with a number of its own"}
		}
		return []string{"mend what stands under why, then deploy the same package again", story}
	case exitPreflight:
		return []string{"mend what stands under why, then deploy the same package again", story}
	case exitMixed:
		switch {
		case end.over:
			return []string{"mend the servers named above, then: " + typed("status", "")}
		case errors.Is(end.why, canary.ErrTaken) || errors.Is(end.back, canary.ErrTaken):
			return []string{commandLine("iis-canary status", "--config", cd.ses.path) + "   (who is at work, and how the fleet stands)"}
		case !named:
			return []string{"mend what stands under why, then: " + revert}
		}
		return []string{"mend the servers named above, then: " + revert}
	}
	return []string{resume + "   (go on)", revert + "   (put every server back)"}
}

// finish prints the end of a run and turns it into the process's exit code.
func (cd *conduct) finish(res *result, err error) error {
	if err != nil {
		return err
	}
	cd.screen.Quiet()
	story := cd.s.out
	if cd.output == "json" {
		story = cd.s.err
	}
	err = report.Summary(story, res.outcome, res.story)
	if cd.output == "json" {
		err = errors.Join(err, res.outcome.JSON(cd.s.out))
	}
	if err != nil && res.outcome.Exit == int(exitDone) {
		return fail(exitUnexpected, fmt.Errorf("write the answer: %w", err), "the run is over: "+string(res.outcome.Outcome),
			commandLine("iis-canary status", "--config", cd.ses.path))
	}
	if res.outcome.Exit == int(exitDone) {
		return nil
	}
	return quiet(res.outcome.Exit)
}
