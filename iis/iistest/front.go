package iistest

import (
	"context"
	"crypto/tls"
	"fmt"
	"html"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// front is http.sys: it owns the port while at least one site is started, knows which connection talks to which site, and
// answers by itself where no application can.
type front struct {
	address string
	port    int
	tls     *tls.Config
	server  *http.Server
	machine *machine

	mu       sync.Mutex
	listener net.Listener
	sites    map[string]bool
	conns    map[*connection]bool
	serving  sync.WaitGroup
}

// connection is one client's, with the site that it last talked to.
type connection struct {
	net.Conn
	front *front
	slot  atomic.Pointer[string]
	ended atomic.Bool // by the server: reset
}

// Close forgets the connection.
func (c *connection) Close() error {
	c.front.mu.Lock()
	delete(c.front.conns, c)
	c.front.mu.Unlock()
	return c.Conn.Close()
}

// abort resets the connection, so that the other side sees an error instead of an end.
func (c *connection) abort() {
	c.ended.Store(true)
	abort(c.Conn)
}

func abort(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		_ = t.SetLinger(0) // without it the end would be an orderly one; nothing else depends on it
	}
	_ = c.Close()
}

type connectionKey struct{}

func newFront(c Config) (*front, error) {
	l, err := listen(c.Address, c.SitePort)
	if err != nil {
		return nil, fmt.Errorf("the site's port: %w", err)
	}
	f := &front{address: c.Address, port: l.Addr().(*net.TCPAddr).Port, sites: map[string]bool{}, conns: map[*connection]bool{},
		tls: &tls.Config{Certificates: []tls.Certificate{c.Certificate}, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12,
			CurvePreferences: curves()}}
	if err := l.Close(); err != nil {
		return nil, fmt.Errorf("give the site's port back: %w", err)
	}
	f.tls.GetConfigForClient = f.secure
	f.server = &http.Server{
		Handler: f, ReadHeaderTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute, ErrorLog: log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connectionKey{}, c.(*tls.Conn).NetConn())
		},
	}
	return f, nil
}

// open makes the port listen for one more site.
func (f *front) open(slot string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener == nil {
		l, err := listen(f.address, f.port)
		if err != nil {
			return err
		}
		f.listener = l
		f.serving.Go(func() { _ = f.server.Serve(tls.NewListener(tracker{l, f}, f.tls)) }) // ends when l is closed
	}
	f.sites[slot] = true
	return nil
}

// occupied says whether the port is another program's.
func (f *front) occupied() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.listener != nil {
		return false
	}
	l, err := listen(f.address, f.port)
	return err != nil || l.Close() != nil
}

// leave stops listening for a site and resets its connections; with the last site the port closes.
func (f *front) leave(slot string) {
	f.mu.Lock()
	delete(f.sites, slot)
	last := len(f.sites) == 0
	f.mu.Unlock()
	if last {
		f.close()
		return
	}
	f.reset(slot)
}

// close closes the port and resets every connection.
func (f *front) close() {
	f.mu.Lock()
	if f.listener != nil {
		_ = f.listener.Close() // a listener that is closed already is what is wanted
	}
	f.listener, f.sites = nil, map[string]bool{}
	f.mu.Unlock()
	f.abortWhere(func(*connection) bool { return true })
}

// reset resets the connections that talk to one site.
func (f *front) reset(slot string) {
	f.abortWhere(func(c *connection) bool {
		s := c.slot.Load()
		return s != nil && *s == slot
	})
}

func (f *front) abortWhere(wanted func(*connection) bool) {
	f.mu.Lock()
	var hit []*connection
	for c := range f.conns {
		if wanted(c) {
			hit = append(hit, c)
			delete(f.conns, c)
		}
	}
	f.mu.Unlock()
	for _, c := range hit {
		c.abort()
	}
}

// shut ends the front for good.
func (f *front) shut() {
	f.close()
	_ = f.server.Close() // its listeners and connections are gone already
	f.serving.Wait()
}

// tracker books every accepted connection.
type tracker struct {
	net.Listener
	front *front
}

// Accept takes a connection, unless the port has closed in between.
func (t tracker) Accept() (net.Conn, error) {
	inner, err := t.Listener.Accept()
	if err != nil {
		return nil, err
	}
	c := &connection{Conn: inner, front: t.front}
	t.front.mu.Lock()
	defer t.front.mu.Unlock()
	if t.front.listener != t.Listener {
		abort(inner)
		return nil, net.ErrClosed
	}
	t.front.conns[c] = true
	return c, nil
}

// ServeHTTP answers as the site that the Host header is bound to, or as http.sys itself.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	slot, open := f.machine.route(host)
	c := r.Context().Value(connectionKey{}).(*connection)
	if !open {
		c.abort() // the port is closing
		return
	}
	if slot == "" {
		f.machine.refused.add(http.StatusNotFound, "NotFound", "")
		kernel(w, http.StatusNotFound, "Not Found", "HTTP Error 404. The requested resource is not found.")
		return
	}
	c.slot.Store(&slot)
	job, ok := f.machine.begin(slot, r.URL.Path)
	if !ok {
		f.machine.refused.add(http.StatusServiceUnavailable, "AppOffline", slot)
		kernel(w, http.StatusServiceUnavailable, "Service Unavailable", "HTTP Error 503. The service is unavailable.")
		return
	}
	n, _ := io.Copy(io.Discard, r.Body)
	if !pause(r.Context(), time.Until(job.ready)) || c.ended.Load() {
		f.machine.end(job, false)
		if !c.ended.Load() {
			job.log.add(entry{request: r, status: job.status, win32: clientGone, took: time.Since(began)})
		}
		c.abort()
		return
	}
	f.machine.end(job, true)
	job.log.add(entry{request: r, status: job.status, took: time.Since(began)})
	answer(w, r, job, n)
}

// clientGone is ERROR_NETNAME_DELETED, which IIS logs when the client has gone before the answer.
const clientGone = 64

// answer is the application's.
func answer(w http.ResponseWriter, r *http.Request, job request, received int64) {
	h := w.Header()
	h.Set("Server", "Microsoft-IIS/10.0")
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("X-App-Release", job.version)
	h.Set("X-App-Slot", job.slot)
	w.WriteHeader(job.status)
	if job.page != "" {
		_, _ = io.WriteString(w, job.page) // a client may go
		return
	}
	title := "OK"
	if job.status >= http.StatusInternalServerError {
		title = "Server Error"
	}
	_, _ = fmt.Fprintf(w, "<!doctype html><title>%s</title><h1>%s</h1><p>%s %s, %d bytes received, by %s</p>\n", // a client may go
		title, title, html.EscapeString(r.Method), html.EscapeString(r.URL.Path), received, html.EscapeString(job.slot))
}

// kernel is an answer of http.sys itself; no access log has it.
func kernel(w http.ResponseWriter, status int, title, text string) {
	h := w.Header()
	h.Set("Server", "Microsoft-HTTPAPI/2.0")
	h.Set("Content-Type", "text/html; charset=us-ascii")
	h.Set("Connection", "close")
	w.WriteHeader(status)
	page := fmt.Sprintf("<HTML><HEAD><TITLE>%s</TITLE></HEAD>\r\n<BODY><h2>%s</h2>\r\n<hr><p>%s</p>\r\n</BODY></HTML>\r\n", title, title, text)
	_, _ = io.Copy(w, strings.NewReader(page)) // a client may go
}

// pause returns true after d, and false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// curves is what Windows Server exchanges keys by, in its order: none of those that withstand quantum computers.
func curves() []tls.CurveID { return []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384} }
