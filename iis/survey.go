package iis

import (
	"context"
	"fmt"
	"time"

	"iiscanary/canary"
	"iiscanary/iis/agent"
)

// Hello is what a server is.
type Hello struct {
	Machine       string
	OS            string
	IIS           string
	PowerShell    string
	LanguageMode  string // FullLanguage is needed
	Elevated      bool   // the account has administrator rights over the network
	Account       string
	ClockOff      time.Duration // the server's clock minus ours
	DiskFree      int64         // bytes, on the root folder's disk
	Services      map[string]string
	PendingReboot bool
}

// Survey is what is on a server.
type Survey struct {
	At       time.Time // by our clock
	ClockOff time.Duration
	DiskFree int64
	Slots    []canary.Slot
	Bindings map[string][]string // by slot
	Lease    *Lease              // nil: nobody holds one
	Runs     []string            // runs that left notes
}

// Hello asks a server what it is.
func (f *Fleet) Hello(ctx context.Context, server string) (Hello, error) {
	var r agent.HelloResult
	began, ended, err := f.timed(ctx, server, "hello", &r)
	if err != nil {
		return Hello{}, err
	}
	return Hello{
		Machine: r.Machine, OS: r.OS, IIS: r.IIS, PowerShell: r.PowerShell, LanguageMode: r.LanguageMode,
		Elevated: r.Elevated, Account: r.Account, ClockOff: clockOff(r.Clock, began, ended), DiskFree: r.DiskFree,
		Services: r.Services, PendingReboot: r.PendingReboot,
	}, nil
}

// Survey reads slots, lease, clock and disk in one round trip.
func (f *Fleet) Survey(ctx context.Context, server string) (Survey, error) {
	var r agent.SurveyResult
	began, ended, err := f.timed(ctx, server, "survey", &r)
	if err != nil {
		return Survey{}, err
	}
	s := Survey{At: ended, ClockOff: clockOff(r.Clock, began, ended), DiskFree: r.DiskFree, Runs: r.Runs, Bindings: map[string][]string{}}
	for _, slot := range r.Slots {
		s.Slots = append(s.Slots, slotOf(slot))
		s.Bindings[slot.Name] = slot.Bindings
	}
	if r.Lease != nil {
		l := leaseOf(server, r.Lease)
		s.Lease = &l
	}
	return s, nil
}

// timed opens the connection first, so that the two times stand close around the answer.
func (f *Fleet) timed(ctx context.Context, server, op string, out any) (began, ended time.Time, err error) {
	args := agent.AppArgs{App: f.options.App, Root: f.options.Root}
	if h, known := f.servers[server]; known && f.problem == nil {
		if err := h.channel.connect(ctx, f.timeouts.Query); err != nil {
			return began, ended, err
		}
	}
	began = time.Now()
	err = f.query(ctx, server, op, args, out)
	return began, time.Now(), err
}

// clockOff takes the middle between question and answer as our time, as NTP does.
func clockOff(theirs, began, ended time.Time) time.Duration {
	return theirs.Sub(began.Add(ended.Sub(began) / 2))
}

// Slots reads every slot of the app.
func (f *Fleet) Slots(ctx context.Context, server string) ([]canary.Slot, error) {
	var r agent.SurveyResult
	if err := f.query(ctx, server, "survey", agent.AppArgs{App: f.options.App, Root: f.options.Root}, &r); err != nil {
		return nil, err
	}
	slots := make([]canary.Slot, len(r.Slots))
	for i, s := range r.Slots {
		slots[i] = slotOf(s)
	}
	return slots, nil
}

func (f *Fleet) slot(ctx context.Context, server, name string) (canary.Slot, error) {
	slots, err := f.Slots(ctx, server)
	if err != nil {
		return canary.Slot{}, err
	}
	for _, s := range slots {
		if s.Name == name {
			return s, nil
		}
	}
	return canary.Slot{}, fmt.Errorf("%s: slot %s is not there", server, name)
}

func slotOf(s agent.Slot) canary.Slot {
	out := canary.Slot{
		Name: s.Name, Site: stateOf(s.Site), Pool: stateOf(s.Pool), SiteBoot: s.SiteBoot, PoolBoot: s.PoolBoot,
		Path: s.Path, Digest: s.Digest, Version: s.Version,
	}
	for _, w := range s.Workers {
		out.Workers = append(out.Workers, w.PID)
	}
	return out
}

// stateOf reads a word that it does not know as unknown, which counts as alive.
func stateOf(word string) canary.SlotState {
	switch s := canary.SlotState(word); s {
	case canary.Starting, canary.Started, canary.Stopping, canary.Stopped, canary.Absent:
		return s
	}
	return canary.Unknown
}
