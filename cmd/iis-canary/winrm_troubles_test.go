package main

import (
	"crypto/x509"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// staying is, for each trouble of WinRM that may not pass, a way into it for as long as it takes. Those without one cannot be told
// from another at the command line, or are told elsewhere.
func staying() map[string]func(*iistest.Server) {
	fault := func(action string, code uint32) func(*iistest.Server) {
		return func(s *iistest.Server) { s.Fail(iistest.Failure{Action: action, Code: code}) }
	}
	status := func(code int) func(*iistest.Server) {
		return func(s *iistest.Server) { s.Fail(iistest.Failure{Status: code}) }
	}
	ends := func(code int, words string) func(*iistest.Server) {
		return func(s *iistest.Server) { s.KillStarting(code, words, 100) }
	}
	return map[string]func(*iistest.Server){
		"outcome-unknown":     fault("Create", 2150858793),
		"shell-gone":          fault("Command", 2150858843),
		"aborted":             fault("Receive", 995),
		"shutting-down":       fault("Create", 1115),
		"process-gone":        fault("Send", 232),
		"profile-unloading":   fault("Create", 2147943418),
		"too-many-shells":     func(s *iistest.Server) { s.Crowd(30, 0, time.Minute) },
		"too-many-operations": func(s *iistest.Server) { s.Crowd(1, 1500, time.Minute) },
		"quota":               fault("Create", 2150859176),
		"too-large":           func(s *iistest.Server) { s.SetLimits(iistest.Limits{EnvelopeKB: 4}) },
		"shells-off":          fault("Create", 2150859180),
		"access-denied":       fault("Create", 5),
		"no-such-program":     fault("Command", 2147942402),
		"command-too-long":    fault("Command", 2147942606),
		"not-understood":      fault("Create", 2150858753),
		"garbled":             func(s *iistest.Server) { s.Fail(iistest.Failure{Spoilt: iistest.Cut}) },
		"not-soap":            func(s *iistest.Server) { s.Fail(iistest.Failure{Spoilt: iistest.Page}) },
		"connection-lost":     func(s *iistest.Server) { s.Drop(1) },
		"login-refused":       func(s *iistest.Server) { s.LockAccount(true) },
		"forbidden":           status(403),
		"not-winrm":           status(404),
		"unread":              status(400),
		"not-ready":           func(s *iistest.Server) { s.RestartWinRM(time.Minute) },

		"constrained-language": ends(1, "Method invocation is supported only on core types in this language mode."),
		"blocked":              ends(1, "This script contains malicious content and has been blocked by your antivirus software."),
		"no-powershell":        ends(9009, ""),
		"out-of-memory":        ends(-2147024882, "System.OutOfMemoryException"),
		"desktop-heap":         ends(-1073741502, ""),
		"crashed":              ends(0xC0000005, ""),
		"interrupted":          ends(-1073741510, ""),
	}
}

// toldElsewhere is why a trouble has no way here.
func toldElsewhere() map[string]string {
	return map[string]string{
		"poll-over":   "it is none",
		"filtered":    "TestAPortWithoutAnAnswerIsToldFromAClosedOne: nothing answers for as long as a connection may take",
		"refused":     "TestEveryCheckIsMadeBeforeTheFirstChange/port-open",
		"certificate": "TestEveryCheckIsMadeBeforeTheFirstChange/tls-trusted",
		"no-tls":      "TestEveryCheckIsMadeBeforeTheFirstChange/tls-trusted",
		"tls-version": "a peer of Go's own cannot be made to look like Windows here; see iis/winrm",
		"silent":      "fault-winrm-silent: half a minute",
		"out-of-step": "only a sealed connection can be; see iis/winrm",
		"no-ticket":   "a fleet with Kerberos only; see iis/winrm",
		"no-kdc":      "a fleet with Kerberos only; see iis/winrm",
		"downgrade":   "only a peer that is no WinRM; see iis/winrm",
		"input-taken": "TestThePreflightAsAWhole/agent-runs: it is a warning",
	}
}

// TestEveryTroubleOfWinRMIsToldBeforeTheFirstChange puts the second of two servers into each, one after the other.
func TestEveryTroubleOfWinRMIsToldBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	f := standing(t)
	rows := slices.Concat(winrm.Troubles(), iis.Endings())
	for name := range staying() {
		if !slices.ContainsFunc(rows, func(d winrm.Diagnosis) bool { return d.Name == name }) {
			t.Errorf("there is no trouble called %s", name)
		}
	}
	for _, row := range rows {
		into, known := staying()[row.Name]
		if !known {
			if toldElsewhere()[row.Name] == "" {
				t.Errorf("nobody puts a fleet into the trouble %s", row.Name)
			}
			continue
		}
		t.Run(row.Name, func(t *testing.T) {
			(&scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}).tells(row, into)
		})
	}
	nothingIsLeft(t, f)
}

