package elbtest

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"time"
)

// nodeKey holds the number of the node that a customer's connection reached.
type nodeKey struct{}

func silentLog() *log.Logger { return log.New(io.Discard, "", 0) }

// forward answers one customer request.
func (b *Balancer) forward(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	if b.closed {
		b.mu.Unlock()
		panic(http.ErrAbortHandler)
	}
	b.background.Add(1)
	b.mu.Unlock()
	defer b.background.Done()

	arrived := time.Now()
	node, _ := r.Context().Value(nodeKey{}).(int)
	uri := r.URL.RequestURI()
	g, t := b.pick(node, r.URL.Path)
	trace := traced(r.Header.Get("X-Amzn-Trace-Id"), arrived)
	x := &exchange{b: b, w: w, r: r, target: t, trace: trace}
	if t == nil {
		x.refuse(http.StatusServiceUnavailable)
	} else {
		x.run()
		b.done(t)
	}
	b.record(x, g, Access{
		Time: time.Now(), Duration: time.Since(arrived), Client: r.RemoteAddr, Group: g.Name,
		Method: r.Method, Host: r.Host, URI: uri, Trace: trace,
	})
	if x.broken {
		panic(http.ErrAbortHandler)
	}
}

// record counts a request under the names that CloudWatch uses and writes the access log.
func (b *Balancer) record(x *exchange, g *group, entry Access) {
	entry.Status, entry.TargetStatus = x.status, x.targetStatus
	if x.target != nil {
		entry.Target, entry.TargetID = x.target.address, x.target.ID
	}
	b.mu.Lock()
	if x.target != nil {
		b.count("RequestCount")
	}
	if x.targetStatus != 0 {
		b.count(fmt.Sprintf("HTTPCode_Target_%dXX_Count", x.targetStatus/100))
	}
	if x.own {
		b.count(fmt.Sprintf("HTTPCode_ELB_%dXX_Count", x.status/100))
		b.count(fmt.Sprintf("HTTPCode_ELB_%d_Count", x.status))
	}
	if x.unconnected {
		b.count("TargetConnectionErrorCount")
	}
	b.mu.Unlock()
	if b.config.AccessLog != nil {
		b.config.AccessLog(entry)
	}
}

// count adds one to a counter; the caller holds b.mu.
func (b *Balancer) count(name string) { b.counters[name]++ }

// traced continues a trace or starts one.
func traced(given string, now time.Time) string {
	var random [12]byte
	rand.Read(random[:])
	id := fmt.Sprintf("1-%08x-%s", now.Unix(), hex.EncodeToString(random[:]))
	switch {
	case given == "":
		return "Root=" + id
	case strings.Contains(given, "Root="):
		return "Self=" + id + ";" + given
	default:
		return "Root=" + id + ";" + given
	}
}

// outgoing is the request as the target gets it.
func (x *exchange) outgoing(ctx context.Context) *http.Request {
	out := x.r.Clone(ctx)
	out.RequestURI = ""
	out.URL.Scheme = strings.ToLower(x.target.group.Protocol)
	out.URL.Host = x.target.address
	out.Host = x.r.Host
	out.Close = false
	out.Proto, out.ProtoMajor, out.ProtoMinor = "HTTP/1.1", 1, 1
	dropHopByHop(out.Header)
	if _, set := out.Header["User-Agent"]; !set {
		out.Header["User-Agent"] = nil
	}
	client, _, _ := net.SplitHostPort(x.r.RemoteAddr)
	if before := out.Header.Values("X-Forwarded-For"); len(before) > 0 {
		client = strings.Join(before, ", ") + ", " + client
	}
	_, port, _ := net.SplitHostPort(x.b.frontListener.Addr().String())
	scheme := "http"
	if x.r.TLS != nil {
		scheme = "https"
	}
	out.Header.Set("X-Forwarded-For", client)
	out.Header.Set("X-Forwarded-Proto", scheme)
	out.Header.Set("X-Forwarded-Port", port)
	out.Header.Set("X-Amzn-Trace-Id", x.trace)
	out.Body = x.body()
	return out
}

// dropHopByHop removes what concerns one connection only.
func dropHopByHop(h http.Header) {
	for _, list := range h.Values("Connection") {
		for name := range strings.SplitSeq(list, ",") {
			h.Del(textproto.TrimString(name))
		}
	}
	for _, name := range []string{"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate",
		"Proxy-Authorization", "Te", "Trailer", "Transfer-Encoding", "Upgrade"} {
		h.Del(name)
	}
}

// page is the body of an answer that the load balancer makes itself.
func page(status int) string {
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	if status == http.StatusServiceUnavailable {
		title = "503 Service Temporarily Unavailable"
	}
	if status == http.StatusGatewayTimeout {
		title = "504 Gateway Time-out"
	}
	return "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" + title +
		"</h1></center>\r\n</body>\r\n</html>\r\n"
}

// unconnectedError is a target that could not be reached at all.
type unconnectedError struct{ cause error }

func (e *unconnectedError) Error() string { return "connect to the target: " + e.cause.Error() }
func (e *unconnectedError) Unwrap() error { return e.cause }

// transport keeps connections to the targets and never follows, decodes or proxies anything.
func (b *Balancer) transport() *http.Transport {
	dial := func(protocol string) func(context.Context, string, string) (net.Conn, error) {
		return func(ctx context.Context, _, address string) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, b.config.ConnectTimeout)
			defer cancel()
			conn, err := dialTarget(ctx, protocol, address)
			if err != nil {
				return nil, &unconnectedError{err}
			}
			return conn, nil
		}
	}
	return &http.Transport{
		DialContext:            dial("HTTP"),
		DialTLSContext:         dial("HTTPS"),
		DisableCompression:     true,
		MaxIdleConnsPerHost:    256,
		IdleConnTimeout:        b.config.IdleTimeout,
		MaxResponseHeaderBytes: 32 << 10,
	}
}

// late reports whether an attempt ended because time ran out.
func late(err error) bool {
	var timed net.Error
	return errors.Is(err, context.DeadlineExceeded) || errors.As(err, &timed) && timed.Timeout()
}
