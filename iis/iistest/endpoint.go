package iistest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// endpoint is the WinRM service with its listeners.
type endpoint struct {
	server   *Server
	acceptor *acceptor // of Kerberos; nil: the machine is in no domain
	shells   *shells
	http     *http.Server
	port     int // HTTPS
	plain    int // HTTP; 0: none
	requests atomic.Int64
	refused  atomic.Int64 // logins with a wrong password
	serving  sync.WaitGroup

	mu        sync.Mutex
	listeners []net.Listener
	conns     map[net.Conn]bool // raw
	down      bool              // the machine reboots or is off: nothing new begins
	processes sync.WaitGroup
}

func newEndpoint(s *Server) (*endpoint, error) {
	e := &endpoint{server: s, shells: newShells(s.config, s.record), port: s.config.WinRMPort, plain: s.config.PlainPort, conns: map[net.Conn]bool{}}
	e.http = &http.Server{
		Handler: e, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			if secure, is := c.(*tls.Conn); is {
				c = secure.NetConn()
			}
			return context.WithValue(ctx, connectionKey{}, c)
		},
	}
	var err error
	if e.acceptor, err = newAcceptor(s.config.Keytab); err != nil {
		return nil, err
	}
	return e, e.listen()
}

// listen opens the ports: those of the configuration at first, and the same again after hangUp.
func (e *endpoint) listen() error {
	c := e.server.config
	l, err := listen(c.Address, e.port)
	if err != nil {
		return fmt.Errorf("the WinRM port: %w", err)
	}
	if e.port == 0 { // read without a lock from then on
		e.port = l.Addr().(*net.TCPAddr).Port
	}
	e.serve(tls.NewListener(gate{l, e}, e.secure()))
	if !c.Plain {
		return nil
	}
	if l, err = listen(c.Address, e.plain); err != nil {
		return errors.Join(fmt.Errorf("the plain WinRM port: %w", err), e.hangUp())
	}
	if e.plain == 0 {
		e.plain = l.Addr().(*net.TCPAddr).Port
	}
	e.serve(gate{l, e})
	return nil
}

// serve takes the connections of a listener until that is closed.
func (e *endpoint) serve(l net.Listener) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.listeners = append(e.listeners, l)
	e.serving.Go(func() { _ = e.http.Serve(l) }) // ends when l is closed
}

// hangUp closes the ports.
func (e *endpoint) hangUp() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all error
	for _, l := range e.listeners {
		all = errors.Join(all, l.Close())
	}
	e.listeners = nil
	return all
}

// gate accepts connections, or resets them while the server is to be unreachable.
type gate struct {
	*net.TCPListener
	endpoint *endpoint
}

// Accept returns the next connection that may come in.
func (g gate) Accept() (net.Conn, error) {
	for {
		c, err := g.TCPListener.Accept()
		if err != nil {
			return nil, err
		}
		if g.endpoint.server.faults.isUnreachable() || !g.endpoint.book(c) {
			abort(c)
			continue
		}
		return &wire{Conn: c, endpoint: g.endpoint}, nil
	}
}

// book takes a connection; false while the machine is down.
func (e *endpoint) book(c net.Conn) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.down {
		e.conns[c] = true
	}
	return !e.down
}

// reset resets every connection. Shells live on, as they do on Windows.
func (e *endpoint) reset() {
	e.mu.Lock()
	conns := e.conns
	e.conns = map[net.Conn]bool{}
	e.mu.Unlock()
	for c := range conns {
		abort(c)
	}
}

// goDown ends every shell and connection and returns when no process is left.
func (e *endpoint) goDown() {
	e.fall()
	e.processes.Wait()
}

// fall ends every shell and connection.
func (e *endpoint) fall() {
	e.mu.Lock()
	e.down = true
	e.mu.Unlock()
	e.shells.removeAll()
	e.reset()
}

func (e *endpoint) comeUp() {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.down = false
}

// spawn runs a process, unless the machine is down.
func (e *endpoint) spawn(run func()) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.down {
		e.processes.Go(run)
	}
	return !e.down
}

func (e *endpoint) close() error {
	err := e.hangUp()
	e.goDown()
	_ = e.http.Close() // the listener's error is reported, the connections are gone
	e.serving.Wait()
	return err
}

// ServeHTTP is one request, as http.sys and then the service treat it.
func (e *endpoint) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !strings.EqualFold(strings.TrimSuffix(r.URL.Path, "/"), "/wsman") {
		kernel(w, http.StatusNotFound, "Not Found", "HTTP Error 404. The requested resource is not found.")
		return
	}
	w.Header().Set("Server", "Microsoft-HTTPAPI/2.0")
	e.requests.Add(1)
	if e.server.faults.isRestarting() {
		e.server.record("503 while the service starts")
		kernel(w, http.StatusServiceUnavailable, "Service Unavailable", "HTTP Error 503. The service is unavailable.")
		return
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, 16<<20))
	if err != nil {
		return
	}
	if r.Method != http.MethodPost {
		w.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	anonymous := strings.EqualFold(r.Header.Get("WSMANIDENTIFY"), "unauthenticated")
	if anonymous && isIdentify(text) {
		outlet{ResponseWriter: w}.text(http.StatusOK, identified("0.0.0"))
		return
	}
	to, text, ok := e.admit(w, r, text)
	if !ok {
		return
	}
	if overhear := e.server.config.Overhear; overhear != nil {
		overhear(r, text)
	}
	if overhear := e.server.config.OverhearAnswer; overhear != nil {
		to.told = func(answer []byte) { overhear(r, answer) }
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/soap+xml") {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	if isIdentify(text) {
		to.text(http.StatusOK, identified("10.0.20348"))
		return
	}
	e.dispatch(to, r, text)
}

// envelope is an answer to the message with that id.
func envelope(action, relatesTo, body string) string {
	relates := ""
	if relatesTo != "" {
		relates = "<a:RelatesTo>" + escape(relatesTo) + "</a:RelatesTo>"
	}
	return `<s:Envelope xml:lang="en-US" xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `" xmlns:x="` + nsTransfer + `" xmlns:w="` +
		nsManagement + `" xmlns:rsp="` + nsShell + `" xmlns:p="` + nsMicrosoft + `"><s:Header><a:Action>` + action +
		`</a:Action><a:MessageID>uuid:` + uuid() + `</a:MessageID><a:To>` + nsAddressing + `/role/anonymous</a:To>` + relates +
		`</s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

// isIdentify recognises the one message that needs no header.
func isIdentify(text []byte) bool {
	root, err := parseXML(text)
	return err == nil && root.name.Space == nsSOAP && root.child(nsSOAP, "Body").child(nsIdentity, "Identify") != nil
}

func identified(os string) string {
	return `<s:Envelope xml:lang="en-US" xmlns:s="` + nsSOAP + `"><s:Header/><s:Body><wsmid:IdentifyResponse xmlns:wsmid="` + nsIdentity +
		`"><wsmid:ProtocolVersion>` + nsManagement + `</wsmid:ProtocolVersion><wsmid:ProductVendor>Microsoft Corporation</wsmid:ProductVendor>` +
		`<wsmid:ProductVersion>OS: ` + os + ` SP: 0.0 Stack: 3.0</wsmid:ProductVersion></wsmid:IdentifyResponse></s:Body></s:Envelope>`
}
