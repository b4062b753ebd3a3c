package iistest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestReceiveIsHeldUntilTheOperationTimesOut(t *testing.T) {
	c := connect(t, serve(t, nil))
	c.timeout = "PT0.1S" // raised to 0.5 s
	began := time.Now()
	a := c.receive(c.shell, c.process)
	if a.code() != "2150858793" || !strings.Contains(a.text, "w:TimedOut") || time.Since(began) < 450*time.Millisecond {
		t.Errorf("after %s: %s", time.Since(began), a.text)
	}
}

func TestDeleteEndsAPendingReceiveAndItsProcess(t *testing.T) {
	c := connect(t, serve(t, nil))
	pending := make(chan answered, 1)
	go func() {
		a, err := c.post(c.message(shellURI+"/Receive", c.shell, "", `<rsp:Receive><rsp:DesiredStream CommandId="`+c.process+`">stdout</rsp:DesiredStream></rsp:Receive>`))
		if err != nil {
			a.text = err.Error()
		}
		pending <- a
	}()
	for c.server.winrm.requests.Load() < 4 {
		pauseFor(t)
	}
	c.delete(c.shell)
	if a := <-pending; a.code() != "995" && a.code() != "2150858843" {
		t.Errorf("pending Receive: %s", a.text)
	}
	if n := c.server.Truth().Shells; n != 0 {
		t.Errorf("%d shells are left", n)
	}
}

func pauseFor(t *testing.T) {
	t.Helper()
	if !pause(t.Context(), time.Millisecond) {
		t.Fatal("the test is over")
	}
}

func TestIdentifyAnswersWithoutALoginAndHidesTheVersion(t *testing.T) {
	const ask = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><e:Header/><e:Body><i:Identify/></e:Body></e:Envelope>`
	c := newSOAP(t, serve(t, nil))
	known, err := c.post(ask)
	must(t, err)
	c.user, c.identify = "", "unauthenticated"
	anonymous, err := c.post(ask)
	must(t, err)
	c.identify = ""
	refused, err := c.post(ask)
	must(t, err)
	if !strings.Contains(known.text, "OS: 10.0.20348") || !strings.Contains(anonymous.text, "OS: 0.0.0") || refused.status != http.StatusUnauthorized {
		t.Errorf("with login %s\nanonymous %s\nneither %d", known.text, anonymous.text, refused.status)
	}
}

func TestAnIdleShellIsReaped(t *testing.T) {
	s := serve(t, func(c *Config) { c.IdleFloor = 20 * time.Millisecond })
	c := newSOAP(t, s)
	c.transform = func(m string) string { return strings.Replace(m, "PT900.000S", "PT0.001S", 1) }
	shell := c.create()
	for s.Truth().Shells > 0 {
		pauseFor(t)
	}
	if a := c.delete(shell); a.code() != "2150858843" {
		t.Errorf("delete of a reaped shell: %s", a.text)
	}
}

func TestEachWriteIsAPieceAndAnswersFitTheClient(t *testing.T) {
	p := newProcess(uuid(), false)
	p.run(func(_ context.Context, _ io.Reader, out, errs io.Writer) int {
		for range 3 {
			_, _ = fmt.Fprint(out, "hi")
		}
		_, _ = fmt.Fprint(errs, strings.Repeat("x", 20_000))
		return 7
	})
	all := func(string) bool { return true }
	first, done, _, _ := p.take(8192, 0, all)
	if len(first) != 4 || done || first[0].stream != "stdout" || string(first[2].data) != "hi" || first[3].stream != "stderr" {
		t.Fatalf("%d pieces, done %v", len(first), done)
	}
	total := len(first[3].data)
	for !done {
		var more []piece
		var code int
		more, done, code, _ = p.take(8192, 0, all)
		for _, m := range more {
			if len(m.data) > 8192/4*3 {
				t.Errorf("a piece of %d bytes", len(m.data))
			}
			total += len(m.data)
		}
		if done && code != 7 {
			t.Errorf("exit code %d, want 7", code)
		}
	}
	if total != 20_000 {
		t.Errorf("%d bytes, want 20000", total)
	}
}

func TestAnAnswerIsNeverLargerThanTheClientTakes(t *testing.T) {
	c := leased(t, serve(t, nil))
	lines := make([]string, 400)
	for i := range lines {
		lines[i] = hash(fmt.Sprint(i)) + hash(fmt.Sprint(-i)) // half of it cannot be packed away
	}
	c.ok("note", map[string]any{"run": "r1", "lines": lines}, nil)
	c.size = "8192"
	c.send(c.shell, c.process, frameOf(map[string]any{"id": "big", "op": "notes", "args": map[string]any{"app": app, "run": ""}}, nil), false)
	for got := 0; got < 25_000; {
		a := c.receive(c.shell, c.process)
		if len(a.text) > 8192 {
			t.Fatalf("an answer of %d bytes", len(a.text))
		}
		out, _, _, _ := a.output(t)
		got += len(out)
	}
}

func TestConsoleModeIsNoPipe(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	command := c.between(c.ask(shellURI+"/Command", shell, consoleMode, "<rsp:CommandLine><rsp:Command>"+loader(strings.ToUpper(hash("é")))+
		"</rsp:Command></rsp:CommandLine>"), "<rsp:CommandId>", "<")
	c.send(shell, command, sourceFrame("é"), true)
	out, _, exit := c.finish(shell, command)
	if exit != 4 || !strings.Contains(out, "fatal") {
		t.Errorf("exit %d, %q: bytes over 0x7f must not survive a console", exit, out)
	}
}

func TestDroppedConnectionsAreLostBeforeAndAfterTheEffect(t *testing.T) {
	s := serve(t, nil)
	c := newSOAP(t, s)
	s.Drop(1)
	var lost int
	for range 2 {
		if _, err := c.post(c.message(transferURI+"Create", "", "", shellBody)); err != nil {
			lost++
		}
	}
	s.Drop(0)
	if n := s.Truth().Shells; lost != 2 || n != 1 {
		t.Errorf("%d answers were lost and %d shells opened, want 2 and 1", lost, n)
	}
	c.create()
}

func TestAnUnreachableServerKeepsItsShells(t *testing.T) {
	s := installed(t, nil)
	c := connect(t, s)
	s.Unreachable(true)
	if _, err := c.post(c.message(transferURI+"Create", "", "", shellBody)); err == nil {
		t.Error("an unreachable server answered")
	}
	if _, err := visit(t, s, customer(t), "/"); err != nil {
		t.Errorf("its site: %v", err)
	}
	s.Unreachable(false)
	c.ok("hello", map[string]any{}, nil)
}

func TestLatencyDelaysEveryAnswer(t *testing.T) {
	s := serve(t, nil)
	s.Latency(100 * time.Millisecond)
	began := time.Now()
	newSOAP(t, s).create()
	if took := time.Since(began); took < 100*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
}
