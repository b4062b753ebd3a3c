package iis_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/bundle"
	"iiscanary/iis/iistest"
)

const (
	app = "app.domain.com"
	old = "app.domain.com-1"
	new = "app.domain.com-2"
)

// world is simulated servers and a fleet that operates them.
type world struct {
	servers map[string]*iistest.Server
	trust   *x509.CertPool
	options iis.Options
	fleet   *iis.Fleet
}

// setup changes what a test wants different.
type setup struct {
	servers int
	server  func(*iistest.Config)
	fleet   func(*iis.Options)
}

func newWorld(t testing.TB, s setup) *world {
	t.Helper()
	address := ownAddress()
	certificate := selfSigned(t, address)
	w := &world{servers: map[string]*iistest.Server{}, trust: x509.NewCertPool()}
	w.trust.AddCert(certificate.Leaf)
	w.options = iis.Options{
		App: app, Root: `D:\sites`, Runtime: "v4.0",
		Timeouts: iis.Timeouts{
			Dial: 2 * time.Second, Poll: 2 * time.Second, Margin: 2 * time.Second, Tries: 5, Pause: 20 * time.Millisecond,
			Stable: 20 * time.Millisecond, StopWait: 5 * time.Second, Close: time.Second,
		},
	}
	for i := range max(s.servers, 1) {
		name := fmt.Sprintf("web-%02d", i+1)
		c := iistest.Config{
			Name: name, Address: address, User: "deploy", Password: "right", Root: t.TempDir(), App: app, Certificate: certificate,
			Settle: time.Millisecond, Stop: time.Millisecond, Median: time.Millisecond,
		}
		if s.server != nil {
			s.server(&c)
		}
		server, err := iistest.New(c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := server.Close(); err != nil {
				t.Log(err)
			}
		})
		w.servers[name] = server
		w.options.Endpoints = append(w.options.Endpoints, iis.Endpoint{
			Server: name, Host: address, Port: server.WinRMPort(), HTTPS: true, User: "deploy", Password: "right", CAs: w.trust,
		})
		w.options.Bindings = []string{server.Binding()}
	}
	if s.fleet != nil {
		s.fleet(&w.options)
	}
	w.fleet = w.another(t)
	return w
}

// ownAddress is one that nobody else uses: outgoing connections and other worlds would take the ports that a server closes for a while.
func ownAddress() string {
	other := fmt.Sprintf("127.78.%d.%d", 1+mathrand.IntN(250), 1+mathrand.IntN(250))
	l, err := net.Listen("tcp", other+":0")
	if err != nil || l.Close() != nil {
		return "127.0.0.1" // macOS has no other
	}
	return other
}

// another is one more fleet over the same servers, as a second run of the program would have.
func (w *world) another(t testing.TB) *iis.Fleet {
	t.Helper()
	f := iis.NewFleet(w.options)
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// acquire takes the lease on every server.
func (w *world) acquire(t testing.TB) {
	t.Helper()
	if err := w.fleet.Acquire(t.Context(), w.fleet.Servers(), iis.Claim{Run: "run-1", Owner: "alice", Reason: "deploy 2", Life: time.Minute}); err != nil {
		t.Fatal(err)
	}
}

// stage brings a package into a slot of web-01.
func (w *world) stage(t testing.TB, slot string, files map[string]string) canary.Release {
	t.Helper()
	r := folder(t, files)
	release := canary.Release{Slot: slot, Version: slot, Digest: r.Digest, Files: len(r.Files), Bytes: r.Bytes}
	w.fleet.Use(r)
	if err := w.fleet.Stage(t.Context(), "web-01", release); err != nil {
		t.Fatal(err)
	}
	return release
}

// truth is one slot of web-01 as it really is.
func (w *world) truth(t *testing.T, slot string) iistest.SlotTruth {
	t.Helper()
	for _, s := range w.servers["web-01"].Truth().Slots {
		if s.Name == slot {
			return s
		}
	}
	return iistest.SlotTruth{Name: slot}
}

// folder is a package with these files.
func folder(t testing.TB, files map[string]string) *bundle.Release {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "package")
	for name, content := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	r, err := bundle.Open(dir, app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// site is a small package; the version makes it different.
func site(version string) map[string]string {
	return map[string]string{"web.config": "<configuration/>", "bin/app.dll": "code of " + version, "empty.txt": ""}
}

func selfSigned(t testing.TB, address string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web.test"}, DNSNames: []string{"web.test", "*.domain.com"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(address)}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(raw)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key, Leaf: leaf}
}

// countBytes leads an endpoint through a relay that counts what the client sends.
func countBytes(t testing.TB, e *iis.Endpoint) *atomic.Int64 {
	t.Helper()
	relay, err := net.Listen("tcp", net.JoinHostPort(e.Host, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = relay.Close() })
	target := net.JoinHostPort(e.Host, strconv.Itoa(e.Port))
	e.Port = relay.Addr().(*net.TCPAddr).Port
	var sent atomic.Int64
	go func() {
		for {
			client, err := relay.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", target)
			if err != nil {
				_ = client.Close()
				continue
			}
			go func() { _, _ = io.Copy(server, io.TeeReader(client, counter{&sent})); _ = server.Close() }()
			go func() { _, _ = io.Copy(client, server); _ = client.Close() }()
		}
	}()
	return &sent
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(p []byte) (int, error) {
	c.n.Add(int64(len(p)))
	return len(p), nil
}
