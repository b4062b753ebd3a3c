package iistest

import (
	"context"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

type probeArgs struct {
	Slot      string `json:"slot"`
	Path      string `json:"path"`
	Host      string `json:"host"`
	FirstMS   int64  `json:"first_ms"`
	EachMS    int64  `json:"each_ms"`
	Requests  int    `json:"requests"`
	Header    string `json:"header"`
	UserAgent string `json:"user_agent"`
	Port      int    `json:"port"`
}

// pageMost is how much of an error page is told, in bytes.
const pageMost = 2048

type probed struct {
	Status  int     `json:"status"`
	MS      float64 `json:"ms"`
	Bytes   int64   `json:"bytes"`
	Version string  `json:"version"`
	Worker  int     `json:"worker"`
	Error   string  `json:"error"`
	Server  string  `json:"server"`
	Page    string  `json:"page"`
}

func probe(ctx context.Context, c *call) (any, error) {
	var a probeArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if !strings.HasPrefix(a.Path, "/") || a.FirstMS <= 0 || a.EachMS <= 0 || a.Requests < 0 || a.Requests > 1000 {
		return nil, refuse("bad_request", "probe needs a path, first_ms, each_ms and 0 to 1000 requests")
	}
	name, err := c.slotArg()
	if err != nil {
		return nil, err
	}
	state, _ := c.server.slot(name)
	binding, there := chosen(state.Bindings, a.Port)
	if !there {
		return nil, refuse("not_found", "%s has no binding on port %d", name, a.Port)
	}
	address := net.JoinHostPort(c.server.config.Address, strconv.Itoa(portOf(binding)))
	if a.Host == "" { // as a health check of the balancer has it
		a.Host = address
	}
	sni, own := c.server.shown(a.Host)
	client := ownClient(address, sni, c.server.onBinding(binding), own)
	defer client.CloseIdleConnections()
	out := []probed{}
	for i := range a.Requests + 1 {
		limit := a.EachMS
		if i == 0 {
			limit = a.FirstMS
		}
		one := c.server.probeOnce(ctx, client, a, time.Duration(limit)*time.Millisecond)
		if state, ok := c.server.slot(name); ok && len(state.Workers) > 0 {
			one.Worker = state.Workers[0].PID
		}
		out = append(out, one)
		if one.Status == 0 {
			break
		}
	}
	return map[string]any{"answers": out}, nil
}

// chosen is the binding that is asked: the first one, or of those on a port the first without a host name, or else the first.
func chosen(bindings []string, port int) (string, bool) {
	on := slices.DeleteFunc(slices.Clone(bindings), func(b string) bool { return port != 0 && portOf(b) != port })
	if len(on) == 0 {
		return "", false
	}
	if i := slices.IndexFunc(on, func(b string) bool { return strings.HasSuffix(b, ":") }); port != 0 && i > 0 {
		return on[i], true
	}
	return on[0], true
}

// ownClient talks to the server's own site over one connection, without a proxy and without following redirects.
func ownClient(address, name string, bound ...string) *http.Client {
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", address)
			},
			// The agent on a server asks that server itself: names prove nothing more, and only what is bound to the port is right.
			TLSClientConfig: &tls.Config{ServerName: name, InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}, NextProtos: []string{"http/1.1"}, VerifyPeerCertificate: only(bound)},
		},
	}
}

// shown is the server name that is sent with a Host header (SNI), and the certificate that http.sys has for it; empty: none.
func (s *Server) shown(host string) (name, own string) {
	name, _, _ = strings.Cut(host, ":")
	if net.ParseIP(name) != nil {
		return "", ""
	}
	if one := s.machine.namedSite(name); one != nil {
		own = one.own()
	}
	return name, own
}

// only refuses a certificate that is neither what is bound to the port, where something is, nor the one for the name.
func only(bound []string) func([][]byte, [][]*x509.Certificate) error {
	return func(raw [][]byte, _ [][]*x509.Certificate) error {
		if sum := fmt.Sprintf("%X", sha1.Sum(raw[0])); bound[0] != "" && !slices.Contains(bound, sum) {
			return fmt.Errorf("the certificate is %s, and %s is bound to the port", sum, bound[0])
		}
		return nil
	}
}

func (s *Server) probeOnce(ctx context.Context, client *http.Client, a probeArgs, limit time.Duration) probed {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("https://%s:%d%s", s.config.Address, s.front.port, a.Path), nil)
	if err != nil {
		return probed{Error: err.Error()}
	}
	r.Host = a.Host
	if a.UserAgent != "" {
		r.Header.Set("User-Agent", a.UserAgent)
	}
	began := time.Now()
	answer, err := client.Do(r)
	if err != nil {
		return probed{MS: since(began), Error: err.Error()}
	}
	start := ""
	if answer.StatusCode >= http.StatusBadRequest {
		text, _ := io.ReadAll(io.LimitReader(answer.Body, pageMost)) // a body that breaks off is met below
		start = string(text)
	}
	n, err := io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close() // what mattered was read
	if err != nil {
		return probed{MS: since(began), Error: err.Error()}
	}
	return probed{Status: answer.StatusCode, MS: since(began), Bytes: n + int64(len(start)), Version: versionOf(answer, a.Header),
		Server: answer.Header.Get("Server"), Page: start}
}

func versionOf(answer *http.Response, header string) string {
	if header == "" {
		return ""
	}
	return answer.Header.Get(header)
}

func since(t time.Time) float64 { return float64(time.Since(t)) / float64(time.Millisecond) }
