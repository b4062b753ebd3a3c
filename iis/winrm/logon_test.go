package winrm_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
	"iiscanary/iis/winrm/ntlm"
)

// windows is a simulated server with both listeners, Basic switched off.
func windows(t *testing.T, adjust func(*iistest.Config)) *iistest.Server {
	t.Helper()
	p := httptest.NewUnstartedServer(nil)
	p.StartTLS() // for its certificate only
	certificate := p.TLS.Certificates[0]
	p.Close()
	c := iistest.Config{Address: "127.0.0.1", User: "deploy", Password: "right", App: "app", Root: t.TempDir(), Certificate: certificate, Plain: true, NoBasic: true}
	if adjust != nil {
		adjust(&c)
	}
	s, err := iistest.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// aimed are options for one of the server's listeners.
func aimed(s *iistest.Server, plain bool) winrm.Options {
	o := winrm.Options{Host: "127.0.0.1", Port: s.WinRMPort(), Auth: winrm.NTLM, User: "deploy", Password: "right", ServerName: "example.com", CAs: exampleCAs(),
		Timeouts: winrm.Timeouts{Dial: 2 * time.Second, Operation: 2 * time.Second, Margin: 2 * time.Second, Delete: time.Second}}
	if plain {
		o.Plain, o.Port = true, s.PlainPort()
	}
	return o
}

// exampleCAs trusts the certificate that every httptest server has.
func exampleCAs() *x509.CertPool {
	p := httptest.NewTLSServer(nil)
	defer p.Close()
	pool := x509.NewCertPool()
	pool.AddCert(p.Certificate())
	return pool
}

func open(t *testing.T, o winrm.Options) (*winrm.Shell, error) {
	t.Helper()
	c, err := winrm.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.Open(t.Context())
}

func TestNTLMTakesEveryFormOfAnAccount(t *testing.T) {
	s := windows(t, nil)
	domain := windows(t, func(c *iistest.Config) { c.User = `CORP\deploy` })
	for user, on := range map[string]*iistest.Server{"deploy": s, "DEPLOY": s, `.\deploy`: s, `WEB-SIM\deploy`: s, `CORP\deploy`: domain, `corp\Deploy`: domain} {
		for _, plain := range []bool{true, false} {
			o := aimed(on, plain)
			o.User = user
			if _, err := open(t, o); err != nil {
				t.Errorf("%s, plain %v: %v", user, plain, err)
			}
		}
	}
}

func TestALoginThatDoesNotHoldIsBroughtWithEveryRequest(t *testing.T) {
	s := windows(t, func(c *iistest.Config) { c.ForgetLogins = true })
	shell, err := open(t, aimed(s, false))
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(t.Context(), "hostname"); err != nil {
		t.Fatal(err)
	}
	before := s.Truth().WinRMCalls
	if out, err := shell.Receive(t.Context()); err != nil || string(out.Stdout) != "WEB-SIM\r\n" {
		t.Fatalf("%q, %v", out.Stdout, err)
	}
	if n := s.Truth().WinRMCalls - before; n != 2 {
		t.Errorf("%d requests for one operation, want 2: one more than where logins hold", n)
	}
	if n := s.Truth().LoginFails; n != 0 {
		t.Errorf("%d refused logins", n)
	}
}

func TestAPasswordThatWasChangedIsTriedOnceMore(t *testing.T) {
	s := windows(t, nil)
	shell, err := open(t, aimed(s, true))
	if err != nil {
		t.Fatal(err)
	}
	s.SetTrouble(iistest.Trouble{Password: "changed"})
	s.Unreachable(true) // the connection goes, the shell stays
	s.Unreachable(false)
	var auth *winrm.AuthError
	if err := shell.Start(t.Context(), "hostname"); !errors.As(err, &auth) {
		t.Errorf("got %v", err)
	}
	if n := s.Truth().LoginFails; n != 1 {
		t.Errorf("%d refused logins", n)
	}
}

// impostor answers as a test says. It counts passwords that came in clear.
type impostor struct {
	*httptest.Server
	leaked   atomic.Int64
	requests atomic.Int64
}

func newImpostor(t *testing.T, say http.HandlerFunc) *impostor {
	t.Helper()
	p := &impostor{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		if strings.HasPrefix(r.Header.Get("Authorization"), "Basic") || bytes.Contains(body, []byte("Envelope>")) {
			p.leaked.Add(1)
		}
		say(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *impostor) options() winrm.Options {
	o := winrm.Options{Host: "127.0.0.1", Plain: true, Auth: winrm.NTLM, User: "deploy", Password: "right"}
	_, _ = fmt.Sscanf(p.URL, "http://127.0.0.1:%d", &o.Port)
	return o
}

// Bug 11 of the stock transport: when the handshake fails it sends the password in clear.
func TestNothingWeakerIsUsedThanWhatWasConfigured(t *testing.T) {
	weak := []byte("NTLMSSP\x00\x02\x00\x00\x00\x00\x00\x00\x00\x38\x00\x00\x00\x03\x82\x88\xa2" + strings.Repeat("\x00", 32))
	for name, say := range map[string]http.HandlerFunc{
		"only Basic is offered": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", `Basic realm="WSMAN"`)
			w.WriteHeader(http.StatusUnauthorized)
		},
		"a weak challenge": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(weak))
			w.WriteHeader(http.StatusUnauthorized)
		},
		"no login is asked for": func(http.ResponseWriter, *http.Request) {},
		"a challenge of noise": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("WWW-Authenticate", "Negotiate AAAA")
			w.WriteHeader(http.StatusUnauthorized)
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := newImpostor(t, say)
			if _, err := open(t, p.options()); err == nil || strings.Contains(err.Error(), "right") {
				t.Errorf("got %v", err)
			}
			if p.leaked.Load() != 0 {
				t.Error("something went out in clear")
			}
			if n := p.requests.Load(); n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

func TestOverPlainHTTPOnlyNTLMIsTaken(t *testing.T) {
	for _, auth := range []winrm.Auth{"", winrm.Basic} {
		if _, err := winrm.New(winrm.Options{Host: "h", Port: 5985, Plain: true, Auth: auth, User: "u"}); err == nil || !strings.Contains(err.Error(), "in clear") {
			t.Errorf("%q: %v", auth, err)
		}
	}
	if _, err := winrm.New(winrm.Options{Host: "h", Port: 5985, Auth: "kerberos", User: "u"}); err == nil {
		t.Error("an unknown way to log in")
	}
}

// Everything that comes without its seal could have been made by anybody on the way.
func TestAnAnswerWithoutItsSealIsRefused(t *testing.T) {
	s := windows(t, nil)
	var strip atomic.Bool
	p := newImpostor(t, relay(t, s, func(res *http.Response) {
		if strip.Load() {
			res.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
			res.Body = io.NopCloser(strings.NewReader("<s:Envelope/>"))
			res.ContentLength = -1
		}
	}))
	shell, err := open(t, p.options())
	if err != nil {
		t.Fatal(err)
	}
	strip.Store(true)
	if err := shell.Start(t.Context(), "hostname"); err == nil || !strings.Contains(err.Error(), "not sealed") {
		t.Errorf("got %v", err)
	}
}

// relay hands requests on to the server's plain listener, over one connection.
func relay(t *testing.T, s *iistest.Server, bend func(*http.Response)) http.HandlerFunc {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	t.Cleanup(client.CloseIdleConnections)
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := http.NewRequestWithContext(r.Context(), r.Method, fmt.Sprintf("http://127.0.0.1:%d/wsman", s.PlainPort()), r.Body)
		if err != nil {
			return
		}
		out.Header, out.ContentLength = r.Header, r.ContentLength
		res, err := client.Do(out)
		if err != nil {
			return
		}
		defer res.Body.Close()
		bend(res)
		for name, values := range res.Header {
			w.Header()[name] = values
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(res.StatusCode)
		_, _ = io.Copy(w, res.Body)
	}
}

func TestSidesThatAreOutOfStepShakeHandsAnew(t *testing.T) {
	s := windows(t, nil)
	var lose atomic.Bool
	forward := relay(t, s, func(*http.Response) {})
	p := newImpostor(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" && lose.CompareAndSwap(true, false) {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		forward(w, r)
	})
	shell, err := open(t, p.options())
	if err != nil {
		t.Fatal(err)
	}
	lose.Store(true)
	if err := shell.Start(t.Context(), "hostname"); err != nil {
		t.Error(err)
	}
}

// raw is one connection to a simulated server on which a test says what it likes.
type raw struct {
	t      *testing.T
	client *http.Client
	url    string
}

func newRaw(t *testing.T, s *iistest.Server, plain bool) *raw {
	c := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1, TLSClientConfig: &tls.Config{RootCAs: exampleCAs(), ServerName: "example.com"}}}
	t.Cleanup(c.CloseIdleConnections)
	url := fmt.Sprintf("https://127.0.0.1:%d/wsman", s.WinRMPort())
	if plain {
		url = fmt.Sprintf("http://127.0.0.1:%d/wsman", s.PlainPort())
	}
	return &raw{t, c, url}
}

