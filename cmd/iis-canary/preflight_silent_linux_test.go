package main

import (
	"io"
	"net"
	"path/filepath"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
)

// TestAPortWithoutAnAnswerIsToldFromAClosedOne gives the way to the servers less time for a connection than the program does. A
// port that stays silent can be had without rights on Linux.
func TestAPortWithoutAnAnswerIsToldFromAClosedOne(t *testing.T) {
	t.Parallel()
	closed := silentPort(t)
	closed.close()
	for half, c := range map[string]struct {
		port  port
		words string
	}{
		"nothing answers": {silentPort(t), "the port does not answer at all, as behind a firewall or a security group"},
		"it is closed":    {closed, "the port is closed: connection refused"},
	} {
		t.Run(string(checkPort)+": "+half, func(t *testing.T) {
			t.Parallel()
			pf := towards(t, c.port.address)
			if pf.reach(t.Context(), "web-01") {
				t.Error("it was reached")
			}
			want := []finding{{check: checkResolves, server: "web-01", state: passed},
				{check: checkPort, server: "web-01", place: c.port.address, state: failed, what: c.words}}
			if !slices.EqualFunc(pf.findings, want, func(x, y finding) bool { return reflect.DeepEqual(x, y) }) {
				t.Errorf("found %+v, want %+v", pf.findings, want)
			}
		})
	}
}

// towards is a preflight with one server, at an address.
func towards(t *testing.T, address string) *preflight {
	t.Helper()
	ses, err := begin(streams{getenv: func(string) string { return "" }, err: io.Discard}, filepath.FromSlash("../../configs/examples/minimal.yaml"), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	server := canary.Server{Name: "web-01", Address: address}
	host, number, err := ses.reach(server)
	if err != nil {
		t.Fatal(err)
	}
	ses.hosts = iis.NewFleet(iis.Options{App: ses.spec.App, Root: ses.spec.Site.Root, Bindings: ses.spec.Site.Bindings,
		Timeouts:  iis.Timeouts{Dial: 300 * time.Millisecond},
		Endpoints: []iis.Endpoint{{Server: server.Name, Host: host, Port: number, HTTPS: true, User: "u", Password: "p"}}})
	t.Cleanup(ses.close)
	return &preflight{board: &board{}, ses: ses, servers: []canary.Server{server}}
}

// port is a port that takes one connection, which nobody accepts, and leaves every other one without an answer.
type port struct {
	address string
	close   func()
}

func silentPort(t *testing.T) port {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	open := true
	hangUp := func() {
		if open {
			_ = syscall.Close(fd) // opened above
		}
		open = false
	}
	t.Cleanup(hangUp)
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	at := &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}
	for range 64 {
		c, err := net.DialTimeout("tcp", at.String(), 50*time.Millisecond)
		if err != nil {
			return port{at.String(), hangUp}
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Fatal("the port goes on taking connections")
	return port{}
}
