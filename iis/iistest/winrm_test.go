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

func TestARequestThatWindowsWouldNotTakeIsAFault(t *testing.T) {
	s := serve(t, nil)
	cut := func(from, to string) func(string) string {
		return func(m string) string {
			before, rest, _ := strings.Cut(m, from)
			_, after, _ := strings.Cut(rest, to)
			return before + after
		}
	}
	swap := func(old, new string) func(string) string {
		return func(m string) string { return strings.Replace(m, old, new, 1) }
	}
	double := func(m string) string {
		return strings.Replace(m, "<a:MessageID>", "<a:MessageID>uuid:other</a:MessageID><a:MessageID>", 1)
	}
	for _, c := range []struct {
		name, code, text string
		bend             func(string) string
	}{
		{"no Action", "2150858817", "a:MessageInformationHeaderRequired", cut("<a:Action", "</a:Action>")},
		{"no To", "2150858817", "a:MessageInformationHeaderRequired", cut("<a:To>", "</a:To>")},
		{"no MessageID", "2150858817", "a:MessageInformationHeaderRequired", cut("<a:MessageID>", "</a:MessageID>")},
		{"no ReplyTo", "2150858817", "a:MessageInformationHeaderRequired", cut("<a:ReplyTo>", "</a:ReplyTo>")},
		{"no ResourceURI", "2150858811", "a:DestinationUnreachable", cut("<w:ResourceURI", "</w:ResourceURI>")},
		{"another resource", "2150858811", "a:DestinationUnreachable", swap("/shell/cmd<", "/shell/bash<")},
		{"no such action", "2150858753", "a:ActionNotSupported", swap("transfer/Create", "transfer/Invent")},
		{"two MessageIDs", "2150858817", "SchemaValidationError", double},
		{"SOAP 1.1", "2150858817", "s:VersionMismatch", swap("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")},
		{"addressing of 2005", "2150858817", "s:MustUnderstand", swap(nsAddressing, "http://www.w3.org/2005/08/addressing")},
		{"a header that must be understood", "2150858817", "s:MustUnderstand", swap("<a:To>", `<a:Magic env:mustUnderstand="true"/><a:To>`)},
		{"no Header", "2150858817", "SchemaValidationError", cut("<env:Header>", "</env:Header>")},
		{"Header after Body", "2150858817", "SchemaValidationError", func(m string) string {
			before, rest, _ := strings.Cut(m, "<env:Header>")
			header, body, _ := strings.Cut(rest, "</env:Header>")
			return before + strings.Replace(body, "</env:Envelope>", "<env:Header>"+header+"</env:Header></env:Envelope>", 1)
		}},
		{"broken XML", "2150858819", "SchemaValidationError", func(m string) string { return m[:len(m)/2] }},
		{"a document type", "2150858819", "SchemaValidationError", func(m string) string { return "<!DOCTYPE x>" + m }},
		{"the body of another action", "2150858817", "SchemaValidationError", func(m string) string { return strings.ReplaceAll(m, "rsp:Shell>", "rsp:Tortoise>") }},
		{"the body in another namespace", "2150858817", "SchemaValidationError", swap(`xmlns:rsp="`+shellURI, `xmlns:rsp="urn:x`)},
		{"two bodies", "2150858817", "SchemaValidationError", swap("<rsp:Shell>", "<rsp:Other/><rsp:Shell>")},
		{"a shell without streams", "2150858817", "SchemaValidationError", cut("<rsp:InputStreams>", "</rsp:InputStreams>")},
		{"a bad timeout", "2150858817", "SchemaValidationError", swap("PT60S", "60")},
		{"an envelope too small for any answer", "2150858824", "w:EncodingLimit", swap(">153600<", ">4096<")},
		{"an envelope over 500 KB", "2150858823", "w:EncodingLimit", func(m string) string { return m + strings.Repeat(" ", 512_000) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			client := newSOAP(t, s)
			client.transform = c.bend
			a := client.ask(transferURI+"Create", "", "", shellBody)
			if a.status != http.StatusInternalServerError || a.code() != c.code || !strings.Contains(a.text, c.text) {
				t.Errorf("HTTP %d, code %s, want 500, %s, %s: %s", a.status, a.code(), c.code, c.text, a.text)
			}
		})
	}
	if n := s.Truth().Shells; n != 0 {
		t.Errorf("%d shells were opened", n)
	}
}

