package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
	"iiscanary/iis/fetch"
	"iiscanary/metrics"
)

func runFlag() cli.Flag {
	return textFlag("run", "`ID` of the run; default: the newest", "")
}

func resumeCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "resume",
		Usage: "go on with a run that was stopped, held or killed",
		Flags: []cli.Flag{configFlag(), runFlag(), outputFlag(), noColorFlag(), lockWaitFlag(), takeOverFlag(), yesFlag(),
			textFlag("package", "the release, where the run died before it was on every server and the `FILE` has moved", "", "p")},
		Action: func(c *cli.Context) error {
			return takeUp(s, c, func(ctx context.Context, r *roll, past past) ending {
				if past.progress.Reverting {
					end := r.backward(ctx, past.plan, recorded(past), r.stop)
					if end.code == exitReverted && end.cause == report.BeforeRoll {
						end.code = exitPreflight
					}
					return end
				}
				return r.forward(ctx, past.plan)
			})
		},
	})
}

func revertCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "revert",
		Usage: "put every server that a run changed back to what it had before",
		Flags: []cli.Flag{configFlag(), runFlag(), outputFlag(), noColorFlag(), lockWaitFlag(), takeOverFlag(), yesFlag()},
		Action: func(c *cli.Context) error {
			return takeUp(s, c, func(ctx context.Context, r *roll, past past) ending {
				end := r.backward(ctx, past.plan, ending{cause: report.ByOperator}, r.stop)
				if end.code == exitReverted {
					end.code = exitDone // nobody refused the release: going back is what was asked for
				}
				return end
			})
		},
	})
}

// past is a run as its journal tells it.
type past struct {
	plan      canary.Plan
	progress  canary.Progress
	file      *journal.File // open: no other process of this machine goes on with the run
	path      string        // of the journal
	collected bool          // the journal was put together from the servers just now
}

// takeUp goes on with a run: forward or backward, as do says.
func takeUp(s streams, c *cli.Context, do func(context.Context, *roll, past) ending) error {
	cd, err := asTyped(s, c)
	if err != nil {
		return err
	}
	ctx, release := cd.trap(c.Context)
	defer release()
	ask, settled := untilAsked(ctx, cd.stop)
	defer settled()
	defer cd.ses.close()
	if err := cd.ses.meet(ask); err != nil {
		return orStopped(ask, err)
	}
	if err := cd.ses.writable(); err != nil {
		return fail(exitPreflight, fmt.Errorf("%s: %w", checkState, err), "nothing was touched by this command", checkOf(checkState).remedy, "then type the same line again")
	}
	was, err := cd.recall(ask, c.String("run"))
	if err != nil {
		return orStopped(ask, err)
	}
	begun := false
	defer func() { cd.letGo(was, begun) }()
	if err := cd.ses.aim(was.plan.Servers); err != nil {
		return unreached(err)
	}
	if end, is := cd.nothingLeft(ask, was, c.Command.Name); is {
		return orStopped(ask, cd.retell(ask, was, end))
	}
	cd.goingBack = c.Command.Name == "revert" || was.progress.Reverting
	done, err := cd.before(ask, was, c)
	defer done()
	if err != nil {
		return err
	}
	source, ms, err := cd.traffic(ask, was.plan)
	if err := orStopped(ask, err); err != nil {
		return err
	}
	settled()
	return cd.finish(cd.run(ctx, job{plan: was.plan, open: true, source: source, metrics: ms,
		journal: func(ctx context.Context) (*journal.File, error) { return was.file, cd.behind(ctx, was) },
		do:      func(ctx context.Context, r *roll) ending { begun = true; return do(ctx, r, was) },
	}))
}

// asTyped is how a command that goes on with a run was typed, with the configuration.
func asTyped(s streams, c *cli.Context) (*conduct, error) {
	o, err := format(c)
	if err != nil {
		return nil, err
	}
	if run := c.String("run"); run != "" && !isRunID(run) {
		return nil, usage("--run is %q, allowed: an id such as %s", run, exampleRunID).then(commandLine(c.Command.HelpName, "--config", configPath(c)))
	}
	cd := &conduct{s: s, output: o, noColor: c.Bool("no-color"), lockWait: c.Duration("lock-wait"), takeOver: c.Bool("take-over")}
	if err := cd.begin(configPath(c)); err != nil {
		return nil, err
	}
	if err := confirmable(s, c); err != nil && c.Command.Name == "revert" {
		return nil, err
	}
	return cd, nil
}

// letGo closes the journal. One that was collected for a command that did not begin is taken away again: it would be out of date as
// soon as the run is gone on with elsewhere.
func (cd *conduct) letGo(was past, begun bool) {
	if begun || !was.collected {
		_ = was.file.Close() // every line was flushed
		return
	}
	books, err := cd.books()
	if err == nil {
		err = errors.Join(books.disown(was.plan.Run), was.file.Discard())
	}
	if err != nil {
		cd.screen.Note("the collected journal stays here: " + err.Error())
	}
}

