package elbtest_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

func TestNoRegisteredTargetIs503(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	allHealthy(t, b)
	clientOf(t, b).deregister(b.TargetGroupARN("web-443"), "i-01", portOf(b, "web-443", "i-01"))
	until(t, "503", func() bool {
		status, _, header := get(t, browser(t), b.FrontURL()+"/")
		return status == 503 && header.Get("Server") == "awselb/2.0"
	})
}

func TestTooFewHealthyTargetsOpenTheGroupToAll(t *testing.T) {
	var sick atomic.Bool
	var reached [2]atomic.Int64
	handler := func(i int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.UserAgent(), "ELB-") {
				if sick.Load() {
					w.WriteHeader(500)
				}
				return
			}
			reached[i].Add(1)
		}
	}
	b, _ := fleet(t, nil, handler(0), handler(1))
	allHealthy(t, b)
	sick.Store(true)
	until(t, "both unhealthy", func() bool { return b.Truth().Groups["web-443"].Healthy == 0 })
	until(t, "every node agreeing", func() bool {
		get(t, browser(t), b.FrontURL()+"/")
		return b.Truth().Counters["UnhealthyRoutingRequestCount"] > 3
	})
	if reached[0].Load() == 0 || reached[1].Load() == 0 {
		t.Errorf("requests went to %d and %d", reached[0].Load(), reached[1].Load())
	}
	if got := state(b, "web-443", "i-01"); got != "unhealthy Target.ResponseCodeMismatch" {
		t.Errorf("it is %s", got)
	}
	if text := b.Truth().Groups["web-443"].Targets[0].Description; !strings.Contains(text, "[500]") {
		t.Errorf("described as %q", text)
	}
}

func TestAShareOfHealthyTargetsBelowThePercentageOpensTheGroup(t *testing.T) {
	sick := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	b, _ := fleet(t, func(c *elbtest.Config) { c.Groups[0].MinHealthyPercent = 75 }, ok, sick)
	until(t, "one healthy, one not", func() bool {
		return state(b, "web-443", "i-01") == "healthy" && strings.HasPrefix(state(b, "web-443", "i-02"), "unhealthy")
	})
	ask, failed := browser(t), 0
	for range 8 {
		if status, _, _ := get(t, ask, b.FrontURL()+"/"); status == 500 {
			failed++
		}
	}
	if failed != 4 {
		t.Errorf("%d of 8 requests went to the unhealthy one", failed)
	}
}

func TestRoundRobinSharesEvenlyAndSkipsTheUnhealthy(t *testing.T) {
	name := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	}
	sick := func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }
	b, _ := fleet(t, nil, name("a"), name("b"), sick)
	until(t, "two healthy, one not", func() bool {
		return b.Truth().Groups["web-443"].Healthy == 2 && strings.HasPrefix(state(b, "web-443", "i-03"), "unhealthy")
	})
	ask, shares := browser(t), map[string]int{}
	for range 10 {
		_, body, _ := get(t, ask, b.FrontURL()+"/")
		shares[body]++
	}
	if shares["a"] != 5 || shares["b"] != 5 {
		t.Errorf("shared %v", shares)
	}
}

func TestLeastOutstandingRequestsAvoidsTheBusyTarget(t *testing.T) {
	release := make(chan struct{})
	hang := func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/hang" {
			<-release
		}
		io.WriteString(w, r.Host)
	}
	b, _ := fleet(t, func(c *elbtest.Config) { c.Groups[0].Algorithm = "least_outstanding_requests" }, hang, hang)
	allHealthy(t, b)
	ask := browser(t)
	var waiting sync.WaitGroup
	waiting.Go(func() {
		if answer, err := ask.Get(b.FrontURL() + "/hang"); err == nil {
			answer.Body.Close()
		}
	})
	busy := func() (busy, idle int) {
		targets := b.Truth().Groups["web-443"].Targets
		if targets[1].InFlight == 1 {
			return 1, 0
		}
		return 0, 1
	}
	until(t, "a request in flight", func() bool {
		i, _ := busy()
		return b.Truth().Groups["web-443"].Targets[i].InFlight == 1
	})
	_, idle := busy()
	for range 6 {
		get(t, ask, b.FrontURL()+"/")
	}
	if n := b.Truth().Groups["web-443"].Targets[idle].Requests; n != 6 {
		t.Errorf("the idle target got %d of 6", n)
	}
	close(release)
	waiting.Wait()
}

func TestATargetInSlowStartGetsALesserShare(t *testing.T) {
	b, _ := fleet(t, func(c *elbtest.Config) {
		c.Nodes = 1
		c.Groups[0].SlowStart = time.Hour
		c.Groups[0].Targets = c.Groups[0].Targets[:1]
	}, ok, ok)
	allHealthy(t, b)
	_, port, _ := site(t, ok)
	clientOf(t, b).register(b.TargetGroupARN("web-443"), "i-02", port)
	allHealthy(t, b)
	ask := browser(t)
	for range 20 {
		get(t, ask, b.FrontURL()+"/")
	}
	targets := b.Truth().Groups["web-443"].Targets
	if targets[0].Requests != 20 || targets[1].Requests != 0 {
		t.Errorf("shared %d to %d at the start of the ramp", targets[0].Requests, targets[1].Requests)
	}
}

