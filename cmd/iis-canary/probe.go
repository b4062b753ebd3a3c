package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/canary"
	"iiscanary/configs"
	"iiscanary/iis"
)

// cleanLimit bounds the removal of the throw-away site, also after an interrupt.
const cleanLimit = 3 * time.Minute

// probing is one `doctor --probe`: questions that only a real server can answer, tried on a throw-away site of one server.
type probing struct {
	ses       *session
	server    string
	quick     bool
	withNames bool
	format    string
	began     time.Time
	hello     iis.Hello
	removed   []string // leftovers of earlier probes
}

func probeFlags() []cli.Flag {
	return []cli.Flag{
		switchFlag("probe", "try what we could not: answer the open questions about Windows on a throw-away site of one server, and remove it again"),
		textFlag("server", "with --probe: `NAME` of the server", ""),
		yesFlag(),
		switchFlag("quick", "with --probe: leave out what takes longer than a minute"),
		switchFlag("with-names", "with --probe: print names of servers, accounts and applications too"),
	}
}

// probeOnly refuses flags that mean nothing without --probe, and those that mean nothing with it.
func probeOnly(c *cli.Context) error {
	with, without := []string{"server", "yes", "quick", "with-names"}, []string{"package", "slot"}
	if !c.Bool("probe") {
		for _, name := range with {
			if c.IsSet(name) && name != "yes" { // which CI systems set for every command
				return usage("--%s is for --probe", name).then(probeLine(c))
			}
		}
		return nil
	}
	for _, name := range without {
		if c.IsSet(name) && c.String(name) != "" {
			return usage("--probe asks a server, not a release: --%s is for doctor without it", name).then(probeLine(c))
		}
	}
	if c.String("server") == "" {
		return usage("--probe needs the name of one server").then(retyped(c, "server", "NAME"), commandLine("iis-canary status", "--config", configPath(c))+"   (names them)")
	}
	return nil
}

// probeLine is how a probe is typed.
func probeLine(c *cli.Context) string {
	return commandLine("iis-canary doctor", "--config", configPath(c), "--probe", "--server", cmp.Or(c.String("server"), "NAME"))
}

