// Package depot is where packages are kept in a rehearsal: a web server that wants a token, and an S3 that checks Signature Version 4, in
// headers and in the query of presigned addresses. It shares no code with what fetches from it, and answers what it does not know as
// the real ones do.
package depot

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Config says what a depot is like.
type Config struct {
	Certificate tls.Certificate // for localhost
	Token       string          // that the web server wants; empty: none
	// Region that all buckets are in, and the keys of the one account that may read them.
	Region, AccessKey, SecretKey string
}

// Object is one version of what is at a path.
type Object struct {
	Content []byte
	Version string // of an object of S3; empty: its bucket has no versions
}

// Asked is one request, and what it got.
type Asked struct {
	Path      string // without the query
	How       string // token, header, query (presigned) or nothing: how it was signed
	UserAgent string
	Status    int
}

// Depot is a depot that listens.
type Depot struct {
	config   Config
	server   *http.Server
	listener net.Listener

	mu      sync.Mutex
	objects map[string][]Object
	refusal map[string]int // status by how a request is signed, or by user agent
	held    map[string]bool
	asked   []Asked
}

// New opens a depot on a port of 127.0.0.1 that the system chooses.
func New(c Config) (*Depot, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the depot: %w", err)
	}
	d := &Depot{config: c, objects: map[string][]Object{}, refusal: map[string]int{}, held: map[string]bool{}}
	d.listener = tls.NewListener(l, &tls.Config{Certificates: []tls.Certificate{c.Certificate}, MinVersion: tls.VersionTLS12})
	d.server = &http.Server{Handler: d, ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = d.server.Serve(d.listener) }() // ends with Close
	return d, nil
}

// Close ends it.
func (d *Depot) Close() error { return d.server.Close() }

// URL is the address of both the web server and the S3, which has its buckets in the path.
func (d *Depot) URL() string {
	return fmt.Sprintf("https://localhost:%d", d.listener.Addr().(*net.TCPAddr).Port)
}

// Put keeps something at a path: /web/NAME of the web server, or /BUCKET/KEY of S3, where the last version is the newest.
func (d *Depot) Put(path string, versions ...Object) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.objects[path] = versions
}

// Refuse answers all requests of one user agent, or that are signed in one way, with a status; 0: no longer.
func (d *Depot) Refuse(who string, status int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.refusal[who] = status
}

// Hold leaves requests of one user agent, or that are signed in one way, without an answer, until who asks goes.
func (d *Depot) Hold(who string, on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.held[who] = on
}

// Move has all buckets in another region.
func (d *Depot) Move(region string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.config.Region = region
}

// Asked is every request so far. One that is held counts already.
func (d *Depot) Asked() []Asked {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Asked(nil), d.asked...)
}

func (d *Depot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	how := signedHow(r)
	d.mu.Lock()
	versions, region := d.objects[r.URL.Path], d.config.Region
	refused, held := max(d.refusal[how], d.refusal[r.UserAgent()]), d.held[how] || d.held[r.UserAgent()]
	n := len(d.asked)
	d.asked = append(d.asked, Asked{Path: r.URL.Path, How: how, UserAgent: r.UserAgent()})
	d.mu.Unlock()
	counted := &counting{ResponseWriter: w, status: http.StatusOK}
	switch {
	case r.Method != http.MethodGet:
		counted.WriteHeader(http.StatusMethodNotAllowed)
	case held:
		<-r.Context().Done()
	case refused != 0:
		counted.WriteHeader(refused)
	case strings.HasPrefix(r.URL.Path, "/web/"):
		d.web(counted, r, versions)
	default:
		d.s3(counted, r, how, region, versions)
	}
	d.mu.Lock()
	d.asked[n].Status = counted.status
	d.mu.Unlock()
}

func signedHow(r *http.Request) string {
	switch {
	case strings.HasPrefix(r.Header.Get("Authorization"), "Bearer "):
		return "token"
	case r.Header.Get("Authorization") != "":
		return "header"
	case r.URL.Query().Has("X-Amz-Signature"):
		return "query"
	}
	return "nothing"
}

func (d *Depot) web(w http.ResponseWriter, r *http.Request, versions []Object) {
	switch {
	case d.config.Token != "" && r.Header.Get("Authorization") != "Bearer "+d.config.Token:
		w.Header().Set("WWW-Authenticate", "Bearer")
		w.WriteHeader(http.StatusUnauthorized)
	case len(versions) == 0:
		w.WriteHeader(http.StatusNotFound)
	default:
		_, _ = w.Write(versions[len(versions)-1].Content) // who hangs up gets nothing
	}
}

// counting remembers the status.
type counting struct {
	http.ResponseWriter
	status int
}

func (c *counting) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}
