package main

import (
	"crypto/x509"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strconv"
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

// toldBy is the test that tells of a trouble, or the script without its ending, and why there is no way into it here.
type toldBy struct{ test, why string }

func toldElsewhere() map[string]toldBy {
	const all, kerberos, ntlm = "TestEveryCheckIsMadeBeforeTheFirstChange/", "TestAFleetIsDeployedToWithKerberos/", "TestAFleetIsDeployedToWithNTLM/"
	return map[string]toldBy{
		"poll-over":   {"", "it is none"},
		"filtered":    {"TestAPortWithoutAnAnswerIsToldFromAClosedOne", "nothing answers for as long as a connection may take"},
		"refused":     {all + "port-open", "it is another check's"},
		"certificate": {all + "tls-trusted", "it is another check's"},
		"no-tls":      {ntlm + "a port without TLS", "it is another check's"},
		"tls-version": {"TestAFleetIsDeployedToWithACertificate/servers that are too old for anybody", "it is another check's"},
		"silent":      {"testdata/script/fault-winrm-silent", "half a minute"},
		"out-of-step": {ntlm + "somebody changes what is sealed", "only a sealed connection can be"},
		"no-ticket":   {kerberos + "a name that nobody has", "a fleet with Kerberos only"},
		"no-kdc":      {kerberos + "no KDC", "a fleet with Kerberos only"},
		"downgrade":   {ntlm + "somebody asks for less than was meant", "TLS protects a fleet with Basic from it"},
		"input-taken": {"TestThePreflightAsAWhole/agent-runs: something else reads its input", "it is a warning"},
	}
}

// TestWhereTroublesAreToldElsewhereThereAreTests looks for each test, and for the name of its part among the texts of this folder.
func TestWhereTroublesAreToldElsewhereThereAreTests(t *testing.T) {
	t.Parallel()
	functions, texts := written(t)
	for trouble, by := range toldElsewhere() {
		if _, here := staying()[trouble]; here {
			t.Errorf("%s has a way here, and is told elsewhere", trouble)
		}
		if strings.HasPrefix(by.test, "testdata/") {
			if _, err := os.Stat(by.test + ".txtar"); err != nil {
				t.Errorf("%s: %v", trouble, err)
			}
			continue
		}
		test, part, _ := strings.Cut(by.test, "/")
		id, half, _ := strings.Cut(part, ": ")
		if test != "" && !functions[test] || part != "" && !texts[id] || half != "" && !texts[half] {
			t.Errorf("%s is told by %s, which is not there", trouble, by.test)
		}
	}
}

// written is the functions of this folder, and the texts in it outside this file.
func written(t *testing.T) (functions, texts map[string]bool) {
	t.Helper()
	functions, texts = map[string]bool{}, map[string]bool{}
	names, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.FuncDecl:
				functions[n.Name.Name] = true
			case *ast.BasicLit:
				if text, err := strconv.Unquote(n.Value); err == nil && name != "winrm_troubles_test.go" {
					texts[text] = true
				}
			}
			return true
		})
	}
	return functions, texts
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
			if toldElsewhere()[row.Name].why == "" {
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
	for _, id := range []checkID{checkWinRM, checkAgent, checkPassword} {
		if rowsOf(y.err, id) != "" {
			s.whole(y, id, "")
		}
	}
	if do := remedyOf(y.err, checkWinRM); row.Kind == winrm.Permanent && strings.Contains(do, "Restart-Service") {
		s.t.Errorf("a restart is advised against what will be the same after it: %s", do)
	}
	if !strings.Contains(y.err, "1 thing stands in the way before the first change") {
		s.t.Errorf("more than one thing is wrong:\n%s", y.err)
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
