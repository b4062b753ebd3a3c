package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary"
	"iiscanary/canary/report"
	"iiscanary/iis/fetch"
)

// savedPlan is the file of `plan --out`.
type savedPlan struct {
	Format  int         `json:"format"` // 1
	Tool    string      `json:"tool"`
	Package string      `json:"package"` // absolute path, or address with its pin
	Plan    canary.Plan `json:"plan"`
}

const planFormat = 1

func packageFlags() []cli.Flag {
	return []cli.Flag{
		textFlag("package", "the release: a `FILE` (zip, nupkg, tar.gz), a folder, https://...#sha256=HEX or s3://BUCKET/KEY#version=ID", "", "p"),
		textFlag("package-sha256", "`HEX` digits of the SHA-256 that the package must have", ""),
		textFlag("slot", "`NUMBER` of the new slot; default: the version in the package's name", ""),
		textFlag("abandon", "begin although the run with this `ID` did not come to its end: its servers stay as they are", ""),
		textFlag("release-version", "`VERSION` to show; default: the one in the package's name", ""),
	}
}

func orderOf(c *cli.Context) (order, error) {
	o := order{slot: c.String("slot"), version: c.String("release-version"), abandon: c.String("abandon")}
	if c.String("package") == "" {
		return o, usage("no package given").then(packaged(c))
	}
	var err error
	if o.pack, err = reference(c, c.String("package")); err != nil {
		return o, err
	}
	if path := o.pack.Path(); path != "" {
		if _, err := os.Stat(path); err != nil {
			return o, usage("look for the package: %w", err).then(packaged(c))
		}
	}
	return o, nil
}

// reference reads where a package is. One that is somewhere else must be pinned.
func reference(c *cli.Context, text string) (fetch.Reference, error) {
	ref, err := fetch.Parse(text, c.String("package-sha256"))
	if err == nil {
		ref, err = ref.Absolute()
	}
	if loose, is := errors.AsType[*fetch.UnpinnedError](err); is {
		return ref, usage("%w", err).then(retyped(c, "package", loose.Pinned()),
			"sha256sum FILE, or Get-FileHash FILE, says the SHA-256; aws s3api head-object says the version")
	}
	if err != nil {
		return ref, usage("look for the package: %w", err).then(packaged(c))
	}
	return ref, nil
}

// packaged is the command line that names a package.
func packaged(c *cli.Context) string {
	return retyped(c, "package", "FILE")
}

func planCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "plan",
		Usage: "show what a deployment would do, and change nothing",
		Flags: append(packageFlags(), configFlag(), outputFlag(), noColorFlag(),
			outFlag("write the plan to `FILE`, for deploy --plan", ""),
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
	asked, err := asks(c)
	if err != nil {
		return err
	}
	if err := onlyPlans(configPath(c), c.String("out")); err != nil {
		return err
	}
	ses, err := begin(s, configPath(c), say(s))
	if err != nil {
		return err
	}
	defer ses.close()
	p, err := ses.prepare(ctx, asked)
	if err != nil {
		return orStopped(ctx, err)
	}
	defer p.release.Close()
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

// say writes talk to standard error, from many servers at once.
func say(s streams) func(string) {
	var one sync.Mutex
	return func(text string) {
		one.Lock()
		defer one.Unlock()
		fmt.Fprintln(s.err, text)
	}
}

func (p *prepared) print(s streams, format string) error {
	if format == "json" {
		e := json.NewEncoder(s.out)
		e.SetIndent("", "  ")
		return e.Encode(struct {
			Version  int             `json:"version"`
			Plan     canary.Plan     `json:"plan"`
			Timeline canary.Timeline `json:"timeline"`
			Limits   []string        `json:"limits"`
			Doubts   []string        `json:"unchecked"`
		}{report.FormatVersion, p.plan, p.timeline, p.notes.Limits, p.notes.Unchecked})
	}
	return report.PlanText(s.out, p.plan, p.inventory, p.timeline, p.notes)
}

// onlyPlans refuses to write a plan over a file that is none.
func onlyPlans(config, out string) error {
	if out == "" || !exists(out) {
		return nil
	}
	if _, err := readPlan(config, out); err != nil {
		return usage("--out %s: that file is there, and is no plan", out).then("choose another --out FILE")
	}
	return nil
}

// save writes the plan so that deploy can execute just it.
func (p *prepared) save(path string) error {
	b, err := json.MarshalIndent(savedPlan{planFormat, version(), p.pack.String(), p.plan}, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o600)
}

// readPlan reads a file that save wrote, with this configuration.
func readPlan(config, path string) (savedPlan, error) {
	var sp savedPlan
	b, err := readSmall(path)
	if err != nil {
		return sp, usage("read the plan: %w", err).then(commandLine("iis-canary plan", "--config", config, "--package", "FILE", "--out", path))
	}
	if err := json.Unmarshal(b, &sp); err != nil || sp.Format != planFormat || sp.Plan.App == "" || sp.Package == "" {
		return sp, usage("%s is no plan of this program (format %d)", path, planFormat).
			then(commandLine("iis-canary plan", "--config", config, "--package", "FILE", "--out", "NEW"))
	}
	return sp, nil
}

// largestPlan is far more than the plan of a thousand servers takes.
const largestPlan = 64 << 20

// readSmall reads a file that is one, and not endless.
func readSmall(path string) ([]byte, error) {
	switch info, err := os.Stat(path); {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > largestPlan:
		return nil, fmt.Errorf("%s is no file of this program's", path)
	}
	return os.ReadFile(path)
}

// matches refuses a saved plan that the fleet has moved away from.
func (p *prepared) matches(saved savedPlan) error {
	stale := func(what string) error { return saved.stale(p.config, p.pack.String(), what) }
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

// stale refuses a saved plan, with the line that makes one anew.
func (sp savedPlan) stale(config, pack, what string) error {
	return fail(exitPreflight, fmt.Errorf("the plan of %s no longer fits: %s", sp.Plan.Made.Local().Format(time.DateTime), what),
		"nothing was touched", commandLine("iis-canary plan", "--config", config, "--package", pack, "--out", "FILE"))
}

// sameSteps compares all of two plans but what differs in any two: their id and their time.
func sameSteps(a, b canary.Plan) bool {
	a.Run, a.Made = b.Run, b.Made
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}
