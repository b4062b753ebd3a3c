package iistest

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"
)

const (
	app     = "app.domain.com"
	oldSlot = app + "-1"
	newSlot = app + "-2"
	xmlns   = `xmlns:env="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" ` +
		`xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"`
	transferURI = "http://schemas.xmlsoap.org/ws/2004/09/transfer/"
	shellURI    = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
)

// serve starts a server that lives as long as the test.
func serve(t *testing.T, adjust func(*Config)) *Server {
	t.Helper()
	c := Config{
		Address: "127.0.0.1", User: "deploy", Password: "secret", App: app, Root: t.TempDir(), Certificate: certificate(t),
		Settle: 2 * time.Millisecond, Stop: 2 * time.Millisecond, Median: time.Millisecond, LogFlush: time.Hour,
	}
	if adjust != nil {
		adjust(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	form := x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web-01"}, DNSNames: []string{"*.domain.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, &form, &form, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// installed is a server with an old slot that serves.
func installed(t *testing.T, adjust func(*Config)) *Server {
	t.Helper()
	s := serve(t, adjust)
	must(t, s.Install(oldSlot, "1", map[string]string{"web.config": "<configuration/>", "bin/app.dll": "one"}))
	must(t, s.Serve(oldSlot))
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// soap is a WinRM client of a few strings. Every field can be bent to make a wrong request.
type soap struct {
	t         *testing.T
	server    *Server
	client    *http.Client
	user      string
	password  string
	kind      string
	timeout   string
	size      string
	identify  string
	transform func(string) string
}

func newSOAP(t *testing.T, s *Server) *soap {
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(client.CloseIdleConnections)
	return &soap{t: t, server: s, client: client, user: "deploy", password: "secret", kind: "application/soap+xml;charset=UTF-8",
		timeout: "PT60S", size: "153600", transform: func(s string) string { return s }}
}

// answered is what came back.
type answered struct {
	status int
	header http.Header
	text   string
}

var codeForm = regexp.MustCompile(`WSManFault [^>]*Code="(\d+)"|error_Code>(\d+)<`)

func (a answered) code() string {
	m := codeForm.FindStringSubmatch(a.text)
	if m == nil {
		return ""
	}
	return m[1] + m[2]
}

func (c *soap) post(text string) (answered, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost,
		fmt.Sprintf("https://%s:%d/wsman", c.server.Address(), c.server.WinRMPort()), strings.NewReader(text))
	if err != nil {
		return answered{}, err
	}
	if c.user != "" {
		r.SetBasicAuth(c.user, c.password)
	}
	r.Header.Set("Content-Type", c.kind)
	if c.identify != "" {
		r.Header.Set("WSMANIDENTIFY", c.identify)
	}
	resp, err := c.client.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, string(b)}, err
}

func (c *soap) message(action, shell, options, body string) string {
	selector := ""
	if shell != "" {
		selector = `<w:SelectorSet><w:Selector Name="ShellId">` + shell + `</w:Selector></w:SelectorSet>`
	}
	return c.transform(`<env:Envelope ` + xmlns + `><env:Header><a:To>https://x/wsman</a:To><a:ReplyTo><a:Address env:mustUnderstand="true">` +
		`http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address></a:ReplyTo>` +
		`<w:MaxEnvelopeSize mustUnderstand="true">` + c.size + `</w:MaxEnvelopeSize><a:MessageID>uuid:message-1</a:MessageID>` +
		`<w:OperationTimeout>` + c.timeout + `</w:OperationTimeout><a:Action env:mustUnderstand="true">` + action + `</a:Action>` + selector +
		`<w:ResourceURI env:mustUnderstand="true">` + shellURI + `/cmd</w:ResourceURI>` + options + `</env:Header><env:Body>` + body +
		`</env:Body></env:Envelope>`)
}

func (c *soap) ask(action, shell, options, body string) answered {
	c.t.Helper()
	a, err := c.post(c.message(action, shell, options, body))
	must(c.t, err)
	return a
}

const shellBody = `<rsp:Shell><rsp:IdleTimeOut>PT900.000S</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams>` +
	`<rsp:OutputStreams>stdout stderr</rsp:OutputStreams></rsp:Shell>`

func (c *soap) create() string {
	c.t.Helper()
	return c.between(c.ask(transferURI+"Create", "", "", shellBody), "<rsp:ShellId>", "<")
}

const pipeMode = `<w:OptionSet><w:Option Name="WINRS_CONSOLEMODE_STDIN">FALSE</w:Option></w:OptionSet>`

func (c *soap) command(shell, line string) string {
	c.t.Helper()
	a := c.ask(shellURI+"/Command", shell, pipeMode, `<rsp:CommandLine><rsp:Command><![CDATA[`+line+`]]></rsp:Command></rsp:CommandLine>`)
	return c.between(a, "<rsp:CommandId>", "<")
}

func (c *soap) between(a answered, before, after string) string {
	c.t.Helper()
	_, rest, ok := strings.Cut(a.text, before)
	if !ok {
		c.t.Fatalf("HTTP %d without %s: %s", a.status, before, a.text)
	}
	out, _, _ := strings.Cut(rest, after)
	return out
}

func (c *soap) send(shell, command string, data []byte, end bool) answered {
	c.t.Helper()
	return c.ask(shellURI+"/Send", shell, "", fmt.Sprintf(`<rsp:Send><rsp:Stream Name="stdin" CommandId="%s" End="%v">%s</rsp:Stream></rsp:Send>`,
		command, end, base64.StdEncoding.EncodeToString(data)))
}

func (c *soap) receive(shell, command string) answered {
	c.t.Helper()
	return c.ask(shellURI+"/Receive", shell, "", `<rsp:Receive><rsp:DesiredStream CommandId="`+command+`">stdout stderr</rsp:DesiredStream></rsp:Receive>`)
}

func (c *soap) signal(shell, command, code string) answered {
	c.t.Helper()
	return c.ask(shellURI+"/Signal", shell, "", `<rsp:Signal CommandId="`+command+`"><rsp:Code>`+shellURI+`/signal/`+code+`</rsp:Code></rsp:Signal>`)
}

func (c *soap) delete(shell string) answered {
	c.t.Helper()
	return c.ask(transferURI+"Delete", shell, "", "")
}

var streamForm = regexp.MustCompile(`<rsp:Stream Name="(stdout|stderr)" CommandId="[^"]*">([^<]*)</rsp:Stream>`)
var exitForm = regexp.MustCompile(`State="[^"]*/Done"><rsp:ExitCode>(-?\d+)<`)

// output decodes one ReceiveResponse; exit is -1 while the command runs.
func (a answered) output(t *testing.T) (stdout, stderr string, pieces, exit int) {
	t.Helper()
	for _, m := range streamForm.FindAllStringSubmatch(a.text, -1) {
		b, err := base64.StdEncoding.DecodeString(m[2])
		must(t, err)
		pieces++
		if m[1] == "stdout" {
			stdout += string(b)
		} else {
			stderr += string(b)
		}
	}
	exit = -1
	if m := exitForm.FindStringSubmatch(a.text); m != nil {
		exit, _ = strconv.Atoi(m[1])
	}
	return stdout, stderr, pieces, exit
}

// finish reads a command to its end.
func (c *soap) finish(shell, command string) (stdout, stderr string, exit int) {
	c.t.Helper()
	for {
		a := c.receive(shell, command)
		if a.status != http.StatusOK {
			c.t.Fatalf("receive: HTTP %d: %s", a.status, a.text)
		}
		o, e, _, code := a.output(c.t)
		stdout, stderr = stdout+o, stderr+e
		if code >= 0 {
			return stdout, stderr, code
		}
	}
}

// session is an agent that was started as the protocol says.
type session struct {
	*soap
	shell, process string
	buffer         string
	count          int
	run            string
	generation     int64
}

const source = "class Agent {}"

func loader(hash string) string {
	script := "if ($hash -ne '" + hash + "') { throw } exit [IisCanary.Agent]::Run($stdin, $stdout)"
	var b []byte
	for _, u := range utf16.Encode([]rune(script)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand " + base64.StdEncoding.EncodeToString(b)
}

func sourceFrame(text string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func connect(t *testing.T, s *Server) *session {
	t.Helper()
	c := &session{soap: newSOAP(t, s)}
	c.shell = c.create()
	c.process = c.command(c.shell, loader(fmt.Sprintf("%X", sha256.Sum256([]byte(source)))))
	if a := c.send(c.shell, c.process, sourceFrame(source), false); a.status != http.StatusOK {
		t.Fatalf("send: %s", a.text)
	}
	return c
}

// leased is a session that holds the lease.
func leased(t *testing.T, s *Server) *session {
	t.Helper()
	c := connect(t, s)
	c.acquire("r1")
	return c
}

func (c *session) acquire(run string) {
	c.t.Helper()
	var out struct{ Lease Lease }
	c.ok("lease", map[string]any{"action": "acquire", "run": run, "owner": "me", "reason": "test", "seconds": 60}, &out)
	c.run, c.generation = run, out.Lease.Generation
}

func frameOf(body any, blob []byte) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	b := append([]byte("ICF1"), binary.LittleEndian.AppendUint32(nil, uint32(len(text)))...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(blob)))
	return append(append(b, text...), blob...)
}

// agentReply is one frame from the agent.
type agentReply struct {
	ID     string
	Result json.RawMessage
	Error  *refusal
	Fatal  string
}

func (c *session) call(id, op string, args map[string]any, blob []byte) agentReply {
	c.t.Helper()
	if args["app"] == nil {
		args["app"] = app
	}
	if args["root"] == nil {
		args["root"] = `D:\sites`
	}
	r := map[string]any{"id": id, "op": op, "args": args}
	if c.run != "" {
		r["lease"] = map[string]any{"run": c.run, "generation": c.generation}
	}
	return c.exchange(frameOf(r, blob))
}

func (c *session) exchange(frame []byte) agentReply {
	c.t.Helper()
	if a := c.send(c.shell, c.process, frame, false); a.status != http.StatusOK {
		c.t.Fatalf("send: HTTP %d: %s", a.status, a.text)
	}
	for len(c.buffer) < 12 || len(c.buffer) < 12+int(binary.LittleEndian.Uint32([]byte(c.buffer[4:8]))) {
		out, errs, _, exit := c.receive(c.shell, c.process).output(c.t)
		c.buffer += out
		if exit >= 0 {
			c.t.Fatalf("the agent ended with %d: %s", exit, errs)
		}
	}
	n := 12 + int(binary.LittleEndian.Uint32([]byte(c.buffer[4:8])))
	var a agentReply
	must(c.t, json.Unmarshal([]byte(c.buffer[12:n]), &a))
	c.buffer = c.buffer[n:]
	return a
}

func (c *session) next() string {
	c.count++
	return fmt.Sprintf("t-%d", c.count)
}

// ok runs an operation that must succeed.
func (c *session) ok(op string, args map[string]any, out any) {
	c.t.Helper()
	a := c.call(c.next(), op, args, nil)
	if a.Error != nil {
		c.t.Fatalf("%s: %v", op, a.Error)
	}
	if out != nil {
		must(c.t, json.Unmarshal(a.Result, out))
	}
}

// refused runs an operation that must be refused with that code.
func (c *session) refused(code, op string, args map[string]any) *refusal {
	c.t.Helper()
	a := c.call(c.next(), op, args, nil)
	if a.Error == nil || a.Error.Code != code {
		c.t.Fatalf("%s: got %+v and %s, want %s", op, a.Error, a.Result, code)
	}
	return a.Error
}

func deflate(t *testing.T, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	must(t, err)
	_, err = w.Write([]byte(plain))
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func hash(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// upload puts contents, each in one range.
func (c *session) upload(contents ...string) agentReply {
	c.t.Helper()
	files := []map[string]any{}
	for _, s := range contents {
		files = append(files, map[string]any{"sha256": hash(s), "size": len(s), "offset": 0, "length": len(s)})
	}
	return c.call(c.next(), "put", map[string]any{"files": files}, deflate(c.t, strings.Join(contents, "")))
}

// creation is the arguments that make a slot of some files.
func (c *session) creation(slot string, files map[string]string) map[string]any {
	list := []map[string]any{}
	for path, content := range files {
		list = append(list, map[string]any{"path": path, "size": len(content), "sha256": hash(content)})
	}
	return map[string]any{"slot": slot, "version": "2", "digest": hash(slot), "files": list,
		"bindings": []string{c.server.Binding()}, "runtime": "v4.0", "host": app}
}

// staged is a server with an old slot that serves and a new one that waits, and a session that may change it.
func staged(t *testing.T, adjust func(*Config), files map[string]string) *session {
	t.Helper()
	c := leased(t, installed(t, adjust))
	all := map[string]string{"web.config": "<configuration/>", "bin/app.dll": "two"}
	var contents []string
	for path, content := range files {
		all[path] = content
	}
	for _, content := range all {
		contents = append(contents, content)
	}
	c.upload(contents...)
	c.ok("create", c.creation(newSlot, all), nil)
	return c
}

// visit asks the site as a customer does.
func visit(t *testing.T, s *Server, client *http.Client, path string) (answered, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet,
		fmt.Sprintf("https://%s:%d%s", s.Address(), s.SitePort(), path), nil)
	must(t, err)
	r.Host = app
	r.Header.Set("User-Agent", "a customer")
	resp, err := client.Do(r)
	if err != nil {
		return answered{}, err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	return answered{resp.StatusCode, resp.Header, string(b)}, err
}

func customer(t *testing.T) *http.Client {
	c := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}}
	t.Cleanup(c.CloseIdleConnections)
	return c
}
