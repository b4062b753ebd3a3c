package elbtest_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

// counted waits until a counter has a value; requests are counted just after their answer is sent.
func counted(t *testing.T, b *elbtest.Balancer, name string, want int64) {
	t.Helper()
	until(t, fmt.Sprintf("%s = %d", name, want), func() bool { return b.Truth().Counters[name] == want })
}

// raw starts a TCP server that handles each connection by hand, and answers probes for the group to like it.
func raw(t *testing.T, handle func(net.Conn, *http.Request)) (string, int) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var served sync.WaitGroup
	t.Cleanup(func() { listener.Close(); served.Wait() })
	served.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			served.Go(func() {
				defer conn.Close()
				for reader := bufio.NewReader(conn); ; {
					r, err := http.ReadRequest(reader)
					if err != nil {
						return
					}
					if strings.HasPrefix(r.UserAgent(), "ELB-HealthChecker") {
						io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
						return
					}
					handle(conn, r)
				}
			})
		}
	})
	return hostPort(t, "http://"+listener.Addr().String())
}

func TestTheFrontAnswersForBrokenTargets(t *testing.T) {
	cases := []struct {
		name   string
		handle func(net.Conn, *http.Request)
		status int
	}{
		{"closes without an answer", func(c net.Conn, _ *http.Request) { c.Close() }, 502},
		{"resets", func(c net.Conn, _ *http.Request) { c.(*net.TCPConn).SetLinger(0); c.Close() }, 502},
		{"speaks nonsense", func(c net.Conn, _ *http.Request) { io.WriteString(c, "220 mail ready\r\n\r\n"); c.Close() }, 502},
		{"sends too many headers", func(c net.Conn, _ *http.Request) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nX-Long: "+strings.Repeat("x", 40<<10)+"\r\nContent-Length: 0\r\n\r\n")
		}, 502},
		{"stays silent", func(net.Conn, *http.Request) {}, 504},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			host, port := raw(t, c.handle)
			group := quick(elbtest.Target{ID: host, Port: port})
			group.Type = "ip"
			b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, IdleTimeout: 150 * time.Millisecond})
			allHealthy(t, b)
			status, body, header := get(t, browser(t), b.FrontURL()+"/")
			if status != c.status || header.Get("Server") != "awselb/2.0" || !strings.Contains(body, fmt.Sprint(c.status)) {
				t.Errorf("answered %d, Server %q, %q", status, header.Get("Server"), body)
			}
			counted(t, b, fmt.Sprintf("HTTPCode_ELB_%d_Count", c.status), 1)
			if n := b.Truth().Counters["HTTPCode_Target_2XX_Count"]; n != 0 {
				t.Errorf("%d answers of the target counted", n)
			}
		})
	}
}

func TestARefusedConnectionIs502AndAnUnansweredOneIs504(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port := hostPort(t, "http://"+closed.Addr().String())
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // accepts in the kernel, never speaks TLS
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	_, silentPort := hostPort(t, "http://"+silent.Addr().String())
	for want, group := range map[int]elbtest.GroupConfig{
		502: {Name: "g", Type: "ip", Targets: []elbtest.Target{{ID: "127.0.0.1", Port: port}}},
		504: {Name: "g", Type: "ip", Protocol: "HTTPS", Targets: []elbtest.Target{{ID: "127.0.0.1", Port: silentPort}}},
	} {
		b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, ConnectTimeout: 100 * time.Millisecond})
		until(t, "the target in the data plane", func() bool { return state(b, "g", "127.0.0.1") == "initial Elb.InitialHealthChecking" })
		if status, _, _ := get(t, browser(t), b.FrontURL()+"/"); status != want {
			t.Errorf("answered %d, want %d", status, want)
		}
		counted(t, b, "TargetConnectionErrorCount", 1)
		counted(t, b, "UnhealthyRoutingRequestCount", 1)
	}
}

func TestAFailedRequestIsNotTriedOnAnotherTarget(t *testing.T) {
	var arrived atomic.Int64
	host, port := raw(t, func(c net.Conn, r *http.Request) {
		if r.URL.Path == "/good" {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
			return
		}
		arrived.Add(1)
		c.Close()
	})
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type = "ip"
	b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}})
	allHealthy(t, b)
	ask := browser(t)
	get(t, ask, b.FrontURL()+"/good") // a kept connection, the case in which net/http would try again by itself
	if status, _, _ := get(t, ask, b.FrontURL()+"/bad"); status != 502 {
		t.Errorf("answered %d", status)
	}
	if n := arrived.Load(); n != 1 {
		t.Errorf("the target saw the request %d times", n)
	}
}