func probe(s streams, c *cli.Context) error {
	p := &probing{server: c.String("server"), quick: c.Bool("quick"), withNames: c.Bool("with-names"), began: time.Now()}
	var err error
	if p.format, err = format(c); err != nil {
		return err
	}
	if p.ses, err = begin(s, configPath(c), say(s)); err != nil {
		return err
	}
	if !c.Bool("yes") && !s.mayAsk() {
		return usage("a probe changes the configuration of IIS on %s, and nobody is there to confirm it", p.server).then(switched(c, "yes"))
	}
	ctx, stop := signal.NotifyContext(c.Context, os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second interrupt ends the process at once
	defer p.ses.close()
	if err := p.ses.meet(ctx); err != nil {
		return orStopped(ctx, err)
	}
	if err := p.greet(ctx); err != nil {
		return orStopped(ctx, err)
	}
	experiments, err := p.ses.hosts.Experiments(p.server)
	if err != nil {
		return err
	}
	p.announce(experiments)
	if !c.Bool("yes") {
		if err := confirm(ctx, s, p.server, "probe it"); err != nil {
			return err
		}
	}
	findings, err := p.locked(ctx, experiments)
	if err != nil {
		return err
	}
	return p.print(s.out, findings)
}

// greet finds the server and demands an administrator's token.
func (p *probing) greet(ctx context.Context) error {
	known := p.ses.hosts.Servers()
	if !slices.Contains(known, p.server) {
		f := usage("there is no server %q in the target groups; there are %s", p.server, strings.Join(known, ", "))
		if near := configs.Nearest(p.server, known); near != "" {
			return f.then(commandLine("iis-canary doctor", "--config", p.ses.path, "--probe", "--server", near))
		}
		return f.then(commandLine("iis-canary status", "--config", p.ses.path))
	}
	var err error
	if p.hello, err = p.ses.hosts.Enter(ctx, p.server); err != nil {
		return fail(exitPreflight, err, "nothing was touched", commandLine("iis-canary doctor", "--config", p.ses.path)+"   (says what stands in the way)")
	}
	if !p.hello.Elevated {
		return fail(exitPreflight, fmt.Errorf("%s has no administrator's rights on %s over the network", p.hello.Account, p.server), "nothing was touched",
			checkOf(checkElevated).remedy)
	}
	return nil
}

func (p *probing) announce(e *iis.Experiments) {
	minutes := "about five minutes"
	if p.quick {
		minutes = "about three minutes"
	}
	p.ses.say(fmt.Sprintf("on %s, for %s: site, pool and folder %s on 127.0.0.1 and a free port, removed at the end", p.server, minutes, e.Site()))
	p.ses.say(fmt.Sprintf("the slots of %s and port 443 are not touched; the configuration of IIS is written some forty times, which a server that serves nobody minds least",
		p.ses.spec.App))
}

// locked asks everything under the lease, so that no run is beside it, and takes everything back, whatever happens in between.
func (p *probing) locked(ctx context.Context, e *iis.Experiments) ([]iis.Finding, error) {
	claim := iis.Claim{Run: "probe-" + e.ID(), Owner: process(), Reason: "doctor --probe", Life: iis.ExperimentLife}
	if err := p.ses.hosts.Acquire(ctx, []string{p.server}, claim); err != nil {
		if held, is := errors.AsType[*iis.LeasedError](err); is {
			return nil, fail(exitLocked, held, "nothing was touched by this command", "wait for it to end, then type the same line again")
		}
		return nil, orStopped(ctx, fail(exitPreflight, err, "nothing was touched"))
	}
	findings, err := p.ask(ctx, e)
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanLimit)
	defer cancel()
	if cleaned, unclean := e.Clean(after); unclean != nil || len(cleaned.Warnings) > 0 {
		unclean = errors.Join(unclean, errors.New(strings.Join(cleaned.Warnings, "; ")))
		err = fail(exitUnexpected, fmt.Errorf("clean up after the probe: %w", unclean),
			fmt.Sprintf("something of %s is left on %s; the slots of %s were not touched", e.Site(), p.server, p.ses.spec.App),
			commandLine("iis-canary doctor", "--config", p.ses.path, "--probe", "--server", p.server)+"   (begins with removing it)")
	}
	if kept := p.ses.hosts.Release(after); kept != nil && err == nil {
		p.ses.say("the lease was not given back; it runs out by itself: " + kept.Error())
	}
	return findings, err
}

// ask removes what earlier probes have left, and asks one question after the other.
func (p *probing) ask(ctx context.Context, e *iis.Experiments) ([]iis.Finding, error) {
	stopped := func() error {
		return fail(exitStopped, errors.New("the probe was interrupted"), "its throw-away site was removed, and nothing else was touched", "type the same line again")
	}
	earlier, err := e.Clean(ctx)
	if ctx.Err() != nil {
		return nil, stopped()
	}
	if err != nil {
		return nil, fail(exitPreflight, fmt.Errorf("remove what earlier probes have left: %w", err), "the slots were not touched", "type the same line again")
	}
	if p.removed = earlier.Removed; len(p.removed) > 0 {
		p.ses.say("removed what an earlier probe had left: " + strings.Join(p.removed, ", "))
	}
	var findings []iis.Finding
	all := iis.Questions()
	for i, q := range all {
		f := iis.Finding{Question: q, Observed: map[string]any{}, Answer: iis.CouldNotTell, Why: "left out: --quick"}
		if !p.quick || !q.Slow {
			f = e.Ask(ctx, q)
		}
		if ctx.Err() != nil {
			return nil, stopped()
		}
		if errors.Is(f.Err, canary.ErrUnreachable) {
			return nil, fail(exitUnexpected, fmt.Errorf("the server was lost while it was asked %s: %w", q.ID, f.Err), "its throw-away site was removed", "type the same line again")
		}
		findings = append(findings, f)
		p.ses.say(fmt.Sprintf("%d/%d %s: %s (%s)", i+1, len(all), q.ID, f.Answer, f.Took.Round(time.Millisecond)))
	}
	return findings, nil
}
