package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

// savedPlan is the file of `plan --out`.
type savedPlan struct {
	Format  int         `json:"format"` // 1
	Tool    string      `json:"tool"`
	Package string      `json:"package"` // absolute path
	Plan    canary.Plan `json:"plan"`
}

const planFormat = 1

func packageFlags() []cli.Flag {
	return []cli.Flag{
		textFlag("package", "the release: a zip `FILE` or a folder", "", "p"),
		textFlag("slot", "`NUMBER` of the new slot; default: the version in the package's name", ""),
		textFlag("release-version", "`VERSION` to show; default: the one in the package's name", ""),
	}
}

func orderOf(c *cli.Context) (order, error) {
	o := order{pack: c.String("package"), slot: c.String("slot"), version: c.String("release-version")}
	if o.pack == "" {
		return o, usage("no package given").then(packaged(c))
	}
	var err error
	if o.pack, err = filepath.Abs(o.pack); err == nil {
		_, err = os.Stat(o.pack)
	}
	if err != nil {
		return o, usage("look for the package: %w", err).then(packaged(c))
	}
	return o, nil
}

// packaged is the command line that names a package.
func packaged(c *cli.Context) string {
	return commandLine(c.Command.HelpName, "--config", configPath(c), "--package", "FILE")
}

func planCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "plan",
		Usage: "show what a deployment would do, and change nothing",
		Flags: append(packageFlags(), configFlag(), outputFlag(), noColorFlag(),
			textFlag("out", "write the plan to `FILE`, for deploy --plan", ""),
			switchFlag("detailed-exitcode", "exit 10 when there is something to do")),
		Action: func(c *cli.Context) error {
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
			defer stop()
			return showPlan(ctx, s, c)
		},
	})
}

// showPlan surveys, plans and prints: the whole of `plan`, and of `deploy --dry-run`.
func showPlan(ctx context.Context, s streams, c *cli.Context) error {
	o, err := format(c)
	if err != nil {
		return err
	}
	asked, saved, err := asks(c)
	if err != nil {
		return err
	}
	ses, err := connect(ctx, s, configPath(c), say(s))
	if err != nil {
		return orStopped(ctx, err)
	}
	defer ses.close()
	p, err := ses.prepare(ctx, asked)
	if err != nil {
		return orStopped(ctx, err)
	}
	defer p.release.Close()
	if saved != nil {
		if err := p.matches(*saved); err != nil {
			return err
		}
	}
	if err := p.print(s, o); err != nil {
		return err
	}
	if out := c.String("out"); out != "" {
		if err := p.save(out); err != nil {
			return usage("write the plan: %w", err).then("choose another --out FILE")
		}
	}
	if c.Bool("detailed-exitcode") && len(p.plan.Waves) > 0 {
		return quiet(exitChanges)
	}
	return nil
}

// say writes talk to standard error.
func say(s streams) func(string) {
	return func(text string) { fmt.Fprintln(s.err, text) }
}

func (p *prepared) print(s streams, format string) error {
	if format == "json" {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Plan     canary.Plan     `json:"plan"`
			Timeline canary.Timeline `json:"timeline"`
			Limits   []string        `json:"limits"`
			Doubts   []string        `json:"unchecked"`
		}{p.plan, p.timeline, p.notes.Limits, p.notes.Unchecked})
	}
	return report.PlanText(s.out, p.plan, p.inventory, p.timeline, p.notes)
}

// save writes the plan so that deploy can execute just it.
func (p *prepared) save(path string) error {
	b, err := json.MarshalIndent(savedPlan{planFormat, version(), p.pack, p.plan}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// readPlan reads a file that save wrote.
func readPlan(path string) (savedPlan, error) {
	var sp savedPlan
	b, err := os.ReadFile(path)
	if err != nil {
		return sp, usage("read the plan: %w", err).then(commandLine("iis-canary plan", "--package", "FILE", "--out", path))
	}
	if err := json.Unmarshal(b, &sp); err != nil || sp.Format != planFormat || sp.Plan.App == "" || sp.Package == "" {
		return sp, usage("%s is no plan of this program (format %d)", path, planFormat).
			then(commandLine("iis-canary plan", "--package", "FILE", "--out", "NEW"))
	}
	return sp, nil
}

// matches refuses a saved plan that the fleet has moved away from.
func (p *prepared) matches(saved savedPlan) error {
	stale := func(what string) error {
		return fail(exitPreflight, fmt.Errorf("the plan of %s no longer fits: %s", saved.Plan.Made.Local().Format(time.DateTime), what),
			"nothing was touched", commandLine("iis-canary plan", "--package", saved.Package, "--out", "FILE"))
	}
	switch was, is := saved.Plan, p.plan; {
	case was.Spec != is.Spec:
		return stale("the configuration has changed")
	case was.New != is.New:
		return stale("the package has changed")
	case was.Seen != is.Seen:
		return stale("the fleet has changed since")
	case !sameSteps(was, is):
		return stale("its steps are not the ones that would be planned now")
	}
	return nil
}

// sameSteps compares all of two plans but what differs in any two: their id and their time.
func sameSteps(a, b canary.Plan) bool {
	a.Run, a.Made = b.Run, b.Made
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
