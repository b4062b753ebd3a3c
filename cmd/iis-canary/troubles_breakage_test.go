package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
)

// breakage is a trouble that ends a run, after which the fleet is whole.
type breakage struct {
	name string // of the trouble
	make func(*ward)
	code exit
	head string   // the first line of what is said
	why  []string // what is said of the reason
}

const (
	notBegun  = "✖ not begun: SLOT could not be brought to every server, app.domain.com-3456 runs on 2 of 2 servers as before"
	brokeOff  = "✖ reverted: SLOT could not be rolled out, app.domain.com-3456 runs on 2 of 2 servers again"
	turnedOff = "✖ reverted: SLOT was refused, app.domain.com-3456 runs on 2 of 2 servers again"
)

func breakages() []breakage {
	return []breakage{
		{"01-config-locked", func(w *ward) {
			w.each(func(s *iistest.Server) { s.SetTrap(iistest.Trap{Call: "commit", Code: 0x80070020}) })
		}, exitPreflight, notBegun,
			[]string{"stage SLOT (3457) on web-01: web-01: create: ", "(busy, 0x80070020, at commit); another program holds applicationHost.config open: a deployment, a virus scanner or a backup"}},
		{"02-file-has-changed-on-disk", func(w *ward) { w.each(func(s *iistest.Server) { s.ConflictCommits(1000) }) }, exitPreflight, notBegun,
			[]string{"(busy, 0x800703EE, at commit); another program writes applicationHost.config: stop it, or try again later"}},
		{"03-state-unknown-after-create", func(w *ward) {
			w.trap("pool.state", 0x800710D8)
			w.untilRefused("start")
		}, exitReverted, brokeOff,
			[]string{"start SLOT on web-01: ", "IIS does not say what state SLOT is in (unsettled, at start the pool); look at its pool"}},
		{"04-cannot-accept-control-messages", func(w *ward) { w.trap("pool.start", 0x80070425) }, exitReverted, brokeOff,
			[]string{"(unsettled, 0x80070425, at start the pool); the pool does not settle: look at the password of its account"}},
		{"06-object-identifier-not-valid", func(w *ward) { w.trap("site.start", 0x800710D8) }, exitReverted, brokeOff,
			[]string{"(unsettled, 0x800710D8, at start the site); WAS does not know the site or its pool: look whether both are there"}},
		{"07-another-site-has-the-binding", func(w *ward) {
			w.edit(w.canary().Binding()+"'", w.canary().Binding()+"', '"+w.canary().Binding()+"shop.domain.com'")
			if err := w.canary().StartSite("Default Web Site", `C:\inetpub\wwwroot`, "shop.domain.com"); err != nil {
				w.t.Fatal(err)
			}
			w.t.Cleanup(func() { w.remove("Default Web Site") })
		}, exitReverted, brokeOff, []string{"site Default Web Site is started on the same binding (port_taken, 0x800700B7, at start the site); stop Default Web Site first"}},
		{"08-port-of-a-foreign-process", func(w *ward) { w.trap("site.start", 0x80070020) }, exitReverted, brokeOff,
			[]string{"another program listens on the port of SLOT (port_taken, 0x80070020, at start the site); find it with: Get-NetTCPConnection -State Listen"}},
		{"10-worker-outlives-the-site", func(w *ward) {
			w.edit("  keep: 2\n", "  keep: 2\n  stop_wait: 10s\n") // of which the agents here wait a thirtieth
			w.canary().Outlive(rehearsal.OldSlot, 2*time.Second)
		}, exitReverted, brokeOff, []string{"stop app.domain.com-3456 on web-01: ", "worker", "is still there after", "(worker_lingers, at await the workers); it may be stuck in a debugger or in a driver"}},
		{"15-pool-cannot-start-its-worker", func(w *ward) { w.each(func(s *iistest.Server) { s.RefuseStart(w.slot()) }) }, exitReverted, brokeOff,
			[]string{"start SLOT on web-01: ", "Application pool 'SLOT' is being automatically disabled", "(WAS event 5002)", "(pool_failed, at start the pool)"}},
		{"18-application-crashes-at-startup", func(w *ward) { carrying(map[string]string{"simulation.json": `{"crash": true}`})(w.scene) }, exitReverted, brokeOff,
			[]string{"start SLOT on web-01: ", "due to a series of failures", "(WAS event 5002)"}},
		{"19-locked-section", func(w *ward) {
			w.each(func(s *iistest.Server) { s.SetTrap(iistest.Trap{Call: "commit", Code: 0x80070021}) })
		}, exitPreflight, notBegun,
			[]string{"(internal, 0x80070021, at commit); a section is locked: unlock it, or leave it out of web.config"}},
		{"23-preload-does-not-warm", func(w *ward) {
			w.edit("under: 2s", "under: 200ms", "tries: 8", "tries: 2")
			carrying(map[string]string{"simulation.json": `{"never_warm": true}`})(w.scene)
		}, exitReverted, turnedOff,
			[]string{"warm SLOT on web-01: 6 requests to /health/warm, each under 200ms: fail, not warm after 2 series: 0 of 6 under 200ms"}},
		{"n2-drift-manager", func(w *ward) { w.canary().Drift(rehearsal.OldSlot) }, exitReverted, brokeOff,
			[]string{"stop app.domain.com-3456 on web-01: ", "app.domain.com-3456 was started again by somebody else: site ", "a drift manager such as Puppet, DSC or Chef may do that: let it leave the sites of this app alone"}},
	}
}

// untilRefused takes the canary's traps away as soon as it has refused an operation on the new slot: what only a person could mend is
// mended before the way back.
func (w *ward) untilRefused(op string) {
	s, slot, ctx := w.canary(), w.slot(), w.t.Context()
	go func() { // ends with the test at the latest
		for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			if slices.ContainsFunc(s.Calls(), func(c iistest.Call) bool { return c.Op == op && c.Slot == slot && c.Error != "" }) {
				s.ClearTraps()
				return
			}
		}
	}()
}

// remove takes a site of somebody else away.
func (w *ward) remove(site string) {
	w.t.Helper()
	if err := w.canary().Halt(site); err != nil {
		w.t.Error(err)
	}
	if err := w.canary().RemoveByHand(site); err != nil {
		w.t.Error(err)
	}
}

// TestTroublesThatBreakARunAreToldAndTheFleetIsWhole shares one fleet: every run puts it back.
func TestTroublesThatBreakARunAreToldAndTheFleetIsWhole(t *testing.T) {
	t.Parallel()
	w := admitted(t, 2)
	for _, x := range breakages() {
		t.Run(x.name, func(t *testing.T) {
			w := w.next(t)
			x.make(w)
			in := func(text string) string { return strings.ReplaceAll(text, "SLOT", w.slot()) }
			y := w.enter("deploy", "--yes").must(t, int(x.code))
			head, rest, _ := strings.Cut(y.out, "\n")
			if head != in(x.head) {
				t.Errorf("the first line is\n%s\nand not\n%s", head, in(x.head))
			}
			why, rest, _ := strings.Cut(rest, "\n")
			says(t, why, "  why:      ")
			for _, want := range x.why {
				says(t, why, in(want))
			}
			says(t, rest, "web-01  app.domain.com-3456  ✔ in", "web-02  app.domain.com-3456  ✔ in", "next:  ", "iis-canary report --config ")
			if x.head == turnedOff {
				says(t, rest, "mend the release, and deploy that as a package with a number of its own")
			} else {
				says(t, rest, "mend what stands under why, then deploy the same package again")
			}
			w.serves(rehearsal.OldSlot)
		})
	}
}
