package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
)

// patient is a server with a trouble that a run overcomes.
type patient struct {
	name string // of the trouble
	on   int    // which server
	ill  func(w *ward, s *iistest.Server)
	well func(t *testing.T, w *ward, s *iistest.Server, y typed) // what is demanded after the run, beside that the server serves
}

// oldest is a slot that the run is to tidy away.
const oldest = rehearsal.App + "-3401"

// snapping sets traps on a slot, or on whatever slot, and demands that they have snapped.
func snapping(name string, on int, slot func(*ward) string, times int, traps map[string]uint32) patient {
	return patient{name, on, func(w *ward, s *iistest.Server) {
		for call, code := range traps {
			s.SetTrap(iistest.Trap{Call: call, Slot: slot(w), Code: code, Times: times})
		}
	}, func(t *testing.T, _ *ward, s *iistest.Server, _ typed) {
		for call := range traps {
			if n := s.Snapped(call); n < times {
				t.Errorf("%s was refused %d times, and not %d", call, n, times)
			}
		}
	}}
}

func overcome() []patient {
	fresh, old := (*ward).slot, func(*ward) string { return rehearsal.OldSlot }
	any := func(*ward) string { return "" }
	return []patient{
		snapping("01-config-locked", 0, any, 3, map[string]uint32{"commit": 0x80070020}),
		{"02-file-has-changed-on-disk", 1, func(_ *ward, s *iistest.Server) { s.ConflictCommits(4) }, func(t *testing.T, _ *ward, s *iistest.Server, _ typed) {
			if n := s.Snapped("commit"); n != 4 {
				t.Errorf("%d commits met a rival's, and not 4", n)
			}
		}},
		snapping("03-state-unknown-after-create", 2, fresh, 3, map[string]uint32{"site.state": 0x800710D8, "pool.state": 0x800710D8}),
		snapping("04-cannot-accept-control-messages", 2, old, 3, map[string]uint32{"pool.stop": 0x80070425}),
		snapping("05-stop-of-a-stopped-pool", 1, old, 1, map[string]uint32{"pool.stop": 0x80070426}),
		snapping("06-object-identifier-not-valid", 3, fresh, 3, map[string]uint32{"pool.start": 0x800710D8, "site.start": 0x800710D8}),
		{"10-worker-outlives-the-site", 4, func(_ *ward, s *iistest.Server) { s.Outlive(rehearsal.OldSlot, 700*time.Millisecond) }, noWorkerOfOld},
		{"11-removed-site-takes-the-certificate", 5, func(_ *ward, s *iistest.Server) { s.LoseCertificate() }, func(t *testing.T, _ *ward, s *iistest.Server, y typed) {
			if truth := s.Truth(); !truth.Bound || has(truth, oldest) {
				t.Errorf("a certificate is on the port: %t; %s is there: %t", truth.Bound, oldest, has(truth, oldest))
			}
			says(t, y.err, "web-06: tidied, and to be known: the certificate of "+s.Binding()+" was lost with "+oldest+", and was put back")
		}},
		{"13-certificate-vanishes-later", 2, func(*ward, *iistest.Server) {}, lostCertificate},
		snapping("20-files-locked", 3, func(*ward) string { return oldest }, 3, map[string]uint32{"move": 0x80070020}),
		{"21-retention-spares-what-is-needed", 4, func(_ *ward, s *iistest.Server) { s.AddSite("intranet", `D:\sites\`+oldest+`\app`) },
			func(t *testing.T, _ *ward, s *iistest.Server, y typed) {
				if !has(s.Truth(), oldest) {
					t.Errorf("%s was removed under another site", oldest)
				}
				says(t, y.err, "web-05: tidied, and to be known: ", "site intranet has its folder there")
			}},
		{"22-worker-takes-its-time", 5, func(_ *ward, s *iistest.Server) { s.Outlive(rehearsal.OldSlot, 1200*time.Millisecond) }, noWorkerOfOld},
		{"23-preload-does-not-warm", 0, func(*ward, *iistest.Server) {}, warmedBeforeItServed},
		{"25-identity-cannot-be-translated", 0, func(*ward, *iistest.Server) {}, func(t *testing.T, w *ward, s *iistest.Server, _ typed) {
			truth := s.Truth()
			i := slices.IndexFunc(truth.Slots, func(x iistest.SlotTruth) bool { return x.Name == w.slot() })
			if i < 0 || !strings.HasPrefix(truth.Slots[i].Rights, "S-1-5-82-") {
				t.Errorf("the pool's account may not read its folder: %+v", truth.Slots)
			}
		}},
		{"n1-reused-site-id", 4, func(w *ward, s *iistest.Server) {
			if err := errors.Join(s.Install(w.slot(), "4001", map[string]string{"web.config": "<configuration/>"}), s.RemoveByHand(w.slot())); err != nil {
				w.t.Fatal(err)
			}
		}, func(t *testing.T, _ *ward, s *iistest.Server, _ typed) {
			if left := s.Truth().Residue; len(left) == 0 {
				t.Error("nothing of the removed site was left that a new one could have inherited")
			}
		}},
		{"n3-enforced-setting", 0, func(_ *ward, s *iistest.Server) { s.Enforce("processModel.idleTimeout", "00:20:00") },
			func(t *testing.T, w *ward, _ *iistest.Server, y typed) {
				says(t, y.err, "web-01: "+w.slot()+" was created, and processModel.idleTimeout is 00:20:00, not 00:00:00 as it was set: another tool may enforce it")
			}},
	}
}

func has(truth iistest.Truth, slot string) bool {
	return slices.ContainsFunc(truth.Slots, func(x iistest.SlotTruth) bool { return x.Name == slot })
}

// noWorkerOfOld demands that the new slot was not asked to start while a worker of the old one lived: the stop takes as long.
func noWorkerOfOld(t *testing.T, w *ward, s *iistest.Server, _ typed) {
	at := func(op string) time.Time {
		calls := s.Calls()
		i := slices.IndexFunc(calls, func(c iistest.Call) bool { return c.Op == op && c.Error == "" })
		if i < 0 {
			t.Fatalf("nobody asked for a %s", op)
		}
		return calls[i].At
	}
	var began time.Time // of the stop: just after the lease of the whole run is the nearest that the books tell
	for _, c := range s.Calls() {
		if c.Op == "requests" {
			began = c.At
		}
		if c.Op == "stop" {
			break
		}
	}
	if took := at("stop").Sub(began); took < 600*time.Millisecond {
		t.Errorf("the stop took %s, less than the worker lived on", took)
	}
	if at("start").Before(at("stop")) {
		t.Error("the new slot was started before the old one had gone")
	}
	if s.Truth().Lingering != 0 {
		t.Error("a worker lives on")
	}
}

// lostCertificate takes it off the port long after the run: the balancer sees that, and the survey says what it is.
func lostCertificate(t *testing.T, w *ward, s *iistest.Server, _ typed) {
	s.Unbind()
	t.Cleanup(s.Bind)
	until(t, "the balancer has noticed", func() bool { return w.fleet.Healthy() < len(w.fleet.Servers) })
	y := w.typed("status", "--detailed-exitcode").must(t, int(exitChanges))
	says(t, y.out, "web-03", "unhealthy", "no certificate hangs on *:", "bind it again in IIS; event 15300 of HttpEvent in the System log tells when it went")
	says(t, rowsOf(w.enter("doctor").must(t, int(exitPreflight)).out, checkKept), "web-03 no certificate hangs on *:", " any more, it was ")
}

// warmedBeforeItServed demands that the first requests were ours: the health check is green over a cold application.
func warmedBeforeItServed(t *testing.T, w *ward, _ *iistest.Server, _ typed) {
	journal := w.journal()
	warm, admit := strings.Index(journal, `"wave1/web-01/warm"`), strings.Index(journal, `"step":"wave1/web-01/admit"`)
	if warm < 0 || admit < warm {
		t.Fatalf("no warm-up before the admission:\n%s", journal)
	}
	says(t, journal[warm:admit], "6 requests under 2s, slowest ", "in series ")
}

// TestTroublesAreOvercomeByARun rolls one fleet on which every server has a trouble or two, all of which pass.
func TestTroublesAreOvercomeByARun(t *testing.T) {
	t.Parallel()
	all := overcome()
	last := slices.MaxFunc(all, func(a, b patient) int { return cmp.Compare(a.on, b.on) })
	w := admitted(t, last.on+1).next(t)
	w.edit("waves: each, min_healthy: 60%", "waves: [1, 100%], parallel: 5, min_healthy: 10%", "  keep: 2\n", "  keep: 0\n")
	w.each(func(s *iistest.Server) {
		if err := s.Install(oldest, "3401", map[string]string{"web.config": "<configuration/>"}); err != nil {
			t.Fatal(err)
		}
	})
	for _, x := range all {
		x.ill(w, w.fleet.Servers[x.on])
	}
	y := w.enter("deploy", "--yes").must(t, 0)
	says(t, y.out, fmt.Sprintf("✔ deployed: %s runs on %d of %d servers", w.slot(), last.on+1, last.on+1))
	for line := range strings.Lines(y.err) {
		spared := strings.Contains(line, "broke  tidy web-05: ") && strings.Contains(line, oldest+" could not be removed now; the next run tries again")
		if strings.ContainsAny(line, "✖⚠") && !spared {
			t.Errorf("not all went well: %s", line)
		}
	}
	w.serves(w.slot())
	for _, x := range all {
		t.Run(x.name, func(t *testing.T) { x.well(t, w, w.fleet.Servers[x.on], y) })
	}
}
