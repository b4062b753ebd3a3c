package iistest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
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
}

type probed struct {
	Status  int     `json:"status"`
	MS      float64 `json:"ms"`
	Bytes   int64   `json:"bytes"`
	Version string  `json:"version"`
	Worker  int     `json:"worker"`
	Error   string  `json:"error"`
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
	if a.Host == "" {
		a.Host = c.app
	}
	client := c.server.ownClient()
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

// ownClient talks to the server's own site over one connection, without a proxy and without following redirects.
func (s *Server) ownClient() *http.Client {
	address := net.JoinHostPort(s.config.Address, strconv.Itoa(s.front.port))
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			MaxConnsPerHost: 1, MaxIdleConnsPerHost: 1,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "tcp", address)
			},
			// The agent on a server asks that server itself: the name in the certificate proves nothing more.
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"http/1.1"}},
		},
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
	n, err := io.Copy(io.Discard, answer.Body)
	_ = answer.Body.Close() // what mattered was read
	if err != nil {
		return probed{MS: since(began), Error: err.Error()}
	}
	return probed{Status: answer.StatusCode, MS: since(began), Bytes: n, Version: versionOf(answer, a.Header)}
}

func versionOf(answer *http.Response, header string) string {
	if header == "" {
		return ""
	}
	return answer.Header.Get(header)
}

func since(t time.Time) float64 { return float64(time.Since(t)) / float64(time.Millisecond) }
