package iistest

import (
	"context"
	"crypto/subtle"
	"crypto/tls"
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

// endpoint is the WinRM service with its HTTPS listener.
type endpoint struct {
	server   *Server
	shells   *shells
	http     *http.Server
	listener *net.TCPListener
	port     int
	requests atomic.Int64
	refused  atomic.Int64 // logins
	serving  sync.WaitGroup

	mu        sync.Mutex
	conns     map[net.Conn]bool // raw
	down      bool              // the machine reboots or is off: nothing new begins
	processes sync.WaitGroup
}

func newEndpoint(s *Server) (*endpoint, error) {
	l, err := listen(s.config.Address, s.config.WinRMPort)
	if err != nil {
		return nil, fmt.Errorf("the WinRM port: %w", err)
	}
	e := &endpoint{server: s, shells: newShells(s.config), listener: l, port: l.Addr().(*net.TCPAddr).Port, conns: map[net.Conn]bool{}}
	secure := &tls.Config{Certificates: []tls.Certificate{s.config.Certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12}
	e.http = &http.Server{
		Handler: e, ReadHeaderTimeout: 30 * time.Second, ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c.(*tls.Conn).NetConn())
		},
	}
	e.serving.Go(func() { _ = e.http.Serve(tls.NewListener(gate{l, e}, secure)) }) // ends when l is closed
	return e, nil
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
		return &wire{c, g.endpoint}, nil
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

// wire is one connection, booked until it closes.
type wire struct {
	net.Conn
	endpoint *endpoint
}

// Close forgets the connection.
func (w *wire) Close() error {
	w.endpoint.mu.Lock()
	delete(w.endpoint.conns, w.Conn)
	w.endpoint.mu.Unlock()
	return w.Conn.Close()
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
	e.mu.Lock()
	e.down = true
	e.mu.Unlock()
	e.shells.removeAll()
	e.reset()
	e.processes.Wait()
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
	err := e.listener.Close()
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
		e.send(w, http.StatusOK, identified("0.0.0"))
		return
	}
	if !e.admits(r) {
		e.refused.Add(1)
		w.Header().Add("WWW-Authenticate", "Negotiate")
		w.Header().Add("WWW-Authenticate", `Basic realm="WSMAN"`)
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	if kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(kind), "application/soap+xml") {
		w.WriteHeader(http.StatusUnsupportedMediaType)
		return
	}
	if isIdentify(text) {
		e.send(w, http.StatusOK, identified("10.0.20348"))
		return
	}
	e.dispatch(w, r, text)
}

// admits compares login and password in constant time.
func (e *endpoint) admits(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	c := e.server.config
	same := subtle.ConstantTimeCompare([]byte(strings.ToLower(user)), []byte(strings.ToLower(c.User))) &
		subtle.ConstantTimeCompare([]byte(password), []byte(c.Password))
	return ok && same == 1
}

// dispatch runs one request and may lose its connection on the way.
func (e *endpoint) dispatch(w http.ResponseWriter, r *http.Request, text []byte) {
	fate := e.server.faults.next()
	wire := r.Context().Value(connectionKey{}).(*wire)
	if fate.latency > 0 && !pause(r.Context(), fate.latency) {
		return
	}
	if fate.before {
		abort(wire.Conn)
		return
	}
	m, f := message{}, (*wsFault)(nil)
	if len(text) > envelopeLimit {
		f = faultEncoding(2150858823, fmt.Sprintf("The WS-Management service cannot process the request. The request packet of %d bytes "+
			"exceeds the maximum envelope size of %d.", len(text), envelopeLimit))
	} else {
		m, f = readMessage(text)
	}
	var done reply
	if f == nil {
		done, f = e.handle(r.Context(), m)
	}
	if fate.after {
		abort(wire.Conn)
		return
	}
	if f != nil {
		e.send(w, http.StatusInternalServerError, envelope(nsManagement[:len(nsManagement)-len(".xsd")]+"/fault", m.id, f.xml(e.server.config.Name)))
		return
	}
	e.send(w, http.StatusOK, envelope(done.action, m.id, done.body))
}

func (e *endpoint) send(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/soap+xml;charset=UTF-8")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the client may be gone
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
