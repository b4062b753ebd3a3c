package main

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// The search would find each of these.
func TestASecretIsFoundInEveryCoding(t *testing.T) {
	t.Parallel()
	secret := plantedAs("Proof")
	inJSON, err := json.Marshal(map[string]string{"a": secret})
	if err != nil {
		t.Fatal(err)
	}
	var inXML bytes.Buffer
	if err := xml.EscapeText(&inXML, []byte(secret)); err != nil {
		t.Fatal(err)
	}
	leaked := map[string]string{
		"plain": secret, "JSON": string(inJSON), "XML": inXML.String(), "a query": url.QueryEscape(secret), "a path": url.PathEscape(secret), "%q": fmt.Sprintf("%q", secret),
		"small letters": strings.ToLower(secret), "capitals": strings.ToUpper(secret), "the first half": secret[:len(secret)/2], "the second half": secret[len(secret)/2:],
		"hexadecimal": hex.EncodeToString([]byte(secret)), "HEXADECIMAL": fmt.Sprintf("%X", secret), "UTF-16": string(utf16le("pw=" + secret)),
		"every byte percent-encoded": "%" + strings.TrimSpace(strings.ReplaceAll(fmt.Sprintf("% X", secret), " ", "%")),
	}
	for offset := range 3 {
		front := strings.Repeat("x", offset)
		leaked[fmt.Sprint("base64 behind ", offset)] = base64.StdEncoding.EncodeToString([]byte(front + secret))
		leaked[fmt.Sprint("base64 for URLs behind ", offset)] = base64.RawURLEncoding.EncodeToString([]byte(front + secret))
		leaked[fmt.Sprint("an encoded command behind ", offset)] = base64.StdEncoding.EncodeToString(utf16le(front + secret))
		leaked[fmt.Sprint("a login behind ", offset)] = base64.StdEncoding.EncodeToString([]byte(front + "user:" + secret))
	}
	for name, text := range leaked {
		if len(found([]byte("log line "+text+" and on"))) == 0 {
			t.Errorf("nobody finds the secret in %s: %s", name, text)
		}
	}
	if hits := found([]byte("Kanar13 nVqZ, S2FuYXI, 4b616e6172")); len(hits) > 0 {
		t.Errorf("what is no secret is found: %v", hits)
	}
	if len(foundBut([]byte(plainly(settingName+"A")+" "+plainly("Token")), settingName)) == 0 || len(foundBut([]byte(plainly(settingName+"A")), settingName)) > 0 {
		t.Error("a setting's own file may hold settings, and nothing else")
	}
}

// send is one request to a wire, as a peer hears it.
func send(w *wire, peer, address, header, body string) {
	r := httptest.NewRequest(http.MethodPost, address, http.NoBody)
	r.Header.Set("Authorization", "Bearer "+plainly("Fine"))
	if header != "" {
		r.Header.Set("Referer", header)
	}
	w.hear(peer, r, []byte(body))
}

// input is an envelope that carries a part of a process's standard input.
func input(text string) string {
	return `<rsp:Send><rsp:Stream Name="stdin" CommandId="1">` + base64.StdEncoding.EncodeToString([]byte(text)) + `</rsp:Stream></rsp:Send>`
}

// frame is one message of the agent's protocol, as both sides write it: a long JSON is packed.
func frame(text, blob string) string {
	kind := "ICF1"
	if len(text) > 4<<10 {
		kind, text = "ICFZ", deflated(text)
	}
	head := binary.LittleEndian.AppendUint32([]byte(kind), uint32(len(text)))
	return string(binary.LittleEndian.AppendUint32(head, uint32(len(blob)))) + text + blob
}

func deflated(text string) string {
	var small bytes.Buffer
	w, _ := flate.NewWriter(&small, flate.DefaultCompression) // fails only for a level that there is not
	_, _ = io.WriteString(w, text)                            // a buffer takes everything
	_ = w.Close()
	return small.String()
}

// cut is a text without its last bytes.
func cut(text string) string { return text[:len(text)-8] }

// inLines is a request as a process takes it that answers only this one.
func inLines(text string) string {
	coded, lines := base64.StdEncoding.EncodeToString([]byte(text)), ""
	for len(coded) > 0 {
		n := min(60, len(coded))
		lines, coded = lines+coded[:n]+"\r\n", coded[n:]
	}
	return "YWdlbnQ=\r\n.\r\n" + lines + ".\r\n"
}

