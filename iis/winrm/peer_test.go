package winrm_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/iis/winrm"
)

// message is what the peer reads of a request: enough to check it against MS-WSMV.
type message struct {
	ID      string `xml:"Header>MessageID"`
	Action  string `xml:"Header>Action"`
	Timeout string `xml:"Header>OperationTimeout"`
	Most    int    `xml:"Header>MaxEnvelopeSize"`
	Shell   string `xml:"Header>SelectorSet>Selector"`
	Options []struct {
		Name  string `xml:"Name,attr"`
		Value string `xml:",chardata"`
	} `xml:"Header>OptionSet>Option"`
	IdleTimeOut string `xml:"Body>Shell>IdleTimeOut"`
	Command     string `xml:"Body>CommandLine>Command"`
	Input       string `xml:"Body>Send>Stream"`
	Signal      string `xml:"Body>Signal>Code"`

	bytes   int
	request *http.Request
}

func (m message) option(name string) string {
	for _, o := range m.Options {
		if o.Name == name {
			return o.Value
		}
	}
	return ""
}

// verb is the last part of the action.
func (m message) verb() string { return m.Action[strings.LastIndexByte(m.Action, '/')+1:] }

// answer is what a handler says: a SOAP body, a fault, or a bare status.
type answer struct {
	status  int // 0: 200
	kind    string
	headers map[string]string
	text    string
}

// peer is a WinRM listener whose words the test chooses.
type peer struct {
	*httptest.Server
	patience time.Duration // of clients, on top of what a Receive may take

	mu   sync.Mutex
	seen []message
	say  map[string]func(message) answer
}

// newPeer answers every action in the usual way until a test changes what it says.
func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{patience: 500 * time.Millisecond, say: map[string]func(message) answer{}}
	p.say["Create"] = func(m message) answer {
		return reply(m, `<rsp:Shell><rsp:ShellId>S-1</rsp:ShellId></rsp:Shell>`)
	}
	p.say["Command"] = func(m message) answer {
		return reply(m, `<rsp:CommandResponse><rsp:CommandId>C-1</rsp:CommandId></rsp:CommandResponse>`)
	}
	p.say["Send"] = func(m message) answer { return reply(m, `<rsp:SendResponse/>`) }
	p.say["Receive"] = func(m message) answer { return output(m, "out", "", "Running") }
	p.say["Signal"] = func(m message) answer { return reply(m, `<rsp:SignalResponse/>`) }
	p.say["Delete"] = func(m message) answer { return reply(m, "") }
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	p.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that a test breaks off
	p.StartTLS()
	t.Cleanup(p.Server.Close)
	t.Cleanup(p.Server.CloseClientConnections)
	return p
}

func (p *peer) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	m := message{bytes: len(body), request: r}
	if user, password, ok := r.BasicAuth(); !ok || user != "deploy" || password != "right" {
		w.Header().Add("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", `Basic realm="WSMAN"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if err := xml.Unmarshal(body, &m); err != nil || r.URL.Path != "/wsman" {
		http.Error(w, "not SOAP", http.StatusBadRequest)
		return
	}
	p.mu.Lock()
	p.seen = append(p.seen, m)
	say := p.say[m.verb()]
	p.mu.Unlock()
	a := say(m)
	if a.kind == "" {
		a.kind = "application/soap+xml;charset=UTF-8"
	}
	for k, v := range a.headers {
		w.Header().Set(k, v)
	}
	w.Header().Set("Content-Type", a.kind)
	if a.status == 0 {
		a.status = http.StatusOK
	}
	w.WriteHeader(a.status)
	_, _ = io.WriteString(w, a.text)
}

// on changes what the peer says to one action.
func (p *peer) on(verb string, say func(message) answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.say[verb] = say
}

// requests is what has arrived with one action.
func (p *peer) requests(verb string) []message {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []message
	for _, m := range p.seen {
		if m.verb() == verb {
			out = append(out, m)
		}
	}
	return out
}

func reply(m message, body string) answer {
	action := m.Action + "Response"
	return answer{text: fmt.Sprintf(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
 xmlns:rsp="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><s:Header><a:Action>%s</a:Action>
<a:MessageID>uuid:1</a:MessageID><a:RelatesTo>%s</a:RelatesTo></s:Header><s:Body>%s</s:Body></s:Envelope>`, action, m.ID, body)}
}

func output(m message, stdout, stderr, state string) answer {
	body := `<rsp:ReceiveResponse>`
	for _, s := range []struct{ name, data string }{{"stdout", stdout}, {"stderr", stderr}} {
		if s.data != "" {
			body += fmt.Sprintf(`<rsp:Stream Name="%s" CommandId="C-1">%s</rsp:Stream>`, s.name, base64.StdEncoding.EncodeToString([]byte(s.data)))
		}
	}
	body += fmt.Sprintf(`<rsp:CommandState CommandId="C-1" State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/%s">`, state)
	if state == "Done" {
		body += `<rsp:ExitCode>3</rsp:ExitCode>`
	}
	return reply(m, body+`</rsp:CommandState></rsp:ReceiveResponse>`)
}

// wsmanFault is a fault as Windows Server 2012 and later words it.
func wsmanFault(code uint32, subcode, text string) answer {
	return answer{status: http.StatusInternalServerError, text: fmt.Sprintf(`<s:Envelope xml:lang="en-US"
 xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header>
<a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action></s:Header><s:Body><s:Fault>
<s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:%s</s:Value></s:Subcode></s:Code>
<s:Reason><s:Text xml:lang="en-US">%s</s:Text></s:Reason><s:Detail>
<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="%d" Machine="localhost"><f:Message>%s</f:Message></f:WSManFault>
</s:Detail></s:Fault></s:Body></s:Envelope>`, subcode, text, code, text)}
}

func timedOut(message) answer {
	return wsmanFault(2150858793, "TimedOut", "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.")
}

func gone(message) answer {
	return wsmanFault(2150858843, "InvalidSelectors", "The request for the Windows Remote Shell failed because the shell was not found.")
}

// options reach the peer as a trusted listener; quick bounds for tests.
func (p *peer) options() winrm.Options {
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	host, port, _ := net.SplitHostPort(p.Listener.Addr().String())
	number, _ := strconv.Atoi(port)
	return winrm.Options{
		Host: host, Port: number, User: "deploy", Password: "right", CAs: pool, ServerName: "example.com",
		Timeouts: winrm.Timeouts{Dial: 2 * time.Second, Operation: 500 * time.Millisecond, Margin: p.patience, Delete: time.Second},
	}
}

func (p *peer) client(t *testing.T) *winrm.Client {
	t.Helper()
	c, err := winrm.New(p.options())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// shell is open, with a command in it.
func (p *peer) shell(t *testing.T) *winrm.Shell {
	t.Helper()
	s, err := p.client(t).Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), "agent"); err != nil {
		t.Fatal(err)
	}
	return s
}
