package iistest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
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
