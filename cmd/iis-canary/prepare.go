package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/report"
	"iiscanary/iis/bundle"
	"iiscanary/iis/fetch"
	"iiscanary/metrics"
)

// order is what the flags of plan and deploy ask for.
type order struct {
	pack    fetch.Reference // the package
	slot    string          // number of the slot; empty: the package's version
	version string          // shown to people; empty: the package's
	abandon string          // id of a run that did not end and is let be
	saved   *savedPlan      // what it must come to; nil: anything
}

// prepared is everything that is known before the first change.
type prepared struct {
	plan      canary.Plan
	inventory canary.Inventory
	timeline  canary.Timeline
	notes     report.Notes
	metrics   []metrics.Metric
	source    metrics.Source
	release   *parcel
	pack      fetch.Reference
	config    string // path of the configuration
}

// lookBack is how much of the present traffic the preflight reads.
const lookBack = time.Hour

// prepare looks at everything that can be known before the first change, and makes the plan. It changes nothing. Where something
// stands in the way, all of it is one error.
func (ses *session) prepare(ctx context.Context, o order) (*prepared, error) {
	pf := ses.unlocked(ctx, o)
	err := pf.another()
	if err == nil {
		err = pf.verdict()
	}
	if err != nil {
		pf.close()
		return nil, err
	}
	p := &prepared{plan: pf.plan, inventory: pf.inventory(), metrics: pf.metrics, source: pf.source, release: pf.release, pack: o.pack, config: ses.path}
	p.timeline = canary.Forecast(p.plan, pf.timings())
	p.notes.Unchecked = pf.mentions()
	if len(p.plan.Waves) > 0 {
		p.notes.Limits = limits(p.metrics, pf.facts, len(p.plan.Servers), ses.spec.Bake.Poll)
	}
	if o.saved != nil {
		if err := p.matches(*o.saved); err != nil {
			return nil, errors.Join(err, p.release.Close())
		}
	}
	return p, nil
}

// another refuses a package that is not the one of the plan that is to be executed: whatever else is found follows from that.
func (pf *preflight) another() error {
	saved := pf.order.saved
	if saved == nil || pf.release == nil || pf.named.Digest == saved.Plan.New.Digest {
		return nil
	}
	return saved.stale(pf.ses.path, pf.order.pack.String(), fmt.Sprintf("%s, with the settings as they are now, is another release (sha256 %.12s) than the plan's (%.12s)",
		pf.order.pack.Shown(), pf.named.Digest, saved.Plan.New.Digest))
}

// unlocked looks again and again while another run is in progress, as long as the operator wants to wait for it.
func (ses *session) unlocked(ctx context.Context, o order) *preflight {
	for until := time.Now().Add(ses.lockWait); ; {
		pf := ses.inspect(ctx, o)
		left := time.Until(until)
		if left <= 0 || !pf.mayUnlock() {
			return pf
		}
		ses.say("waiting for another run to end: " + pf.holders())
		if (wallClock{}).Wait(ctx, min(lockPoll, left)) != nil {
			return pf
		}
		pf.close()
	}
}

// mayUnlock says that another look is worth a wait: not for a process that is dead, nor for a package that is not the plan's. It would show a login that is refused once more,
// until the account is locked out.
func (pf *preflight) mayUnlock() bool {
	return pf.another() == nil && pf.fails(checkLock) && !pf.fails(checkPassword) && !slices.Contains(slices.Collect(maps.Values(pf.holding)), dead)
}

// fails says that some row of a check has failed.
func (pf *preflight) fails(check checkID) bool {
	return slices.ContainsFunc(pf.findings, func(f finding) bool { return f.check == check && f.state == failed })
}

// lockPoll is the time between two looks at another run's lock.
const lockPoll = 5 * time.Second

// What a server takes in a second from us, and how many stable times a start or a stop takes with all that comes with it.
const (
	uploadPerSecond = 5 << 20
	stablesPerPower = 5
)

// timings is what each kind of step is expected to take here.
func (pf *preflight) timings() canary.Timings {
	t := canary.TimingsFrom(pf.inventory(), pf.wanted())
	t.Stop = min(t.Stop, stablesPerPower*pf.ses.spec.Site.Stable)
	t.Start = min(t.Start, stablesPerPower*pf.ses.spec.Site.Stable)
	t.Stage = min(t.Stage, time.Second+time.Duration(float64(pf.named.Bytes)/uploadPerSecond*float64(time.Second)))
	return t
}

// named gives the package its version (the flag, or the metadata, or the name, in this order) and its slot (the flag, or the version);
// docs/packages.md has the rule.
func (ses *session) named(b *bundle.Release, o order) (canary.Release, error) {
	version, number := b.Version, o.slot
	if o.version != "" {
		version = o.version
	}
	if number == "" {
		number = slotNumber(version)
	}
	slot := ses.spec.App + "-" + number
	if !numbered.MatchString(number) || len(slot) > longestSlot {
		return canary.Release{}, usage("%q is no name for a slot: letters, digits and dots behind %s-, at most %d characters in all", slot, ses.spec.App, longestSlot).
			then("type the same line again with a name of its own for the slot, such as --slot 3457")
	}
	if path, by := tooLong(ses.spec.Site.Root, slot, b.Files); by > 0 {
		return canary.Release{}, usage("%s would have a path %d characters longer than Windows takes, in %s", path, by, slot).
			then("choose a shorter site.root, or shorter paths in the package")
	}
	return canary.Release{Slot: slot, Version: version, Digest: b.Digest, Files: len(b.Files), Bytes: b.Bytes}, nil
}

// longestSlot is what IIS takes as the name of a pool, whose account is named after it.
const longestSlot = 63

// numbered is what may be behind the app's name: no dash, so that the slots of one app are never those of another.
var numbered = regexp.MustCompile(`^[A-Za-z0-9](?:[A-Za-z0-9.]*[A-Za-z0-9])?$`)

// slotNumber is what a slot is called by its version, in which dashes, plus signs and underscores stand too: 1.2.3-rc.1+5 is the
// slot 1.2.3.rc.1.5.
func slotNumber(version string) string {
	return strings.NewReplacer("+", ".", "-", ".", "_", ".").Replace(version)
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
