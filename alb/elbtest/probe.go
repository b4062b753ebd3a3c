package elbtest

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"
)

// How a node finds a target.
const (
	seatInitial = iota
	seatHealthy
	seatUnhealthy
)

// seat is how one node sees one registration. It is guarded by Balancer.mu.
type seat struct {
	target *target
	node   int
	listed bool // the node knows of the registration
	state  int

	passed, failed      int // in a row
	reason, description string

	rampFrom time.Time // start of its slow start; zero: none
	credit   float64   // share of a turn saved up during slow start
}

// probe is the outcome of one health check; reason "" is a pass.
type probe struct{ reason, description string }

// probeUntil checks a target at every interval, start to start, until ctx ends. Nodes are out of step with each other.
func (b *Balancer) probeUntil(ctx context.Context, s *seat) {
	g := s.target.group
	if !pause(ctx, g.Interval*time.Duration(s.node)/time.Duration(b.config.Nodes)) {
		return
	}
	for next := time.Now(); ; next = next.Add(g.Interval) {
		if !pause(ctx, time.Until(next)) {
			return
		}
		outcome := g.probe(ctx, s.target.address)
		if ctx.Err() != nil {
			return
		}
		b.mu.Lock()
		s.judge(outcome)
		b.mu.Unlock()
	}
}

// judge applies the thresholds: one success is enough to leave initial, but not to leave unhealthy.
func (s *seat) judge(outcome probe) {
	g := s.target.group
	if outcome.reason != "" {
		s.passed, s.failed = 0, s.failed+1
		s.reason, s.description = outcome.reason, outcome.description
		if s.failed >= g.UnhealthyCount {
			s.state, s.rampFrom = seatUnhealthy, time.Time{}
		}
		return
	}
	s.failed, s.passed = 0, s.passed+1
	if s.state == seatHealthy || s.state == seatUnhealthy && s.passed < g.HealthyCount {
		return
	}
	if g.SlowStart > 0 && len(g.healthySeats(s.node)) > 0 {
		s.rampFrom = time.Now()
	}
	s.state = seatHealthy
}

// probe sends one health check on a connection of its own, the way ELB-HealthChecker does.
func (g *group) probe(ctx context.Context, address string) probe {
	ctx, cancel := context.WithTimeout(ctx, g.Timeout)
	defer cancel()
	status, err := g.askHealth(ctx, address)
	var deadline net.Error
	switch {
	case err == nil && g.matches.has(status):
		return probe{}
	case err == nil:
		return probe{"Target.ResponseCodeMismatch", fmt.Sprintf("Health checks failed with these codes: [%d]", status)}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded),
		errors.As(err, &deadline) && deadline.Timeout():
		return probe{"Target.Timeout", "Request timed out"}
	default:
		return probe{"Target.FailedHealthChecks", "Health checks failed"}
	}
}

func (g *group) askHealth(ctx context.Context, address string) (int, error) {
	conn, err := dialTarget(ctx, g.Protocol, address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	_, err = fmt.Fprintf(conn, "GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n"+
		"User-Agent: ELB-HealthChecker/2.0\r\nAccept-Encoding: gzip, compressed\r\n\r\n", g.Path, address)
	if err != nil {
		return 0, err
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	_, err = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<20))
	return answer.StatusCode, err
}

// dialTarget connects as a load balancer does: certificates of targets are not looked at, no server name is sent.
func dialTarget(ctx context.Context, protocol, address string) (net.Conn, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil || protocol == "HTTP" {
		return conn, err
	}
	secured := tls.Client(conn, &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.X25519}})
	if err := secured.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secured, nil
}