func (c *raw) post(authorization []byte, kind string, body []byte) (status int, token []byte) {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url, bytes.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	if authorization != nil {
		r.Header.Set("Authorization", "Negotiate "+base64.StdEncoding.EncodeToString(authorization))
	}
	r.Header.Set("Content-Type", kind)
	res, err := c.client.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	_, text, _ := strings.Cut(res.Header.Get("WWW-Authenticate"), " ")
	token, _ = base64.StdEncoding.DecodeString(text)
	return res.StatusCode, token
}

// logon shakes hands and returns what the last message got.
func (c *raw) logon(binding []byte, bend func([]byte)) (status int, last []byte, s *ntlm.Session) {
	c.t.Helper()
	h := ntlm.NewHandshake(ntlm.NewAccount("deploy", "right"), "HTTP/web", binding)
	_, challenge := c.post(h.Negotiate(), soapKind, nil)
	last, s, err := h.Authenticate(challenge)
	if err != nil {
		c.t.Fatal(err)
	}
	bend(last)
	status, _ = c.post(last, soapKind, nil)
	return status, last, s
}

const (
	soapKind   = "application/soap+xml;charset=UTF-8"
	sealedKind = `multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"`
)

func straight([]byte) {}

func framed(s *ntlm.Session, text string) []byte {
	signature, data := s.Seal([]byte(text))
	head := fmt.Sprintf("--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n"+
		"\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=%d\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n", len(text))
	return bytes.Join([][]byte{[]byte(head), {16, 0, 0, 0}, signature, data, []byte("--Encrypted Boundary--\r\n")}, nil)
}

