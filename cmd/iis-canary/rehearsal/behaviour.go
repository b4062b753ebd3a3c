package rehearsal

import (
	"slices"
	"sync"
	"time"

	"iiscanary/iis/iistest"
)

// releaseClock knows which servers run the new release: those whose new slot was asked for something lately.
type releaseClock struct {
	mu   sync.Mutex
	seen map[string]time.Time
}

func newReleaseClock() *releaseClock { return &releaseClock{seen: map[string]time.Time{}} }

// lately is longer than the time between two health checks at any speed.
const lately = 15 * time.Second

// note says that a server's new slot works on a request, and returns how many servers run it.
func (c *releaseClock) note(server string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := time.Now()
	c.seen[server] = now
	n := 0
	for _, t := range c.seen {
		if now.Sub(t) < lately {
			n++
		}
	}
	return n
}

// errorRate is the share of 5xx answers of a bad release; lateFrom is how many servers must run it for the late kind.
const (
	errorRate = 0.05
	lateFrom  = 3
)

// behaviour is how a server's releases behave under the faults of this rehearsal.
func (f *Fleet) behaviour(server string) func(iistest.BehaveRequest) iistest.Behaviour {
	has := func(name string) bool { return slices.Contains(f.options.Faults, name) }
	errors, late := has("errors") || has("revert-stuck"), has("errors-late")
	bad := iistest.Behaviour{Crash: has("crash"), NeverWarm: has("cold"), Spared: []string{healthURL}}
	if has("slow") {
		bad.Slower = 3
	}
	return func(r iistest.BehaveRequest) iistest.Behaviour {
		if r.Slot != NewSlot {
			return iistest.Behaviour{}
		}
		running := f.release.note(server)
		b := bad
		if errors || late && running >= lateFrom {
			b.ErrorRate = errorRate
		}
		return b
	}
}

// Begin switches on the faults that hit the roll rather than the release. It is called when the roll begins.
func (f *Fleet) Begin() {
	for _, name := range f.options.Faults {
		switch name {
		case "no-logs":
			f.shipper.Pause(true)
		case "late-logs":
			f.shipper.SetDelay(f.options.scaled(lateShipDelay))
		case "throttle":
			f.Balancer.Throttle(throttleAfter, throttleBurst)
		case "winrm-drop":
			for _, s := range f.Servers {
				s.Drop(dropEvery)
			}
		case "revert-stuck":
			f.Servers[0].RefuseStart(OldSlot)
		}
	}
}

// After every throttleAfter calls, throttleBurst are throttled in a row; every dropEvery-th WinRM request is reset.
const (
	throttleAfter = 8
	throttleBurst = 3
	dropEvery     = 23
)
