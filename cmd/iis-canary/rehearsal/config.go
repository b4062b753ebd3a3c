package rehearsal

import (
	"fmt"
	"strings"
	"time"
)

// Durations as a user would configure them; Options.Speed divides each.
const (
	deregistrationDelay = 300 * time.Second
	probeInterval       = 10 * time.Second
	probeTimeout        = 5 * time.Second
	coldStart           = 25 * time.Second
	logFlush            = 5 * time.Second
	shipDelay           = 5 * time.Second
	lateShipDelay       = 30 * time.Second
	indexRefresh        = time.Second
	propagation         = 2 * time.Second
)

// wholeSecond is the resolution of IIS log lines. No speed divides it: a log that is complete up to a second is known to be
// so one second later.
const wholeSecond = time.Second

// scaled divides a duration by the speed.
func (o Options) scaled(d time.Duration) time.Duration {
	return max(time.Duration(float64(d)/o.Speed), time.Millisecond)
}

// Limits of a fleet that stands for hours.
const (
	standingLogSize = 16 << 20
	standingLogTime = 20 * time.Minute
)

// logSize is where an access log rolls over, in bytes; 0: at the end of its day.
func (o Options) logSize() int64 {
	if o.Standing {
		return standingLogSize
	}
	return 0
}

// logTime is how long the log store keeps a line; 0: as long as it does by itself.
func (o Options) logTime() time.Duration {
	if o.Standing {
		return standingLogTime
	}
	return 0
}

// text is the configuration file of the rehearsal: the very one that a user would write, with shorter waits.
func (f *Fleet) configText() string {
	o := f.options
	at := func(d time.Duration) string { return o.scaled(d).String() }
	return strings.Join([]string{
		"# yaml-language-server: $schema=./schema.json",
		"# A fleet on this machine, put up by iis-canary. Every wait is divided by " + fmt.Sprint(o.Speed) + "; nothing else differs from a real one.",
		"app: " + App,
		"aws: { region: " + region + ", endpoint: '" + f.Balancer.URL() + "', access_key: 'file:access_key', secret_key: 'file:secret_key' }",
		"target_groups: [" + groupName + "]",
		"servers:",
		"  address: " + f.addressing(),
		"  winrm: { " + o.wayIn() + ", port: " + fmt.Sprint(o.listener(f.places[0])) + o.credentials() + " }",
		"site:",
		"  root: 'D:\\sites'",
		fmt.Sprintf("  bindings: ['*:%d:']", f.places[0].site),
		"  runtime: v4.0",
		"  keep: 2",
		"  stable: " + at(2*time.Second),
		"warmup: { path: /health/warm, first: " + max(o.scaled(180*time.Second), 10*time.Second).String() +
			", requests: 6, under: 200ms, status: 200, tries: 8, version_header: X-App-Release }",
		"drain: { policy: observed, settle: " + at(20*time.Second) + ", poll: " + at(5*time.Second) + " }",
		"admit: { poll: " + at(5*time.Second) + ", grace: " + max(o.scaled(30*time.Second), 10*time.Second).String() + " }",
		"rollout: { waves: each, min_healthy: " + f.floor() + " }",
		"bake: { for: " + at(30*time.Second) + ", at_most: " + max(o.scaled(10*time.Minute), 5*wholeSecond).String() + ", poll: " + at(5*time.Second) + " }",
		"metrics:",
		"  - { name: errors, source: elastic, bad: 'status >= 500', limit: 1.5 x old + 0.1%, on_no_data: hold }",
		"  # Wider than the default of 1.2 x old + 1%: here servers, customers and all else share one machine's processors.",
		"  - { name: slow, source: elastic, slower_than: old p95, limit: 2 x old + 5%, skip_first: " + at(30*time.Second) + " }",
		"sources:",
		"  elastic:",
		f.store.source(),
		"    release: { field: iis.access.site_name, value: slot }",
		"    bucket: " + max(o.scaled(5*time.Second), wholeSecond).String(),
		"    max_lag: " + (o.scaled(60*time.Second) + 4*wholeSecond).String(),
		"notify:",
		"  - { on: [failed], elastic: " + f.store.events + " }",
		"on_failure: revert",
		"state: state",
		f.packageText(),
	}, "\n")
}

// floor is how many servers must stay healthy. Of two servers, 60 % would be both, and none could ever leave.
func (f *Fleet) floor() string {
	if f.options.Servers < 3 {
		return "50%"
	}
	return "60%"
}