func TestTheTargetSeesTheCustomersHostAndWhereItCameFrom(t *testing.T) {
	got := make(chan *http.Request, 1)
	b, _ := fleet(t, nil, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.UserAgent(), "ELB-") {
			got <- r
		}
		w.Header().Set("Server", "Microsoft-IIS/10.0")
	})
	allHealthy(t, b)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.FrontURL()+"/a%20b?q=1", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "app.domain.com"
	r.Header.Set("X-Forwarded-For", "10.0.0.9")
	answer, err := browser(t).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	answer.Body.Close()
	seen := <-got
	_, port, _ := net.SplitHostPort(strings.TrimPrefix(b.FrontURL(), "http://"))
	for what, pair := range map[string][2]string{
		"Host":              {seen.Host, "app.domain.com"},
		"URI":               {seen.RequestURI, "/a%20b?q=1"},
		"X-Forwarded-For":   {seen.Header.Get("X-Forwarded-For"), "10.0.0.9, 127.0.0.1"},
		"X-Forwarded-Proto": {seen.Header.Get("X-Forwarded-Proto"), "http"},
		"X-Forwarded-Port":  {seen.Header.Get("X-Forwarded-Port"), port},
		"Server":            {answer.Header.Get("Server"), "Microsoft-IIS/10.0"},
	} {
		if pair[0] != pair[1] {
			t.Errorf("%s is %q, want %q", what, pair[0], pair[1])
		}
	}
	if trace := seen.Header.Get("X-Amzn-Trace-Id"); !strings.HasPrefix(trace, "Root=1-") {
		t.Errorf("trace %q", trace)
	}
}

func TestBodiesPassThroughAndTheAccessLogTellsOfThem(t *testing.T) {
	lines := make(chan elbtest.Access, 10)
	b, _ := fleet(t, func(c *elbtest.Config) { c.AccessLog = func(a elbtest.Access) { lines <- a } },
		func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				body, _ := io.ReadAll(r.Body)
				w.WriteHeader(http.StatusCreated)
				w.Write(body)
			}
		})
	allHealthy(t, b)
	sent := strings.Repeat("0123456789", 20_000)
	answer, err := browser(t).Post(b.FrontURL()+"/up", "text/plain", strings.NewReader(sent))
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if body, err := io.ReadAll(answer.Body); err != nil || string(body) != sent {
		t.Errorf("got %d of %d bytes back, %v", len(body), len(sent), err)
	}
	line := <-lines
	if line.Status != 201 || line.TargetStatus != 201 || line.TargetID != "i-01" || line.URI != "/up" ||
		line.Target != b.Truth().Groups["web-443"].Targets[0].Address {
		t.Errorf("logged %+v", line)
	}
}

func TestAPathPatternSendsToItsGroup(t *testing.T) {
	name := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
	}
	b, _ := fleet(t, func(c *elbtest.Config) {
		api := c.Groups[0]
		api.Name, api.PathPattern, api.Targets = "api-443", "/api/*", c.Groups[0].Targets[1:]
		c.Groups[0].Targets = c.Groups[0].Targets[:1]
		c.Groups = append(c.Groups, api)
	}, name("web"), name("api"))
	allHealthy(t, b)
	for path, want := range map[string]string{"/": "web", "/api/x": "api"} {
		if _, body, _ := get(t, browser(t), b.FrontURL()+path); body != want {
			t.Errorf("%s reached %q", path, body)
		}
	}
}

// selfSigned is a certificate for 127.0.0.1 that nobody trusts.
func selfSigned(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTLSOnBothSidesWithoutServerNameTowardsTheTarget(t *testing.T) {
	names := make(chan string, 1000)
	certificate := selfSigned(t)
	server := httptest.NewUnstartedServer(http.HandlerFunc(ok))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a probe is cut off when the balancer closes
	server.TLS = &tls.Config{
		Certificates: []tls.Certificate{certificate},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			names <- hello.ServerName
			return nil, nil
		},
	}
	server.StartTLS()
	t.Cleanup(server.Close)
	host, port := hostPort(t, server.URL)
	group := quick(elbtest.Target{ID: host, Port: port})
	group.Type, group.Protocol = "ip", "HTTPS"
	b := start(t, elbtest.Config{Groups: []elbtest.GroupConfig{group}, Certificate: &certificate})
	allHealthy(t, b)
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	status, body, _ := get(t, &http.Client{Transport: transport}, b.FrontURL()+"/")
	if status != 200 || body != "ok" || !strings.HasPrefix(b.FrontURL(), "https://") {
		t.Errorf("%s answered %d %q", b.FrontURL(), status, body)
	}
	for range len(names) {
		if name := <-names; name != "" {
			t.Errorf("sent the server name %q", name)
		}
	}
}
