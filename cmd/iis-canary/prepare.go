package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/report"
	"iiscanary/iis/bundle"
	"iiscanary/metrics"
)

// order is what the flags of plan and deploy ask for.
type order struct {
	pack    string // path of the package
	slot    string // number of the slot; empty: the package's version
	version string // shown to people; empty: the package's
}

// prepared is everything that is known before the first change.
type prepared struct {
	plan      canary.Plan
	inventory canary.Inventory
	timeline  canary.Timeline
	notes     report.Notes
	metrics   []metrics.Metric
	source    metrics.Source
	release   *bundle.Release
	pack      string
}

// lookBack is how much of the present traffic the preflight reads.
const lookBack = time.Hour

// prepare surveys the fleet and makes the plan. It changes nothing.
func (ses *session) prepare(ctx context.Context, o order) (*prepared, error) {
	p := &prepared{pack: o.pack}
	var err error
	if p.release, err = bundle.Open(o.pack, ses.spec.App); err != nil {
		return nil, fail(exitPreflight, err, "nothing was touched", "iis-canary plan --package FILE")
	}
	release, err := ses.named(p.release, o)
	if err != nil {
		return nil, err
	}
	if p.inventory, err = ses.inventory(ctx); err != nil {
		return nil, err
	}
	if err := ses.forgotten(ctx, p.inventory); err != nil {
		return nil, err
	}
	p.plan, err = canary.NewPlan(ses.wanted(newRunID(time.Now()), release), p.inventory)
	if err != nil {
		return nil, fail(exitPreflight, err, "nothing was touched", "iis-canary status --config "+ses.path)
	}
	if err := ses.weigh(ctx, p); err != nil {
		return nil, err
	}
	p.timeline = canary.Forecast(p.plan, ses.timings(p, release))
	return p, nil
}

// What a server takes in a second from us, and how many stable times a start or a stop takes with all that comes with it.
const (
	uploadPerSecond = 5 << 20
	stablesPerPower = 5
)

// timings is what each kind of step is expected to take here.
func (ses *session) timings(p *prepared, release canary.Release) canary.Timings {
	t := canary.TimingsFrom(p.inventory, ses.wanted(p.plan.Run, release))
	t.Stop = min(t.Stop, stablesPerPower*ses.spec.Site.Stable)
	t.Start = min(t.Start, stablesPerPower*ses.spec.Site.Stable)
	t.Stage = min(t.Stage, time.Second+time.Duration(float64(release.Bytes)/uploadPerSecond*float64(time.Second)))
	return t
}

// named gives the package its slot.
func (ses *session) named(b *bundle.Release, o order) (canary.Release, error) {
	version, number := b.Version, o.slot
	if o.version != "" {
		version = o.version
	}
	if number == "" {
		number = version
	}
	slot := ses.spec.App + "-" + number
	if !slotName(slot) {
		return canary.Release{}, usage("%q is no name for a site: letters, digits, dots and dashes, at most 63; give --slot", slot)
	}
	return canary.Release{Slot: slot, Version: version, Digest: b.Digest, Files: len(b.Files), Bytes: b.Bytes}, nil
}

// slotName reports whether IIS takes the name for a site and its pool.
func slotName(s string) bool {
	if s == "" || len(s) > 63 {
		return false
	}
	for _, r := range s {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && r != '.' && r != '-' {
			return false
		}
	}
	return true
}

// weigh looks at the present traffic: what the verdict would rest on, and how fast it would notice a bad release.
func (ses *session) weigh(ctx context.Context, p *prepared) error {
	var err error
	if p.source, err = ses.source(); err != nil {
		return fail(exitPreflight, err, "nothing was touched")
	}
	p.metrics = ses.questions()
	if len(p.plan.Waves) == 0 {
		return nil
	}
	now := time.Now()
	facts, err := p.source.Check(ctx, metrics.Survey{Old: p.plan.Old, Hosts: names(p.plan.Servers), Metrics: p.metrics,
		From: now.Add(-lookBack), To: now})
	if err != nil {
		return fail(exitPreflight, fmt.Errorf("look at the present traffic: %w", err), "nothing was touched")
	}
	var fatal []error
	for _, problem := range facts.Problems {
		if problem.Fatal {
			fatal = append(fatal, errors.New(problem.String()))
		} else {
			p.notes.Unchecked = append(p.notes.Unchecked, problem.String())
		}
	}
	if len(fatal) > 0 {
		return fail(exitPreflight, errors.Join(fatal...), "nothing was touched; the verdict would rest on nothing")
	}
	if p.metrics, err = metrics.Settle(p.metrics, facts); err != nil {
		return fail(exitPreflight, err, "nothing was touched")
	}
	p.notes.Limits = limits(p.metrics, facts, len(p.plan.Servers), ses.spec.Bake.Poll)
	return nil
}

// riseTo is the share of bad requests that the plan's sentences speak of: one in twenty.
const riseTo = 0.05

// limits says each limit in words, with how fast it would notice a bad release at the present traffic.
func limits(ms []metrics.Metric, f metrics.Facts, servers int, poll time.Duration) []string {
	var out []string
	for _, m := range ms {
		base := f.Baseline[m.Name]
		var rate float64
		if base.Total > 0 {
			rate = float64(base.Bad) / float64(base.Total)
		}
		worse := max(riseTo, 3*(m.Limit.Rho*rate+m.Limit.Delta))
		t := metrics.Traffic{PerServer: f.Rate / float64(servers), New: 1, Old: servers - 1, Rate: rate, Delay: f.Lag + poll}
		out = append(out, fmt.Sprintf("%s: at most %s; %s", m.Name, m.Limit, metrics.Words(m, t, min(worse, 1))))
	}
	return append(out, fmt.Sprintf("logs arrive %s late; no verdict can be faster", f.Lag.Round(100*time.Millisecond)))
}

func names(servers []canary.Server) []string {
	var out []string
	for _, s := range servers {
		out = append(out, s.Name)
	}
	return out
}
