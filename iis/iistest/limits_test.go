package iistest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestAPendingReceiveKeepsAShellUnlessThePolicySaysOtherwise(t *testing.T) {
	s := serve(t, func(c *Config) { c.IdleFloor = 20 * time.Millisecond })
	c := connect(t, s)
	s.SetLimits(Limits{Idle: 30 * time.Millisecond})
	c.timeout = "PT10S"
	if a := c.receive(c.shell, c.process); a.code() != "995" && a.code() != "2150858843" {
		t.Errorf("a Receive on an idle shell: %s", a.text)
	}
	if n := s.Truth().Shells; n != 0 {
		t.Errorf("%d shells are open", n)
	}
	s.SetLimits(Limits{})
	c = connect(t, s)
	c.timeout = "PT0.5S"
	if a := c.receive(c.shell, c.process); a.code() != "2150858793" {
		t.Errorf("a Receive on a shell in use: %s", a.text)
	}
}

func TestLimitsReplaceThoseOfTheConfigurationAndAreTakenBack(t *testing.T) {
	s := serve(t, nil)
	c := newSOAP(t, s)
	shell := c.create()
	s.SetLimits(Limits{Shells: 1, Operations: 1, EnvelopeKB: 8})
	if a := c.ask(transferURI+"Create", "", "", shellBody); a.code() != "2150859173" || !strings.Contains(a.text, "maximum number of 1 concurrent") {
		t.Errorf("a second shell: %s", a.text)
	}
	process := c.command(shell, "sort")
	if a := c.ask(shellURI+"/Command", shell, "", "<rsp:CommandLine><rsp:Command>hostname</rsp:Command></rsp:CommandLine>"); a.code() != "2150859174" {
		t.Errorf("a second operation: %s", a.text)
	}
	if a := c.send(shell, process, make([]byte, 8192), false); a.code() != "2150858823" {
		t.Errorf("a large envelope: %s", a.text)
	}
	s.SetLimits(Limits{Timeout: time.Millisecond})
	began := time.Now()
	if a := c.receive(shell, process); a.code() != "2150858793" || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %s", time.Since(began), a.text)
	}
	s.MendWinRM()
	c.create()
	if a := c.send(shell, process, make([]byte, 8192), false); a.status != http.StatusOK {
		t.Errorf("mended: %s", a.text)
	}
}

func TestOutputComesInPieces(t *testing.T) {
	s := serve(t, nil)
	s.SetLimits(Limits{Piece: 3})
	c := newSOAP(t, s)
	shell := c.create()
	process := c.command(shell, "echo 0123456789")
	var all string
	for {
		a := c.receive(shell, process)
		if strings.Contains(a.text, "MDEyMw") { // four bytes at once
			t.Errorf("a piece is too large: %s", a.text)
		}
		out, _, _, exit := a.output(t)
		if all += out; exit >= 0 {
			break
		}
	}
	if all != "0123456789\r\n" {
		t.Errorf("received %q", all)
	}
}

func TestANarrowConnectionTakesItsTime(t *testing.T) {
	s := serve(t, nil)
	c := newSOAP(t, s)
	shell := c.create()
	process := c.command(shell, "sort")
	s.Narrow(100_000)
	began := time.Now()
	if a := c.send(shell, process, make([]byte, 15_000), false); a.status != http.StatusOK { // 20 KB in base64
		t.Errorf("%s", a.text)
	}
	if took := time.Since(began); took < 150*time.Millisecond {
		t.Errorf("20 KB came in %s", took)
	}
	s.Narrow(0)
}

func TestAGuestLeavesWhenItsTimeIsOver(t *testing.T) {
	for name, stays := range map[string]bool{"while it is there": true, "after it has left": false} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil)
			while := time.Hour
			if !stays {
				while = 50 * time.Millisecond
			}
			s.Crowd(2, 1500, while)
			c := newSOAP(t, s)
			shell := c.create()
			for !stays && s.Truth().Shells > 1 {
				pauseFor(t)
			}
			a := c.ask(shellURI+"/Command", shell, "", "<rsp:CommandLine><rsp:Command>hostname</rsp:Command></rsp:CommandLine>")
			if stays && a.code() != "2150859174" || !stays && a.status != http.StatusOK {
				t.Error(a.text)
			}
		})
	}
}

func TestAKilledProcessLeavesItsExitCodeAndLastWords(t *testing.T) {
	s := serve(t, nil)
	c := newSOAP(t, s)
	shell := c.create()
	process := c.command(shell, "sort")
	s.KillProcesses(0xC0000005, "last words")
	if _, errs, exit := c.finish(shell, process); errs != "last words" || exit != 0xC0000005 {
		t.Errorf("exit %d, %q", exit, errs)
	}
	s.KillStarting(9009, "stillborn", 1)
	for _, want := range []int{9009, 0} {
		if _, _, exit := c.finish(shell, c.command(shell, "hostname")); exit != want {
			t.Errorf("exit %d, want %d", exit, want)
		}
	}
}

func TestASlowRebootIsSeenAsResetRefusedBusyAndForgetful(t *testing.T) {
	s := installed(t, nil)
	c := newSOAP(t, s)
	c.create()
	s.RebootSlowly(Booting{Away: 50 * time.Millisecond, Starting: 300 * time.Millisecond, Refused: 1})
	var seen []string
	for {
		state := "refused"
		if a, err := c.post(c.message(transferURI+"Create", "", "", shellBody)); err == nil {
			state = http.StatusText(a.status)
		}
		if len(seen) == 0 || seen[len(seen)-1] != state {
			seen = append(seen, state)
		}
		if state == http.StatusText(http.StatusOK) {
			break
		}
		pauseFor(t)
	}
	if got := strings.Join(seen, ", "); got != "refused, Service Unavailable, Unauthorized, OK" {
		t.Errorf("saw %s", got)
	}
}
