package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/fetch"
)

func rehearseCommand(s streams) *cli.Command {
	var known strings.Builder
	for _, f := range rehearsal.Faults() {
		fmt.Fprintf(&known, "   %-17s exit %d  %s\n", f.Name, f.Exit, f.Words)
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
			authFlag(),
			agentFlag(),
			textFlag("pull", "keep the package at `https|s3`, where the servers fetch it by themselves", ""),
			elasticsearchFlag(),
			textFlag("keep", "leave configuration, package, journals and logs in `DIR`", ""),
			outputFlag(), noColorFlag(),
		},
		Action: func(c *cli.Context) error {
			o := rehearsal.Options{Servers: c.Int("servers"), Speed: c.Float64("speed"), Traffic: c.Float64("traffic"), Faults: given(c.StringSlice("fault")), Auth: c.String("auth"), Agent: c.String("agent"), Pull: c.String("pull"),
				Elasticsearch: c.String("elasticsearch"), ElasticsearchKey: os.Getenv(rehearsal.ElasticsearchKeyVariable)}
			if err := o.Check(); err != nil {
				return usage("%w", err).then("iis-canary rehearse --help")
			}
			return rehearse(s, c, o)
		},
	})
}

// elasticsearchFlag names a log store instead of a simulated one.
func elasticsearchFlag() cli.Flag {
	return textFlag("elasticsearch", "`URL` of an Elasticsearch of your own to be the log store, with an API key in "+rehearsal.ElasticsearchKeyVariable+
		" if it asks for one; it gets two indices of the rehearsal's own, which are removed at the end", "")
}

// authFlag says how the servers are logged in to.
func authFlag() cli.Flag {
	return textFlag("auth", "`KIND` of login to the servers' WinRM, all over TLS but ntlm: "+enumerated(rehearsal.Auths()), "basic")
}

// enumerated is all values of a flag, at least two, as [enumeration] reads them.
func enumerated(all []string) string {
	last := len(all) - 1
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// agentFlag chooses what answers on simulated servers.
func agentFlag() cli.Flag {
	return textFlag("agent", "`KIND` of agent on the servers: model, or mono, the C# that arrives, compiled by mcs and run by mono",
		rehearsal.AgentModel)
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
	cd.screen.Note(o.Words())
	fleet, err := rehearsal.New(ctx, o)
	if err != nil {
		return notUp(err)
	}
	defer takeDown(fleet, cd.screen.Note)
	if err := fleet.Settle(ctx); err != nil {
		return notUp(err)
	}
	return cd.rehearsed(ctx, fleet)
}

// notUp is a fleet that did not come up.
func notUp(err error) error {
	if _, is := errors.AsType[*rehearsal.StoreError](err); is {
		return fail(exitPreflight, err, "nothing was put up", "check the URL and "+rehearsal.ElasticsearchKeyVariable+", or leave --elasticsearch out")
	}
	return fail(exitUnexpected, err, "nothing but this machine and its log store was used")
}

// takeDown takes the fleet down, and says what it had to leave.
func takeDown(fleet *rehearsal.Fleet, say func(string)) {
	fleet.Close()
	for _, index := range fleet.Leftovers() {
		say("not removed, delete it yourself: " + index)
	}
}

// rehearsed is a deployment like any other, on a fleet whose customers are counted.
func (cd *conduct) rehearsed(ctx context.Context, fleet *rehearsal.Fleet) error {
	var err error
	cd.s.getenv = within(fleet.Environment(), cd.s.getenv)
	if cd.ses, err = connect(ctx, cd.s, fleet.Config(), cd.screen.Note); err != nil {
		return unrehearsed(err)
	}
	defer cd.ses.close()
	pack, err := fetch.Parse(fleet.Package(), "")
	if err != nil {
		return unrehearsed(err)
	}
	p, err := cd.ses.prepare(ctx, order{pack: pack})
	if err != nil {
		return unrehearsed(err)
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
	if refused, is := errors.AsType[*failure](err); is {
		refused.next = inLife(refused.next, fleet.Config())
	}
	return cd.finish(res, err)
}

// within is an environment with some more in it.
func within(more map[string]string, getenv func(string) string) func(string) string {
	return func(name string) string {
		if value, is := more[name]; is {
			return value
		}
		return getenv(name)
	}
}

// unrehearsed is a rehearsal that ends before its roll: this machine was too busy, or the program is wrong. The fleet is gone.
func unrehearsed(err error) error {
	return fail(codeOf(err), err, "the rehearsal's fleet is gone; nothing else was used", "rehearse again with a lower --speed or less --traffic",
		"keep its files to look at: --keep DIR")
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