func TestAShellOrCommandThatIsGoneIsAFault(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	over := c.command(shell, "exit 5")
	if _, _, exit := c.finish(shell, over); exit != 5 {
		t.Errorf("exit %d, want 5", exit)
	}
	expect := func(name string, a answered, code string) {
		t.Helper()
		if a.status != http.StatusInternalServerError || a.code() != code {
			t.Errorf("%s: HTTP %d, code %s, want 500, %s", name, a.status, a.code(), code)
		}
	}
	expect("unknown shell", c.receive(uuid(), over), "2150858843")
	expect("no shell", c.receive("", over), "2150858843")
	expect("unknown command", c.receive(shell, uuid()), "2150858843")
	expect("missing CommandId", c.receive(shell, ""), "87")
	expect("send to a process that has ended", c.send(shell, over, []byte("x"), false), "109")
	expect("unknown signal", c.signal(shell, over, "dance"), "87")
	expect("command line too long", c.ask(shellURI+"/Command", shell, "", "<rsp:CommandLine><rsp:Command>"+
		strings.Repeat("x", 8192)+"</rsp:Command></rsp:CommandLine>"), "2147942606")
	if a := c.signal(shell, over, "terminate"); a.status != http.StatusOK {
		t.Errorf("terminate: %s", a.text)
	}
	expect("terminated command", c.receive(shell, over), "2150858843")
	if a := c.delete(shell); a.status != http.StatusOK || !strings.Contains(a.text, "<a:RelatesTo>uuid:message-1</a:RelatesTo>") {
		t.Errorf("delete: %s", a.text)
	}
	expect("deleted shell", c.delete(shell), "2150858843")
}

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

func TestALoginIsNeeded(t *testing.T) {
	s := serve(t, nil)
	for _, c := range []struct{ user, password string }{{"", ""}, {"deploy", "wrong"}, {"other", "secret"}} {
		client := newSOAP(t, s)
		client.user, client.password = c.user, c.password
		a := client.ask(transferURI+"Create", "", "", shellBody)
		offers := strings.Join(a.header.Values("WWW-Authenticate"), ", ")
		if a.status != http.StatusUnauthorized || !strings.Contains(offers, `Basic realm="WSMAN"`) || !strings.Contains(offers, "Negotiate") || a.text != "" {
			t.Errorf("%q: HTTP %d, %q, %q", c.user, a.status, offers, a.text)
		}
	}
	if n := s.Truth().LoginFails; n != 3 {
		t.Errorf("%d refused logins, want 3", n)
	}
	client := newSOAP(t, s)
	client.user = "DEPLOY" // account names have no case
	client.create()
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

func TestTheThirtyFirstShellIsOverQuota(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	for range 30 {
		c.create()
	}
	a := c.ask(transferURI+"Create", "", "", shellBody)
	if a.code() != "2150859173" || !strings.Contains(a.text, "w:QuotaLimit") || !strings.Contains(a.text, "MSFT_WmiError") {
		t.Errorf("%s", a.text)
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
	first, done, _, _ := p.take(8192, all)
	if len(first) != 4 || done || first[0].stream != "stdout" || string(first[2].data) != "hi" || first[3].stream != "stderr" {
		t.Fatalf("%d pieces, done %v", len(first), done)
	}
	total := len(first[3].data)
	for !done {
		var more []piece
		var code int
		more, done, code, _ = p.take(8192, all)
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
		lines[i] = strings.Repeat("n", 100)
	}
	c.ok("note", map[string]any{"run": "r1", "lines": lines}, nil)
	c.size = "8192"
	c.send(c.shell, c.process, frameOf(map[string]any{"id": "big", "op": "notes", "args": map[string]any{"app": app, "run": ""}}, nil), false)
	for got := 0; got < 40_000; {
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
	command := c.between(c.ask(shellURI+"/Command", shell, "", "<rsp:CommandLine><rsp:Command>"+loader(strings.ToUpper(hash("é")))+
		"</rsp:Command></rsp:CommandLine>"), "<rsp:CommandId>", "<")
	c.send(shell, command, sourceFrame("é"), true)
	out, _, exit := c.finish(shell, command)
	if exit != 4 || !strings.Contains(out, "fatal") {
		t.Errorf("exit %d, %q: bytes over 0x7f must not survive a console", exit, out)
	}
}

func TestOnlyAFewWordsOfCmdAreKnown(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	for _, x := range []struct {
		line, out, errs string
		exit            int
	}{
		{"hostname", "WEB-SIM\r\n", "", 0},
		{"echo a  b", "a  b\r\n", "", 0},
		{"exit /b 3", "", "", 3},
		{"msdeploy -verb:sync", "", "'msdeploy' is not recognized as an internal or external command", 1},
		{"powershell.exe -Command Get-Date", "", "nothing else", 1},
		{strings.Replace(loader("x"), "-EncodedCommand", "-enc", 1), "", "not simulated", 1},
	} {
		out, errs, exit := c.finish(shell, c.command(shell, x.line))
		if out != x.out || !strings.Contains(errs, x.errs) || exit != x.exit {
			t.Errorf("%s: %q, %q, %d", x.line, out, errs, exit)
		}
	}
}

func TestAnotherPathIsNotWinRM(t *testing.T) {
	s := serve(t, nil)
	c := newSOAP(t, s)
	resp, err := c.client.Get(fmt.Sprintf("https://127.0.0.1:%d/", s.WinRMPort()))
	must(t, err)
	must(t, resp.Body.Close())
	if resp.StatusCode != http.StatusNotFound || resp.Header.Get("Server") != "Microsoft-HTTPAPI/2.0" {
		t.Errorf("%d %s", resp.StatusCode, resp.Header)
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
