package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
	"iiscanary/iis/bundle"
	"iiscanary/metrics"
)

func runFlag() cli.Flag {
	return textFlag("run", "`ID` of the run; default: the newest", "")
}

func resumeCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "resume",
		Usage: "go on with a run that was stopped, held or killed",
		Flags: []cli.Flag{configFlag(), runFlag(), outputFlag(), noColorFlag(), lockWaitFlag(),
			textFlag("package", "the release, where the run died before it was on every server and the `FILE` has moved", "")},
		Action: func(c *cli.Context) error {
			return takeUp(s, c, func(ctx context.Context, r *roll, past past) ending {
				if past.progress.Reverting {
					return r.backward(ctx, past.plan, ending{})
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
		Flags: []cli.Flag{configFlag(), runFlag(), outputFlag(), noColorFlag(), lockWaitFlag(), yesFlag()},
		Action: func(c *cli.Context) error {
			return takeUp(s, c, func(ctx context.Context, r *roll, past past) ending {
				end := r.backward(ctx, past.plan, ending{})
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
	plan     canary.Plan
	progress canary.Progress
	path     string // of the journal
}

// takeUp goes on with a run: forward or backward, as do says.
func takeUp(s streams, c *cli.Context, do func(context.Context, *roll, past) ending) error {
	o, err := format(c)
	if err != nil {
		return err
	}
	run := c.String("run")
	if run != "" && !isRunID(run) {
		return usage("--run is %q, allowed: an id such as %s", run, exampleRunID).then(commandLine(c.Command.HelpName, "--config", configPath(c)))
	}
	if c.Command.Name == "revert" {
		if err := confirmable(s, c); err != nil {
			return err
		}
	}
	cd := &conduct{s: s, output: o, noColor: c.Bool("no-color"), lockWait: c.Duration("lock-wait")}
	ctx, release := cd.trap(c.Context)
	defer release()
	ask, settled := untilAsked(ctx, cd.stop)
	defer settled()
	if cd.ses, err = connect(ask, s, configPath(c), say(s)); err != nil {
		return orStopped(ask, err)
	}
	defer cd.ses.close()
	was, err := cd.recall(ask, run)
	if err != nil {
		return orStopped(ask, err)
	}
	if err := cd.ses.aim(was.plan.Servers); err != nil {
		return unreached(err)
	}
	cd.goingBack = c.Command.Name == "revert" || was.progress.Reverting
	if c.Command.Name == "revert" {
		if err := cd.announceRevert(ask, was, c.Bool("yes")); err != nil {
			return err
		}
	} else if err := cd.unpack(was, c.String("package")); err != nil {
		return err
	}
	source, ms, err := cd.traffic(ask, was.plan)
	if err := orStopped(ask, err); err != nil {
		return err
	}
	settled()
	return cd.finish(cd.run(ctx, was.plan, was.path, source, ms, func(ctx context.Context, r *roll) ending { return do(ctx, r, was) }))
}

// recall finds the run's journal: in the state folder, or in shards on the servers.
func (cd *conduct) recall(ctx context.Context, run string) (past, error) {
	var p past
	books, err := cd.books()
	if err != nil {
		return p, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	if run == "" {
		if run, err = books.latest(); errors.Is(err, fs.ErrNotExist) {
			run, err = cd.newestShard(ctx)
		}
		if err != nil {
			return p, fail(exitPreflight, err, "nothing was touched", "iis-canary status --config "+cd.ses.path)
		}
	}
	p.path = books.journal(run)
	if err := cd.collect(ctx, run, p.path); err != nil {
		return p, fail(exitPreflight, err, "nothing was touched", "iis-canary status --config "+cd.ses.path)
	}
	file, err := journal.Open(p.path)
	if err != nil {
		return p, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	defer file.Close()
	plan, found := firstPlan(file.Events())
	if !found {
		return p, fail(exitPreflight, fmt.Errorf("the journal of run %s holds no plan", run), "nothing was touched")
	}
	if err := cd.behind(ctx, run, p.path, file); err != nil {
		return p, err
	}
	p.plan = plan
	p.progress = canary.Fold(p.plan, file.Events())
	return p, nil
}

// collect writes the journal file from the servers' shards where this machine has none: first from the servers that are in
// the target groups, to learn the plan, then from all that the plan names. The one in hand may be in no group any more.
func (cd *conduct) collect(ctx context.Context, run, path string) error {
	if exists(path) {
		return nil
	}
	events, err := cd.gather(ctx, run)
	if err != nil {
		return err
	}
	plan, known := firstPlan(slices.Values(events))
	if !known {
		return fmt.Errorf("neither this machine nor any server knows a run %s", run)
	}
	if err := cd.ses.aim(plan.Servers); err != nil {
		return err
	}
	if events, err = cd.gather(ctx, run); err != nil {
		return err
	}
	return journal.Write(path, events)
}

// behind refuses a journal on this machine that the servers know more of: the run was gone on with elsewhere. One line more is
// what a process leaves that died between writing it there and writing it here.
func (cd *conduct) behind(ctx context.Context, run, path string, here canary.Journal) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	events, err := cd.gather(ctx, run)
	if err != nil {
		return nil // an unreachable server is met by its own step
	}
	last := 0
	for e := range here.Events() {
		last = max(last, e.Seq)
	}
	if len(events) == 0 || events[len(events)-1].Seq <= last+1 {
		return nil
	}
	return fail(exitPreflight, fmt.Errorf("the servers know more of run %s than %s: it was gone on with on another machine", run, path),
		"nothing was touched by this command", "move that file away, then type the same line again: the journal is then collected from the servers")
}

// gather merges what each server at hand knows of a run. A server that cannot be asked is said, and left out.
func (cd *conduct) gather(ctx context.Context, run string) ([]canary.Event, error) {
	events, err := journal.Collect(ctx, cd.ses.hosts.Servers(), func(ctx context.Context, server string) ([]string, error) {
		return cd.ses.shard(ctx, server, run)
	})
	if missing, some := errors.AsType[*journal.IncompleteError](err); some {
		cd.screen.Note(missing.Error())
	} else if err != nil {
		return nil, fmt.Errorf("collect run %s from the servers: %w", run, err)
	}
	return events, nil
}

// newestShard asks the servers for the newest run.
func (cd *conduct) newestShard(ctx context.Context) (string, error) {
	newest := ""
	for _, server := range cd.ses.hosts.Servers() {
		survey, err := cd.ses.hosts.Survey(ctx, server)
		if err != nil {
			cd.screen.Note(err.Error())
			continue
		}
		for _, run := range survey.Runs {
			newest = max(newest, run)
		}
	}
	if newest == "" {
		return "", errors.New("no run is known, neither here nor on any server")
	}
	return newest, nil
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

// unpack opens the package again, for a run that died while it was on its way to the servers.
func (cd *conduct) unpack(was past, path string) error {
	books, err := cd.books()
	if err != nil {
		return fail(exitUnexpected, err, "nothing was touched by this command")
	}
	left, err := books.find(was.plan.Run)
	if err != nil {
		return fail(exitUnexpected, err, "nothing was touched by this command")
	}
	if path == "" {
		path = left.Package
	}
	if path == "" || !exists(path) {
		cd.screen.Note("the package is not here any more; that matters only for servers that do not have it yet (--package FILE)")
		return nil
	}
	b, err := bundle.Open(path, cd.ses.spec.App)
	if err != nil {
		return fail(exitPreflight, err, "nothing was touched by this command")
	}
	if b.Digest != was.plan.New.Digest {
		return fail(exitPreflight, fmt.Errorf("%s is not the release of run %s", path, was.plan.Run), "nothing was touched by this command")
	}
	cd.ses.hosts.Use(b)
	return nil
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
	facts, err := source.Check(ctx, metrics.Survey{Old: p.Old, Hosts: names(p.Servers), Metrics: ms, From: p.Made.Add(-lookBack), To: p.Made})
	if err == nil {
		ms, err = metrics.Settle(ms, facts)
	}
	if err != nil {
		return nil, nil, fail(exitPreflight, fmt.Errorf("look at the traffic before the run, which the release is judged by: %w", err),
			"nothing was touched by this command", "type the same line again when the logs can be read", commandLine("iis-canary revert", "--config", cd.ses.path, "--run", p.Run))
	}
	return source, ms, nil
}