// before is what a command does with a run that it has found, before it goes on with it: a revert is announced, and a resume opens the
// package, which a way back does not need. done is called at the end.
func (cd *conduct) before(ctx context.Context, was past, c *cli.Context) (done func(), err error) {
	done = func() {}
	switch {
	case c.Command.Name == "resume" && was.progress.Reverting:
		return done, nil
	case c.Command.Name == "resume":
		return cd.unpack(ctx, was, c.String("package"))
	}
	if err := cd.overtaken(ctx, was.plan); err != nil {
		return done, err
	}
	return done, cd.announceRevert(ctx, was, c.Bool("yes"))
}

// announceRevert shows what will be put back, and asks.
func (cd *conduct) announceRevert(ctx context.Context, was past, yes bool) error {
	back := canary.Revert(was.plan, was.progress)
	if err := report.PlanText(cd.s.err, back, canary.Inventory{}, canary.Timeline{}, report.Notes{}); err != nil {
		return err
	}
	if yes || len(back.Waves) == 0 {
		return nil
	}
	return confirm(ctx, cd.s, cd.ses.spec.App, "revert")
}

// unpack opens the package again, for a run that died while it was on its way to the servers. done closes it, which removes a copy
// that was fetched.
func (cd *conduct) unpack(ctx context.Context, was past, text string) (done func(), err error) {
	done = func() {}
	books, err := cd.books()
	if err != nil {
		return done, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	left, err := books.find(was.plan.Run)
	if err != nil {
		return done, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	ref, err := fetch.Parse(cmp.Or(text, left.Package), "")
	if err == nil && !ref.IsZero() {
		ref, err = ref.Absolute()
	}
	if err != nil {
		return done, usage("look for the package: %w", err).then(commandLine("iis-canary resume", "--config", cd.ses.path, "--package", "FILE"))
	}
	if ref.IsZero() || !ref.Remote() && !exists(ref.Path()) {
		return done, cd.without(was, errors.New("the package is not here any more"))
	}
	p, err := cd.ses.open(ctx, ref)
	if bad, is := errors.AsType[*parcelError](err); is && bad.check == checkReadable && ref.Remote() {
		return done, cd.without(was, bad)
	}
	if err != nil {
		return done, fail(exitPreflight, err, "nothing was touched by this command")
	}
	done = func() { _ = p.Close() } // it was only read
	if p.Digest != was.plan.New.Digest {
		return done, fail(exitPreflight, fmt.Errorf("%s, with the settings as they are now, is not the release of run %s", ref.Shown(), was.plan.Run),
			"nothing was touched by this command", "give the package and the settings of that run, then type the same line again",
			commandLine("iis-canary revert", "--config", cd.ses.path, "--run", was.plan.Run))
	}
	cd.ses.aboard(p)
	return done, nil
}

// without goes on without a package, where every server has the release; before that it would end the run.
func (cd *conduct) without(was past, why error) error {
	if wanting := unstaged(was); len(wanting) > 0 {
		return fail(exitPreflight, fmt.Errorf("%w, and not every server has the release: %s", why, strings.Join(wanting, ", ")), "nothing was touched by this command",
			commandLine("iis-canary resume", "--config", cd.ses.path, "--run", was.plan.Run, "--package", "FILE"),
			commandLine("iis-canary revert", "--config", cd.ses.path, "--run", was.plan.Run))
	}
	cd.screen.Note(why.Error() + "; every server has the release already")
	return nil
}

// unstaged is the servers that a run has not brought the release to yet.
func unstaged(was past) []string {
	var out []string
	for _, wave := range was.plan.Waves {
		for _, lane := range wave.Lanes {
			for _, step := range lane {
				if _, is := step.Action.(canary.Stage); is && !was.progress.Ended(step.ID) {
					out = append(out, step.Server)
				}
			}
		}
	}
	return out
}

// traffic takes up the questions of a run as they were: on the traffic of the hour before it began. A way forward needs them
// all; a way back asks nobody.
func (cd *conduct) traffic(ctx context.Context, p canary.Plan) (metrics.Source, []metrics.Metric, error) {
	source, err := cd.ses.source()
	if err != nil {
		return nil, nil, fail(exitPreflight, err, "nothing was touched by this command")
	}
	ms := cd.ses.questions()
	if cd.goingBack {
		for i := range ms {
			ms[i].SlowerThan = max(ms[i].SlowerThan, time.Second) // a judge wants a number, though it is asked nothing
		}
		return source, ms, nil
	}
	facts, err := metrics.Check(ctx, source, metrics.Survey{Old: p.Old, Hosts: names(p.Servers), Metrics: ms, From: p.Made.Add(-lookBack), To: p.Made})
	if err == nil {
		ms, err = metrics.Settle(ms, facts)
	}
	if err != nil {
		return nil, nil, fail(exitPreflight, fmt.Errorf("look at the traffic before the run, which the release is judged by: %w", err),
			"nothing was touched by this command", "type the same line again when the logs can be read", commandLine("iis-canary revert", "--config", cd.ses.path, "--run", p.Run))
	}
	return source, ms, nil
}
