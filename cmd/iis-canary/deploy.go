package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"

	"github.com/urfave/cli/v2"
)

func deployCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "deploy",
		Usage: "roll a release through the fleet; put the whole fleet back when it is bad",
		Flags: append(packageFlags(), configFlag(), outputFlag(), noColorFlag(), yesFlag(),
			textFlag("plan", "execute just the plan in `FILE`, from plan --out", ""),
			switchFlag("dry-run", "show the plan and change nothing"),
			lockWaitFlag()),
		Action: func(c *cli.Context) error {
			if c.Bool("dry-run") {
				ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
				defer stop()
				return showPlan(ctx, s, c)
			}
			return deploy(s, c)
		},
	})
}

func deploy(s streams, c *cli.Context) error {
	o, err := format(c)
	if err != nil {
		return err
	}
	asked, err := asks(c)
	if err != nil {
		return err
	}
	cd := &conduct{s: s, output: o, noColor: c.Bool("no-color"), lockWait: c.Duration("lock-wait")}
	if err := cd.begin(configPath(c)); err != nil {
		return err
	}
	if err := confirmable(s, c); err != nil {
		return err
	}
	ctx, release := cd.trap(c.Context)
	defer release()
	ask, settled := untilAsked(ctx, cd.stop)
	defer settled()
	cd.ses.lockWait = cd.lockWait
	defer cd.ses.close()
	p, err := cd.planned(ask, asked)
	if err != nil {
		return orStopped(ask, err)
	}
	defer p.release.Close()
	if err := p.print(streams{out: s.err}, "text"); err != nil {
		return err
	}
	if len(p.plan.Waves) > 0 && !c.Bool("yes") {
		if err := confirm(ask, s, cd.ses.spec.App, "deploy"); err != nil {
			return err
		}
	}
	settled()
	return cd.finish(cd.deploy(ctx, p))
}

// asks is what the flags ask for, with the saved plan where they name one. It reads files of this machine only.
func asks(c *cli.Context) (order, error) {
	path := c.String("plan")
	if path == "" {
		return orderOf(c)
	}
	saved, err := readPlan(configPath(c), path)
	if err != nil {
		return order{}, err
	}
	asked := order{saved: &saved, version: saved.Plan.New.Version, abandon: c.String("abandon"), slot: strings.TrimPrefix(saved.Plan.New.Slot, saved.Plan.App+"-")}
	if asked.pack, err = reference(c, cmp.Or(c.String("package"), saved.Package)); err != nil {
		return order{}, err
	}
	if _, err := os.Stat(asked.pack.Path()); err != nil && !asked.pack.Remote() {
		return order{}, usage("look for the package of the plan: %w", err).
			then(packaged(c))
	}
	return asked, nil
}

// planned is the plan to execute: a fresh one, or a saved one that still fits.
func (cd *conduct) planned(ctx context.Context, asked order) (*prepared, error) {
	p, err := cd.ses.prepare(ctx, asked)
	if err == nil && asked.saved != nil {
		p.plan.Run = asked.saved.Plan.Run
	}
	return p, err
}

// confirmable refuses a command that would have to ask, where nobody is there to answer.
func confirmable(s streams, c *cli.Context) error {
	if c.Bool("yes") || s.mayAsk() {
		return nil
	}
	f := usage("%s changes the fleet, and nobody is there to confirm it", c.Command.Name)
	yes := switched(c, "yes")
	if c.Command.Name == "deploy" {
		return f.then(switched(c, "dry-run")+"   (look at it first)", yes)
	}
	return f.then(yes)
}

// confirm asks for the app's name. An interrupt is an answer too.
func confirm(ctx context.Context, s streams, app, verb string) error {
	fmt.Fprintf(s.err, "\nType %s to %s: ", app, verb)
	answer := make(chan string, 1)
	go func() { // it ends with the process where nobody ever answers
		line, _ := bufio.NewReader(s.in).ReadString('\n')
		answer <- strings.TrimSpace(line)
	}()
	select {
	case <-ctx.Done():
		return fail(exitStopped, errors.New("not confirmed"), "nothing was touched", "type the same line again")
	case got := <-answer:
		if got != app {
			return usage("not confirmed: %q is not %s", got, app).then("type the same line again")
		}
		return nil
	}
}
