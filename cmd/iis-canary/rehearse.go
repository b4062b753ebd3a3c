package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
	"iiscanary/cmd/iis-canary/rehearsal"
)

func rehearseCommand(s streams) *cli.Command {
	var known strings.Builder
	for _, f := range rehearsal.Faults() {
		fmt.Fprintf(&known, "   %-13s exit %d  %s\n", f.Name, f.Exit, f.Words)
	}
	return command(&cli.Command{
		Name:        "rehearse",
		Usage:       "put a whole fleet up on this machine, deploy on it, and take it down",
		Description: "Faults, and the exit code that each must end with:\n\n" + strings.TrimRight(known.String(), "\n"),
		Flags: []cli.Flag{
			&cli.IntFlag{Name: "servers", Usage: "`NUMBER` of Windows servers", Value: 6, EnvVars: twin("servers")},
			&cli.StringSliceFlag{Name: "fault", Usage: "`NAME` of something that goes wrong; may be repeated", EnvVars: twin("fault")},
			&cli.Float64Flag{Name: "speed", Usage: "divide every configured wait by this `FACTOR`", Value: 20, EnvVars: twin("speed")},
			&cli.Float64Flag{Name: "traffic", Usage: "`NUMBER` of customers' requests per second", Value: 200, EnvVars: twin("traffic")},
			textFlag("keep", "leave configuration, package, journals and logs in `DIR`", ""),
			outputFlag(), noColorFlag(),
		},
		Action: func(c *cli.Context) error {
			o := rehearsal.Options{Servers: c.Int("servers"), Speed: c.Float64("speed"), Traffic: c.Float64("traffic"), Faults: given(c.StringSlice("fault"))}
			if err := o.Check(); err != nil {
				return usage("%w", err).then("iis-canary rehearse --help")
			}
			return rehearse(s, c, o)
		},
	})
}

// rehearse runs one deployment on a fleet of its own.
func rehearse(s streams, c *cli.Context, o rehearsal.Options) error {
	out, err := format(c)
	if err != nil {
		return err
	}
	var sweep func()
	if o.Dir, sweep, err = workFolder(c.String("keep")); err != nil {
		return usage("make the folder of the rehearsal: %w", err).then("choose another --keep DIR")
	}
	defer sweep()
	cd := &conduct{s: s, output: out, noColor: c.Bool("no-color")}
	ctx, release := cd.trap(c.Context)
	defer release()
	cd.screen.Note(fmt.Sprintf("putting up %d servers, a load balancer, a log store and customers on this machine", o.Servers))
	fleet, err := rehearsal.New(ctx, o)
	if err != nil {
		return fail(exitUnexpected, err, "nothing but this machine was used")
	}
	defer fleet.Close()
	if err := fleet.Settle(ctx); err != nil {
		return fail(exitUnexpected, err, "nothing but this machine was used")
	}
	return cd.rehearsed(ctx, fleet)
}

// rehearsed is a deployment like any other, on a fleet whose customers are counted.
func (cd *conduct) rehearsed(ctx context.Context, fleet *rehearsal.Fleet) error {
	var err error
	if cd.ses, err = connect(ctx, cd.s, fleet.Config(), cd.screen.Note); err != nil {
		return err
	}
	defer cd.ses.close()
	p, err := cd.ses.prepare(ctx, order{pack: fleet.Package()})
	if err != nil {
		return err
	}
	defer p.release.Close()
	if err := p.print(streams{out: cd.s.err}, "text"); err != nil {
		return err
	}
	cd.saw = func() (report.Traffic, time.Time) { return seen(fleet) }
	fleet.Begin()
	res, err := cd.deploy(ctx, p)
	if res != nil {
		res.story.Next = inLife(res.story.Next, fleet.Config())
	}
	return cd.finish(res, err)
}

// inLife says what one would type if the fleet were a real one: the rehearsal's is gone by then.
func inLife(next []string, config string) []string {
	var out []string
	for _, line := range next {
		out = append(out, "on a real fleet: "+strings.ReplaceAll(line, config, "canary.yaml"))
	}
	return out
}

// seen is what the fleet's customers saw, in the words of the report.
func seen(fleet *rehearsal.Fleet) (report.Traffic, time.Time) {
	r := fleet.Customers()
	t := report.Traffic{Requests: int64(r.Requests), Failed: int64(r.Failed), BySlot: map[string]report.SlotTraffic{}}
	for slot, n := range r.BySlot {
		t.BySlot[slot] = report.SlotTraffic{Requests: int64(n.Requests), Failed: int64(n.Failed), P50MS: n.P50, P99MS: n.P99}
	}
	return t, r.FirstBad
}

// given is the values that are not empty: CI systems set variables to nothing.
func given(values []string) []string {
	return slices.DeleteFunc(values, func(v string) bool { return v == "" })
}

// workFolder is the folder of a rehearsal: the one to keep, or one that sweep removes.
func workFolder(keep string) (dir string, sweep func(), err error) {
	if keep != "" {
		dir, err = filepath.Abs(keep)
		if err != nil {
			return "", nil, err
		}
		return dir, func() {}, os.MkdirAll(dir, 0o700)
	}
	dir, err = os.MkdirTemp("", "iis-canary-")
	return dir, func() { _ = os.RemoveAll(dir) }, err
}
