package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

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
				return showPlan(c.Context, s, c)
			}
			return deploy(s, c)
		},
	})
}

func lockWaitFlag() cli.Flag {
	return &cli.DurationFlag{Name: "lock-wait", Usage: "wait so long (`TIME`, such as 15m) for another run to end", EnvVars: twin("lock-wait")}
}

func deploy(s streams, c *cli.Context) error {
	o, err := format(c)
	if err != nil {
		return err
	}
	cd := &conduct{s: s, output: o, noColor: c.Bool("no-color"), lockWait: c.Duration("lock-wait")}
	ctx, release := cd.trap(c.Context)
	defer release()
	if cd.ses, err = connect(ctx, s, c.String("config"), say(s)); err != nil {
		return err
	}
	defer cd.ses.close()
	p, err := cd.planned(ctx, c)
	if err != nil {
		return err
	}
	defer p.release.Close()
	if err := p.print(streams{out: s.err}, "text"); err != nil {
		return err
	}
	if len(p.plan.Waves) > 0 && !c.Bool("yes") {
		if err := confirm(s, cd.ses.spec.App, "deploy"); err != nil {
			return err
		}
	}
	return cd.finish(cd.deploy(ctx, p))
}

// planned is the plan to execute: a fresh one, or a saved one that still fits.
func (cd *conduct) planned(ctx context.Context, c *cli.Context) (*prepared, error) {
	path := c.String("plan")
	if path == "" {
		asked, err := orderOf(c)
		if err != nil {
			return nil, err
		}
		return cd.ses.prepare(ctx, asked)
	}
	saved, err := readPlan(path)
	if err != nil {
		return nil, err
	}
	asked := order{pack: saved.Package, version: saved.Plan.New.Version,
		slot: strings.TrimPrefix(saved.Plan.New.Slot, saved.Plan.App+"-")}
	if c.String("package") != "" {
		asked.pack = c.String("package")
	}
	p, err := cd.ses.prepare(ctx, asked)
	if err != nil {
		return nil, err
	}
	if err := p.matches(saved); err != nil {
		return nil, err
	}
	made := p.plan.Made
	p.plan = saved.Plan
	p.plan.Made = made // the traffic is judged from now on, not from when the plan was saved
	return p, nil
}

// confirm asks for the app's name where a person is there to type it, and refuses where none is.
func confirm(s streams, app, verb string) error {
	if !s.mayAsk() {
		return usage("%s changes the fleet, and nobody is there to confirm it: pass --yes", verb)
	}
	fmt.Fprintf(s.err, "\nType %s to %s: ", app, verb)
	answer, err := bufio.NewReader(s.in).ReadString('\n')
	if err != nil || strings.TrimSpace(answer) != app {
		return usage("not confirmed")
	}
	return nil
}

// leaseLife is how long a server stays locked after the program died. It is longer than the longest single operation.
const leaseLife = 20 * time.Minute