func TestASecretIsFoundInEveryPartOfARequest(t *testing.T) {
	t.Parallel()
	secret, setting, user := plainly("Proof"), plainly(settingName+"Json"), plainly(nameOfUser+"Winrm")
	long := strings.Repeat("and another line of it, ", 400)
	toAgent := func(text string) func(*wire) {
		return func(w *wire) { send(w, "web-01", "/wsman", "", input(text)) }
	}
	ofAgent := func(stream, text string) func(*wire) {
		return func(w *wire) {
			w.answered("web-01", nil, []byte(`<rsp:Stream Name="`+stream+`" CommandId="1">`+base64.StdEncoding.EncodeToString([]byte(text))+`</rsp:Stream>`))
		}
	}
	source := "// \"ICF1\" and \"ICFZ\" begin frames\n"
	for name, play := range map[string]func(*wire){
		"address":      func(w *wire) { send(w, "aws", "/?a="+secret, "", "") },
		"header":       func(w *wire) { send(w, "aws", "/", "x"+secret, "") },
		"body":         func(w *wire) { send(w, "aws", "/", "", "a="+secret) },
		"command line": func(w *wire) { send(w, "web-01", "/wsman", "", "<rsp:Arguments>"+secret+"</rsp:Arguments>") },
		"loader":       toAgent(source + "class A { /* " + secret + " */ }"),
		"operation":    toAgent(frame(`{"op":"note","args":"`+secret+`"}`, "")),
		"in two messages": func(w *wire) {
			send(w, "web-01", "/wsman", "", input(secret[:9]))
			send(w, "web-01", "/wsman", "", input(secret[9:]))
		},
		"setting in JSON":        toAgent(frame(`{"a":"`+setting+`"}`, "")),
		"long operation":         toAgent(source + frame(`{"op":"note","args":"`+long+secret+`"}`, "")),
		"setting in long JSON":   toAgent(frame(`{"a":"`+long+setting+`"}`, deflated("a file"))),
		"behind a long one":      toAgent(frame(`{"a":"`+long+`"}`, deflated(long)) + frame(`{"a":"`+secret+`"}`, "")),
		"one that broke off":     toAgent(frame(`{"a":"`+secret+long+`"}`, "")[:100]),
		"file":                   toAgent(frame(`{}`, deflated("a file with "+long+secret))),
		"file that is sent raw":  toAgent(frame(`{}`, "a file with "+secret)),
		"file that broke off":    toAgent(cut(frame(`{}`, deflated(secret+" and the end")))),
		"process for one":        toAgent(inLines(frame(`{"a":"`+long+secret+`"}`, ""))),
		"its file":               toAgent(inLines(frame(`{"a":"`+long+`"}`, deflated(long+secret)))),
		"name and password":      func(w *wire) { send(w, "webhook", "/", "", user+":"+secret) },
		"name in an address":     func(w *wire) { send(w, "webhook", "/?a="+user, "", "") },
		"name in a header":       func(w *wire) { send(w, "webhook", "/", user, "") },
		"name at AWS":            func(w *wire) { send(w, "aws", "/", "", user) },
		"name in a search":       func(w *wire) { send(w, "elasticsearch", "/logs/_search", "", user) },
		"name in a command line": func(w *wire) { send(w, "web-01", "/wsman", "", "<rsp:Arguments>"+user+"</rsp:Arguments>") },
		"name in an answer":      func(w *wire) { w.answered("web-01", nil, []byte("<f:Message>"+user+"</f:Message>")) },
		"name in a file":         toAgent(frame(`{}`, deflated("a file with "+user))),
		"answer":                 ofAgent("stdout", frame(`{"a":"`+secret+`"}`, "")),
		"long answer":            ofAgent("stdout", frame(`{"a":"`+long+setting+`"}`, "")),
		"standard error":         ofAgent("stderr", "at line 1: "+secret),
		"answer without stream":  func(w *wire) { w.answered("web-01", nil, []byte("<f:Message>"+secret+"</f:Message>")) },
		"no base64":              func(w *wire) { send(w, "web-01", "/wsman", "", `<rsp:Stream CommandId="1">!</rsp:Stream>`) },
	} {
		w := newWire()
		send(w, "aws", "/", "", "")
		send(w, "web-01", "/wsman", "", input(source+frame(`{"op":"put","args":"`+long+`"}`, deflated("a file with "+setting+long))))
		refused := "refused the login of " + user
		send(w, "webhook", "/", "", refused)
		send(w, "elasticsearch", "/logs/_doc", "", refused)
		toAgent(frame(`{"op":"note","args":"`+refused+`"}`, ""))(w)
		ofAgent("stdout", frame(`{"account":"`+user+`"}`, ""))(w)
		if hits := w.found(); len(hits) > 0 {
			t.Fatalf("what is no leak is found: %v", hits)
		}
		if play(w); len(w.found()) == 0 {
			t.Errorf("nobody finds a secret in: %s", name)
		}
	}
}

func TestASecretIsFoundInACommandLineOfThisMachine(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/cmdline"); err != nil {
		return // elsewhere nobody can look
	}
	cmd := exec.Command("sh", "-c", "read line", "KANAR13nVqZwProof")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var l leaks
	l.processes()
	if err := in.Close(); err != nil {
		t.Error(err)
	}
	_ = cmd.Wait() // read fails at the end of its input
	if len(l.list) == 0 {
		t.Error("nobody finds it")
	}
}

// A secret that a person types as the version of a release goes everywhere: so everywhere is looked.
func TestASecretThatGoesEverywhereIsFoundEverywhere(t *testing.T) {
	t.Parallel()
	h := newHoard(t, "crash", layout{})
	leak := plainly("Proof")
	h.began = true
	h.fleet.Begin()
	h.enter("plan", "-o", "json", "--package", h.pack, "--slot", "3461", "--release-version", leak, "--out", filepath.Join(h.out, "plan.json"), "-c")
	if code := h.enter("deploy", "--yes", "--package", h.pack, "--slot", "3461", "--release-version", leak, "-c"); code != int(exitReverted) {
		t.Fatalf("exit code %d\n%s", code, h.last)
	}
	h.records()
	if err := os.WriteFile(filepath.Join(h.dir, "servers", "web-01", "d", "sites", rehearsal.App+"-3461", "web.config"), []byte(leak), 0o600); err != nil {
		t.Fatal(err) // only settings may be in it
	}
	all := h.leaks()
	for _, place := range []string{"standard output of plan", "standard error of deploy", "standard output of runs", "standard output of report", "plan.json", "report.json", "state/", ".canary.json",
		"programdata/iis-canary/", "standard input of web-01", "web.config"} {
		if !slices.ContainsFunc(all, func(hit string) bool { return strings.Contains(strings.SplitN(hit, ": …", 2)[0], place) }) {
			t.Errorf("nobody finds it in %s", place)
		}
	}
}
