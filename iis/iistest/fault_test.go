package iistest

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// cut takes out what stands from one text to another, both included.
func cut(from, to string) func(string) string {
	return func(m string) string {
		before, rest, _ := strings.Cut(m, from)
		_, after, _ := strings.Cut(rest, to)
		return before + after
	}
}

func swap(old, new string) func(string) string {
	return func(m string) string { return strings.ReplaceAll(m, old, new) }
}

func headerLast(m string) string {
	before, rest, _ := strings.Cut(m, "<env:Header>")
	header, body, _ := strings.Cut(rest, "</env:Header>")
	return before + strings.Replace(body, "</env:Envelope>", "<env:Header>"+header+"</env:Header></env:Envelope>", 1)
}

func TestARequestThatWindowsWouldNotTakeIsAFault(t *testing.T) {
	s := serve(t, nil)
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
		{"two MessageIDs", "2150858817", "SchemaValidationError", swap("<a:MessageID>", "<a:MessageID>uuid:other</a:MessageID><a:MessageID>")},
		{"SOAP 1.1", "2150858817", "s:VersionMismatch", swap("http://www.w3.org/2003/05/soap-envelope", "http://schemas.xmlsoap.org/soap/envelope/")},
		{"addressing of 2005", "2150858817", "s:MustUnderstand", swap(nsAddressing, "http://www.w3.org/2005/08/addressing")},
		{"a header that must be understood", "2150858817", "s:MustUnderstand", swap("<a:To>", `<a:Magic env:mustUnderstand="true"/><a:To>`)},
		{"no Header", "2150858817", "SchemaValidationError", cut("<env:Header>", "</env:Header>")},
		{"Header after Body", "2150858817", "SchemaValidationError", headerLast},
		{"broken XML", "2150858819", "SchemaValidationError", func(m string) string { return m[:len(m)/2] }},
		{"a document type", "2150858819", "SchemaValidationError", func(m string) string { return "<!DOCTYPE x>" + m }},
		{"the body of another action", "2150858817", "SchemaValidationError", swap("rsp:Shell>", "rsp:Tortoise>")},
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
	if n := s.Truth().LoginFails; n != 2 {
		t.Errorf("%d refused logins, want 2: who shows no password cannot lock an account out", n)
	}
	client := newSOAP(t, s)
	client.user = "DEPLOY" // account names have no case
	client.create()
}

func TestTheThirtyFirstShellIsOverQuota(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	for range 30 {
		c.create()
	}
	a := c.ask(transferURI+"Create", "", "", shellBody)
	if a.code() != "2150859173" || !strings.Contains(a.text, "w:QuotaLimit") || !strings.Contains(a.text, `xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError"`) {
		t.Errorf("%s", a.text)
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
