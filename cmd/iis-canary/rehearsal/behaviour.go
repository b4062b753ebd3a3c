package rehearsal

import (
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

// errorRate is the share of 5xx answers of a bad release; lateFrom is how many servers must run it for the late kind. slower is a factor:
// a machine that is busy with other things makes what is measured of the old release three times as long now and then.
const (
	errorRate = 0.05
	lateFrom  = 3
	slower    = 5
)

// behaviour is how a server's releases behave: as their packages say, and worse under the faults that are on.
func (f *Fleet) behaviour(server string) func(iistest.BehaveRequest) iistest.Behaviour {
	return func(r iistest.BehaveRequest) iistest.Behaviour {
		if !f.board.strikes(r.Slot) {
			return r.Packaged
		}
		b, running := r.Packaged, f.release.note(server)
		if b.Spared == nil {
			b.Spared = []string{healthURL}
		}
		b.Crash = b.Crash || f.board.has("crash")
		b.NeverWarm = b.NeverWarm || f.board.has("cold")
		if f.board.has("slow") {
			b.Slower = slower
		}
		if f.board.has("errors") || f.board.has("revert-stuck") || f.board.has("errors-late") && running >= lateFrom {
			b.ErrorRate = max(b.ErrorRate, errorRate)
		}
		return b
	}
}

// Begin switches on the faults that hit the roll rather than the release. It is called when the roll begins.
func (f *Fleet) Begin() {
	for _, name := range f.options.Faults {
		f.hit(name)
	}
}

// hit switches on what a fault does to the peers. Faults of the release itself do nothing here.
func (f *Fleet) hit(name string) {
	switch name {
	case "no-logs":
		f.shipper.Pause(true)
	case "late-logs":
		f.shipper.SetDelay(f.options.scaled(lateShipDelay))
	case "throttle":
		f.Balancer.Throttle(throttleAfter, throttleBurst)
	case "revert-stuck":
		for _, slot := range f.Servers[0].Truth().Running {
			f.Servers[0].RefuseStart(slot)
		}
	}
	if strike := f.winrmFaults()[name]; strike != nil {
		for _, s := range f.Servers {
			strike(s)
		}
	}
}

// Strike switches a fault on at once: from now on every release that no server runs at this moment is the new one. The error
// names the faults that there are.
func (f *Fleet) Strike(name string) error {
	if err := CheckFaults([]string{name}); err != nil {
		return err
	}
	if name == "none" {
		f.Mend()
		return nil
	}
	var sound []string
	for _, s := range f.Servers {
		sound = append(sound, s.Truth().Running...)
	}
	f.board.on(name, sound)
	f.hit(name)
	return nil
}

// Mend switches every fault off.
func (f *Fleet) Mend() {
	f.board.off()
	f.shipper.Pause(false)
	f.shipper.SetDelay(f.options.scaled(shipDelay))
	f.Balancer.Throttle(0, 0)
	for _, s := range f.Servers {
		s.MendWinRM()
		s.AllowStarts()
	}
}

// After every throttleAfter calls, throttleBurst are throttled in a row.
const (
	throttleAfter = 8
	throttleBurst = 3
)