// tells demands that a trouble stands in the way, with its advice, and that nothing is changed.
func (s *scene) tells(row winrm.Diagnosis, into func(*iistest.Server)) {
	into(s.fleet.Servers[1])
	defer s.fleet.Mend()
	before := s.touched()
	y := s.enter("plan").must(s.t, 7)
	said := rowsOf(y.err, checkWinRM) + rowsOf(y.err, checkAgent) + rowsOf(y.err, checkPassword)
	if !strings.Contains(said, "web-02") || strings.Contains(said, "web-01") || !strings.Contains(said, row.Advice) {
		s.t.Errorf("of web-02 it is not said that %q:\n%s", row.Advice, y.err)
	}
	for _, want := range []string{"1 thing stands in the way before the first change", "do: ", "now:   nothing was touched", "next:  ", "type the same line again"} {
		if !strings.Contains(y.err, want) {
			s.t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
	if password := s.read("winrm_password"); strings.Contains(y.err+y.out, password) {
		s.t.Error("the password is told")
	}
	if n := s.touched() - before; n != 0 {
		s.t.Errorf("%d changes were made", n)
	}
}

// TestDoctorExplainsAServerWhoseAgentStaysSilent waits less long for the first word than the program does.
func TestDoctorExplainsAServerWhoseAgentStaysSilent(t *testing.T) {
	t.Parallel()
	f := standing(t)
	server := f.Servers[1]
	server.SetTrouble(iistest.Trouble{Deaf: true})
	s := &scene{t: t, fleet: f}
	ca, err := os.ReadFile(f.Config()[:strings.LastIndexByte(f.Config(), os.PathSeparator)+1] + "ca.pem")
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(ca)
	var said []string
	hosts := iis.NewFleet(iis.Options{App: rehearsal.App, Root: `D:\sites`, Runtime: "v4.0", Timeouts: iis.Timeouts{Hello: 300 * time.Millisecond},
		Notify: func(text string) { said = append(said, text) }, Endpoints: []iis.Endpoint{{Server: "web-02", Host: server.Address(), Port: server.WinRMPort(),
			HTTPS: true, User: s.read("winrm_user"), Password: iis.Secret(s.read("winrm_password")), CAs: pool}}})
	t.Cleanup(func() { _ = hosts.Close() })
	pf := &preflight{board: &board{}, ses: &session{hosts: hosts}}
	if _, in := pf.enter(t.Context(), "web-02"); !in {
		t.Fatalf("found %+v", pf.findings)
	}
	last := pf.findings[len(pf.findings)-1]
	want := finding{check: checkAgent, server: "web-02", state: warned,
		what: "the agent's process runs and says nothing on its output for 300ms; each operation gets a process of its own, which is slower",
		do:   "look for a product that guards or records PowerShell on the server and holds its streams back; servers.winrm.channel: oneshot spares the trial at each start"}
	if last.what != want.what || last.do != want.do || last.state != warned || last.check != checkAgent || len(said) != 1 {
		t.Errorf("found %+v, said %q", last, said)
	}
}