const identify = `<e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"><e:Header/><e:Body><i:Identify/></e:Body></e:Envelope>`

func TestTheSimulatedServerIsStrictAboutNTLM(t *testing.T) {
	s := windows(t, nil)
	expect := func(what string, got, want int) {
		t.Helper()
		if got != want {
			t.Errorf("%s: HTTP %d, want %d", what, got, want)
		}
	}
	status := func(c *raw, authorization []byte, kind string, body []byte) int {
		t.Helper()
		n, _ := c.post(authorization, kind, body)
		return n
	}
	c := newRaw(t, s, true)
	n, last, session := c.logon(nil, straight)
	expect("a logon", n, http.StatusOK)
	one := framed(session, identify)
	expect("a sealed request", status(c, nil, sealedKind, one), http.StatusOK)
	expect("an unsealed one after it", status(c, nil, soapKind, []byte(identify)), http.StatusUnauthorized)
	expect("a sealed one after that", status(c, nil, sealedKind, framed(session, identify)), http.StatusOK)
	expect("the first again", status(c, nil, sealedKind, one), http.StatusBadRequest)
	expect("the next, once the two are out of step", status(c, nil, sealedKind, framed(session, identify)), http.StatusUnauthorized)

	expect("the last message on another connection", status(newRaw(t, s, true), last, soapKind, nil), http.StatusUnauthorized)
	c = newRaw(t, s, true)
	_, _, session = c.logon(nil, straight)
	expect("a sealed request on another connection", status(newRaw(t, s, true), nil, sealedKind, framed(session, identify)), http.StatusUnauthorized)
	forged := framed(session, identify)
	forged[len(forged)-40] ^= 1
	expect("a changed request", status(c, nil, sealedKind, forged), http.StatusBadRequest)

	before := s.Truth().LoginFails
	for name, bend := range map[string]func([]byte){
		"a changed integrity code": func(b []byte) { b[72] ^= 1 },
		"a changed response":       func(b []byte) { b[int(binary.LittleEndian.Uint32(b[24:]))] ^= 1 },
		"flags without sealing":    func(b []byte) { b[60] &^= 0x20 },
		"flags without 128 bits":   func(b []byte) { b[63] &^= 0x20 },
	} {
		n, _, _ := newRaw(t, s, true).logon(nil, bend)
		expect(name, n, http.StatusUnauthorized)
	}
	if n := s.Truth().LoginFails - before; n != 4 {
		t.Errorf("%d refused logins, want 4", n)
	}
}

func TestTheSimulatedServerChecksTheChannelBinding(t *testing.T) {
	p := httptest.NewTLSServer(nil)
	right := ntlm.Binding(p.Certificate())
	p.Close()
	wrong := bytes.Repeat([]byte{1}, 16)
	for _, strict := range []bool{false, true} {
		s := windows(t, func(c *iistest.Config) { c.StrictBinding = strict })
		for _, c := range []struct {
			name    string
			binding []byte
			plain   bool
			good    bool
		}{{"right", right, false, true}, {"of another connection", wrong, false, false}, {"none", nil, false, !strict}, {"none without TLS", nil, true, true}} {
			if n, _, _ := newRaw(t, s, c.plain).logon(c.binding, straight); (n == http.StatusOK) != c.good {
				t.Errorf("strict %v, binding %s: HTTP %d", strict, c.name, n)
			}
		}
	}
}
