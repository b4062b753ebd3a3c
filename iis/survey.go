package iis

import (
	"context"
	"fmt"
	"slices"
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
	DiskFree      int64         // bytes, on the root folder's disk; 0: no such disk, -1: cannot be told
	Services      map[string]string
	PendingReboot bool

	StartTypes   map[string]string // of the services: automatic, manual or disabled
	Bits, OSBits int               // of the agent's process, and of the system
	SharedConfig *bool             // what is configured here appears on other servers, too; nil: cannot be told
	Framework    int               // release number of .NET Framework 4; 0: none
	Modules      map[string]bool   // app_init, request_monitor, rewrite, websockets, ancm
	Runtimes     []string          // versions of the shared runtime of ASP.NET Core
}

// Delegation is what a server's configuration of IIS lets a web.config say.
type Delegation struct {
	Sections map[string]bool // below system.webServer, by their paths: whether a web.config may not say it
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

	Listeners    []Listener        // on the ports of [Options.Bindings]; http.sys is process 4
	Certificates []PortCertificate // of those ports
	Legacy       []string          // places in applicationHost.config with values that take certificates off ports some day
}

// Listener is a program that listens on a port.
type Listener = agent.Listener

// PortCertificate is the thumbprints of what hangs on a port, and of what did when a slot was proven last; empty: nothing, or none was.
type PortCertificate = agent.PortCertificate

// httpSys is the process that Windows' own HTTP listener has.
const httpSys = 4

// Squatters are the programs that have a port of the app to themselves, so that IIS cannot listen there.
func (s Survey) Squatters() []Listener {
	var out []Listener
	for _, l := range s.Listeners {
		shared := slices.ContainsFunc(s.Listeners, func(x Listener) bool { return x.PID == httpSys && x.Port == l.Port })
		if l.PID != httpSys && !shared {
			out = append(out, l)
		}
	}
	return out
}

// Reach resolves the server's name, connects and makes the TLS handshake, without logging in. Its errors are those of
// [winrm.Client.Reach].
func (f *Fleet) Reach(ctx context.Context, server string) error {
	if f.problem != nil {
		return f.problem
	}
	h, err := f.host(server)
	if err != nil {
		return err
	}
	return h.client.Reach(ctx)
}

// knocks is how many connections a first greeting may use: a server that cannot be reached is said soon.
const knocks = 2

// Enter logs in and asks a server what it is, with two connections at most. A login that one server refused is not tried on the
// next: *[UntriedError].
func (f *Fleet) Enter(ctx context.Context, server string) (Hello, error) {
	return f.greet(ctx, server, knocks)
}

// Chosen is a certificate of a server's own store.
type Chosen struct {
	Thumbprint string
	Subject    string
	NotAfter   time.Time
}

// FindCertificate finds the certificate that new slots on this server would get. It is false when [Options.Certificate] asks for none.
func (f *Fleet) FindCertificate(ctx context.Context, server string) (Chosen, bool, error) {
	o := f.options
	if o.Certificate == (Certificate{}) {
		return Chosen{}, false, nil
	}
	var r agent.CertificateResult
	args := agent.CertificateArgs{App: o.App, Subject: o.Certificate.Subject, Thumbprint: o.Certificate.Thumbprint, Bindings: o.Bindings}
	if err := f.query(ctx, server, "certificate", args, &r); err != nil {
		return Chosen{}, false, err
	}
	return Chosen(r), true, nil
}

// Hello asks a server what it is.
func (f *Fleet) Hello(ctx context.Context, server string) (Hello, error) {
	return f.greet(ctx, server, 0)
}

func (f *Fleet) greet(ctx context.Context, server string, tries int) (Hello, error) {
	var r agent.HelloResult
	began, ended, err := f.timed(ctx, server, "hello", tries, &r)
	if err != nil {
		return Hello{}, err
	}
	return Hello{
		Machine: r.Machine, OS: r.OS, IIS: r.IIS, PowerShell: r.PowerShell, LanguageMode: r.LanguageMode,
		Elevated: r.Elevated, Account: r.Account, ClockOff: clockOff(r.Clock, began, ended), DiskFree: r.DiskFree,
		Services: r.Services, PendingReboot: r.PendingReboot, StartTypes: r.StartTypes, Bits: r.Bits, OSBits: r.OSBits,
		SharedConfig: r.SharedConfig, Framework: r.Framework, Modules: r.Modules, Runtimes: r.Runtimes,
	}, nil
}

// Delegation reads what the server's configuration of IIS declares and locks.
func (f *Fleet) Delegation(ctx context.Context, server string) (Delegation, error) {
	var r agent.SectionsResult
	if err := f.query(ctx, server, "sections", agent.AppArgs{App: f.options.App}, &r); err != nil {
		return Delegation{}, err
	}
	d := Delegation{Sections: make(map[string]bool, len(r.Sections))}
	for _, s := range r.Sections {
		d.Sections[s.Name] = s.Locked
	}
	return d, nil
}

// Survey reads slots, lease, clock, disk and the app's ports in one round trip.
func (f *Fleet) Survey(ctx context.Context, server string) (Survey, error) {
	var r agent.SurveyResult
	began, ended, err := f.timed(ctx, server, "survey", 0, &r)
	if err != nil {
		return Survey{}, err
	}
	s := Survey{Listeners: r.Listeners, Certificates: r.Certificates, Legacy: r.Legacy, At: ended, ClockOff: clockOff(r.Clock, began, ended), DiskFree: r.DiskFree, Runs: r.Runs, Bindings: map[string][]string{}}
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
func (f *Fleet) timed(ctx context.Context, server, name string, tries int, out any) (began, ended time.Time, err error) {
	op := operation{limit: f.timeouts.Query, tries: tries}
	if err := f.run(ctx, server, op, nil); err != nil {
		return began, ended, err
	}
	op.name, op.args = name, agent.SurveyArgs{App: f.options.App, Root: f.options.Root, Bindings: f.options.Bindings}
	began = time.Now()
	err = f.run(ctx, server, op, out)
	ended = time.Now()
	if h, known := f.servers[server]; known && h.way.slow.Load() {
		began = ended // most of the time went by before the agent ran
	}
	return began, ended, err
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
