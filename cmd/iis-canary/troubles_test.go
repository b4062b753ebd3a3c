package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
)

// The 25 troubles that people report of IIS most, and some more, are met in four ways: told before the first change, told of a run that
// they break, overcome by a run, or found in a standing fleet. Each test is called as the trouble's conformance vector in
// iis/agent/testdata is.

func TestEachOfThe25TroublesHasATest(t *testing.T) {
	var met []string
	for _, x := range foreseen() {
		met = append(met, x.name)
	}
	for _, x := range breakages() {
		met = append(met, x.name)
	}
	for _, x := range overcome() {
		met = append(met, x.name)
	}
	for _, x := range states() {
		met = append(met, x.name)
	}
	for number := 1; number <= 25; number++ {
		prefix := fmt.Sprintf("%02d-", number)
		if !slices.ContainsFunc(met, func(name string) bool { return strings.HasPrefix(name, prefix) }) {
			t.Errorf("nobody meets trouble %d", number)
		}
	}
	for _, name := range met {
		if !exists(filepath.Join("../../iis/agent/testdata", name+".json")) {
			t.Errorf("%s is the name of no conformance vector", name)
		}
	}
}

// ward is a fleet that troubles come over.
type ward struct {
	*scene
	number int // of the newest slot
}

// admitted puts up a fleet whose agents give up 30 times as fast as on Windows.
func admitted(t *testing.T, servers int) *ward {
	t.Helper()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: servers, Speed: 2 * fleetSpeed, Traffic: fleetTraffic, Dir: t.TempDir(), Patience: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return &ward{scene: &scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}, number: 4000}
}

// next readies the ward for another trouble: well, with a configuration and a package as they were.
func (w *ward) next(t *testing.T) *ward {
	w.number++
	f := w.fleet
	w.scene = &scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}
	w.args = []string{"--slot", fmt.Sprint(w.number)}
	w.edit("under: 200ms", "under: 2s") // here other tests share the processors, and what is met is no slow release
	t.Cleanup(func() {
		for _, s := range f.Servers {
			s.ClearTraps()
			s.AllowStarts()
			s.SetTrouble(iistest.Trouble{})
		}
	})
	return w
}

// slot is the newest slot's name.
func (w *ward) slot() string { return fmt.Sprintf("%s-%d", rehearsal.App, w.number) }

func (w *ward) canary() *iistest.Server { return w.fleet.Servers[0] }

// each does something to every server.
func (w *ward) each(do func(*iistest.Server)) {
	for _, s := range w.fleet.Servers {
		do(s)
	}
}

// trap sets a trap on the canary's new slot, for good.
func (w *ward) trap(call string, code uint32) {
	w.canary().SetTrap(iistest.Trap{Call: call, Slot: w.slot(), Code: code})
}

// typed enters a command that takes neither a package nor a slot.
func (w *ward) typed(words ...string) typed {
	w.t.Helper()
	return inside(append(words, "-c", w.config)...)
}

// serves demands that every server serves just this slot and is healthy, and that this is also what its boot flags say.
func (w *ward) serves(slot string) {
	w.t.Helper()
	until(w.t, "every server is healthy", func() bool { return w.fleet.Healthy() == len(w.fleet.Servers) })
	w.each(func(s *iistest.Server) {
		until(w.t, "every server is warm, and no worker of old lives", func() bool { truth := s.Truth(); return truth.Warm && truth.Lingering == 0 })
	})
	for i, s := range w.fleet.Servers {
		truth := s.Truth()
		if !slices.Equal(truth.Running, []string{slot}) || truth.Lease != nil {
			w.t.Errorf("web-%02d runs %v, lease %v; want %s", i+1, truth.Running, truth.Lease, slot)
		}
		for _, x := range truth.Slots {
			if boots := x.Name == slot; x.SiteBoot != boots || x.PoolBoot != boots {
				w.t.Errorf("web-%02d: %s starts at boot: site %t, pool %t", i+1, x.Name, x.SiteBoot, x.PoolBoot)
			}
		}
	}
}

// says demands that each of these texts is in another one.
func says(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, want := range wanted {
		if !strings.Contains(text, want) {
			t.Errorf("nobody says %q:\n%s", want, text)
		}
	}
}

// journal is the events of the newest run, as they were written.
func (w *ward) journal() string {
	w.t.Helper()
	files, err := filepath.Glob(filepath.Join(filepath.Dir(w.fleet.Config()), "state", rehearsal.App, "*.jsonl"))
	if err != nil || len(files) == 0 {
		w.t.Fatalf("no journal: %v", err)
	}
	text, err := os.ReadFile(slices.Max(files))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

func saysNot(t *testing.T, text string, unwanted ...string) {
	t.Helper()
	for _, words := range unwanted {
		if strings.Contains(text, words) {
			t.Errorf("somebody says %q:\n%s", words, text)
		}
	}
}
