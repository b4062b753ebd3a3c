package iistest

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"
	"time"
)

// Trouble is what is wrong with the machine and its account, until it is set anew. The zero value is a good machine.
type Trouble struct {
	// NotElevated makes the account's token a filtered one: whatever needs an administrator is refused.
	NotElevated bool
	// NoIIS takes IIS and its management library away: the agent cannot be compiled.
	NoIIS bool
	// Halted stops the services WAS and W3SVC as the survey sees them: no state can be read and nothing starts. Sites go on
	// answering.
	Halted bool
	// Resetting lets WAS and W3SVC be on their way up, as during iisreset: no state can be read and nothing starts, but they are not
	// stopped either.
	Resetting bool
	// Garbled makes applicationHost.config unreadable: no operation on IIS can tell anything.
	Garbled bool
	// Constrained runs PowerShell in constrained language: the loader cannot begin.
	Constrained bool
	// Deaf lets nothing through on the raw streams of a process that lives on, as some products do that guard a machine.
	Deaf bool
	// Starved gives the process that lives on nothing to read: something else has read its standard input.
	Starved bool
	// Chatter is what something else writes to the standard output of every PowerShell that lives on, before the agent does.
	Chatter string
	// Malware is what an antivirus product takes the loaders for.
	Malware bool
	// NoCertificate empties the machine's store of certificates. The one on the port stays.
	NoCertificate bool
	// PortCertificate is the thumbprint of another certificate that the site's port has already. Empty: it has none, or the one of the
	// store.
	PortCertificate string
	// OtherPorts is the thumbprint of the certificate on every port but the site's. Empty: the same as on that.
	OtherPorts string
	// Store is the store that the certificate of the site's port is in. Empty: MY.
	Store string
	// Password replaces that of Config: somebody has changed it. Empty: not.
	Password string
	// Clock is how far the machine's clock is ahead, or behind where it is negative.
	Clock time.Duration
	// PendingReboot says that Windows waits for a restart.
	PendingReboot bool
	// StartType is when WAS and W3SVC start: "manual" or "disabled". Empty: automatic.
	StartType string
	// SharedConfig makes the configuration of IIS one that other servers share.
	SharedConfig bool
	// Process32 runs the agent in a 32-bit process, as a 32-bit host of PowerShell does.
	Process32 bool
	// Framework is the release number of .NET Framework 4. 0: that of 4.8.
	Framework int
	// Locked are sections that a web.config may not say beside those that IIS locks by itself, such as "system.webServer/handlers".
	Locked []string
	// MaxTLS is the latest version of TLS that the WinRM listener speaks, such as tls.VersionTLS11, which it takes then; 0: 1.2 and 1.3.
	MaxTLS uint16
	// Listener is the certificate that the WinRM listener shows instead of Config's.
	Listener *tls.Certificate
}

// down says that WAS cannot be asked.
func (t Trouble) down() bool { return t.Halted || t.Resetting }

// trouble is the present one.
type trouble struct {
	mu  sync.Mutex
	now Trouble
}

func (t *trouble) read() Trouble {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.now
}

// SetTrouble replaces what is wrong from the next connection, process or operation on.
func (s *Server) SetTrouble(t Trouble) {
	s.trouble.mu.Lock()
	defer s.trouble.mu.Unlock()
	s.trouble.now = t
}

// SetDiskFree sets the free bytes of the disk.
func (s *Server) SetDiskFree(bytes int64) {
	s.store.mu.Lock()
	defer s.store.mu.Unlock()
	s.store.free = bytes
}

// CloseWinRM closes the ports of WinRM and resets its connections; OpenWinRM opens them again.
func (s *Server) CloseWinRM() error {
	defer s.winrm.reset()
	return s.winrm.hangUp()
}

// OpenWinRM opens the ports that CloseWinRM closed.
func (s *Server) OpenWinRM() error {
	if err := s.winrm.listen(); err != nil {
		return fmt.Errorf("open WinRM again: %w", err)
	}
	return nil
}

// Halt stops an installed slot, site and pool, past the agent; its boot flags stay.
func (s *Server) Halt(slot string) error {
	return s.byHand(slot, func(m *machine, one *site) { m.stopSite(one); m.stopPool(one) },
		func(one *site) bool { return one.site == stopped && one.pool == stopped && one.worker == nil })
}

// Offline stops the pool of an installed slot and not its site, past the agent: http.sys then answers for it.
func (s *Server) Offline(slot string) error {
	return s.byHand(slot, (*machine).stopPool, func(one *site) bool { return one.pool == stopped })
}

// StartPool starts the pool of an installed slot and not its site, past the agent.
func (s *Server) StartPool(slot string) error {
	return s.byHand(slot, (*machine).startPool, func(one *site) bool { return one.pool == started })
}

// byHand does something to an installed slot and waits until that shows.
func (s *Server) byHand(slot string, do func(*machine, *site), done func(*site) bool) error {
	m := s.machine
	m.mu.Lock()
	one := m.sites[slot]
	if one == nil {
		m.mu.Unlock()
		return fmt.Errorf("there is no site %s", slot)
	}
	do(m, one)
	m.mu.Unlock()
	if !m.await(context.Background(), s.config.Patience, func() bool { return done(one) }) {
		return fmt.Errorf("site and pool of %s do not do as they were told", slot)
	}
	return nil
}

// clock is the machine's own time.
func (s *Server) clock() time.Time { return time.Now().Add(s.trouble.read().Clock).UTC() }

// garbled is what a reader of a broken configuration is told.
const garbled = `Filename: \\?\C:\Windows\system32\inetsrv\config\applicationHost.config Line number: 412 Error: Configuration file is not well-formed XML`

// hindered is why the machine cannot run an operation at all; nil: it can. To say what it is needs no rights.
func (s *Server) hindered(op string) *refusal {
	t := s.trouble.read()
	if t.NotElevated && op != "hello" {
		return ruleOf("", accessDenied).refusal(accessDenied, "UnauthorizedAccessException: Filename: redirection.config Error: Cannot read configuration file due to insufficient permissions")
	}
	if t.Garbled && (op == "survey" || op == "sections" || op == "create" || op == "start" || op == "stop" || op == "own" || op == "prune") {
		r := ruleOf("", invalidData).refusal(invalidData, "COMException: "+garbled)
		return r
	}
	return nil
}
