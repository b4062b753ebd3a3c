package traffic_test

import (
	"context"
	"crypto/x509"
	"math"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal/traffic"
)

// site is a front that answers as told, by the count of the request from 1.
func site(t *testing.T, answer func(n int64, w http.ResponseWriter, r *http.Request)) *httptest.Server {
	t.Helper()
	var n atomic.Int64
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answer(n.Add(1), w, r) }))
	t.Cleanup(s.Close)
	return s
}

func run(t *testing.T, config traffic.Config, enough func(traffic.Report) bool) traffic.Report {
	t.Helper()
	g, err := traffic.Start(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer g.Stop()
	limit, tick := time.After(5*time.Second), time.NewTicker(2*time.Millisecond)
	defer tick.Stop()
	for !enough(g.Snapshot()) {
		select {
		case <-limit:
			t.Fatalf("not there after 5 s: %+v", g.Snapshot())
		case <-tick.C:
		}
	}
	g.Stop()
	return g.Snapshot()
}

func requests(n int) func(traffic.Report) bool {
	return func(r traffic.Report) bool { return r.Requests >= n }
}

func TestAnswersAreCountedBySlot(t *testing.T) {
	s := site(t, func(n int64, w http.ResponseWriter, _ *http.Request) {
		slot := "app-1"
		if n%4 == 0 {
			slot = "app-2"
		}
		w.Header().Set("X-App-Slot", slot)
	})
	got := run(t, traffic.Config{URL: s.URL, Rate: 2000, Clients: 4}, requests(200))
	if got.Failed != 0 || !got.FirstBad.IsZero() || len(got.Errors) != 0 {
		t.Errorf("failures of a healthy site: %+v", got)
	}
	one, two := got.BySlot["app-1"], got.BySlot["app-2"]
	if one.Requests+two.Requests != got.Requests || two.Requests != got.Requests/4 {
		t.Errorf("%+v does not add up", got)
	}
	if one.P50 <= 0 || one.P99 < one.P50 {
		t.Errorf("percentiles %v and %v", one.P50, one.P99)
	}
}

func TestServerErrorsAreFailuresAndClientErrorsAreNot(t *testing.T) {
	began := time.Now()
	s := site(t, func(n int64, w http.ResponseWriter, _ *http.Request) {
		switch n % 4 {
		case 0:
			w.Header().Set("X-App-Slot", "app-2")
			w.WriteHeader(http.StatusInternalServerError)
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2:
			w.WriteHeader(http.StatusNotFound)
		case 3:
			http.Redirect(w, httptest.NewRequest(http.MethodGet, "/", nil), "/elsewhere", http.StatusFound)
		}
	})
	got := run(t, traffic.Config{URL: s.URL, Rate: 2000, Clients: 1}, requests(100))
	if want := got.Errors["status 500"].Count + got.Errors["status 502"].Count; got.Failed != want || len(got.Errors) != 2 {
		t.Errorf("errors %+v", got)
	}
	if share := float64(got.Failed) / float64(got.Requests); math.Abs(share-0.5) > 0.02 {
		t.Errorf("%v of the requests failed, want half", share)
	}
	if got.BySlot["app-2"].Failed != got.Errors["status 500"].Count || got.BySlot[""].Failed != got.Errors["status 502"].Count {
		t.Errorf("failures are with the wrong slot: %+v", got.BySlot)
	}
	if got.FirstBad.Before(began) || got.FirstBad.After(time.Now()) {
		t.Errorf("first bad answer at %v", got.FirstBad)
	}
}

func TestBrokenConnectionsAndSilenceAreFailures(t *testing.T) {
	stuck := make(chan struct{})
	s := site(t, func(n int64, w http.ResponseWriter, r *http.Request) {
		if n%2 == 0 {
			panic(http.ErrAbortHandler)
		}
		select {
		case <-stuck:
		case <-r.Context().Done():
		}
	})
	t.Cleanup(func() { close(stuck) })
	got := run(t, traffic.Config{URL: s.URL, Rate: 500, Clients: 8, Timeout: 50 * time.Millisecond}, func(r traffic.Report) bool {
		return r.Errors["timeout"].Count > 3 && r.Errors["closed"].Count > 3
	})
	if got.Failed != got.Requests || got.Errors["timeout"].Sample == "" {
		t.Errorf("%+v", got)
	}
	refused := httptest.NewServer(nil)
	refused.Close()
	got = run(t, traffic.Config{URL: refused.URL, Rate: 500}, requests(5))
	if got.Failed != got.Requests || got.Errors["refused"].Count != got.Requests {
		t.Errorf("%+v", got)
	}
}

func TestSlowSiteStillGetsItsArrivals(t *testing.T) {
	s := site(t, func(_ int64, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-App-Slot", "app-2")
		pause := time.NewTimer(20 * time.Millisecond)
		defer pause.Stop()
		<-pause.C
	})
	got := run(t, traffic.Config{URL: s.URL, Rate: 400, Clients: 2, Timeout: 500 * time.Millisecond}, func(r traffic.Report) bool {
		return r.Errors["gave up"].Count > 20
	})
	if p99 := got.BySlot["app-2"].P99; p99 < 200 {
		t.Errorf("two clients of a site that takes 20 ms cannot serve 400/s, yet the p99 is %v ms: waiting does not count", p99)
	}
}

func TestSlowAnswerOfTheNewSlotOnlyIsBad(t *testing.T) {
	for slot, bad := range map[string]bool{"new": true, "old": false} {
		s := site(t, func(_ int64, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-App-Slot", slot)
			pause := time.NewTimer(15 * time.Millisecond)
			defer pause.Stop()
			<-pause.C
		})
		got := run(t, traffic.Config{URL: s.URL, Rate: 100, NewSlot: "new", SlowLimit: 10 * time.Millisecond}, requests(5))
		if got.FirstBad.IsZero() == bad || got.Failed != 0 {
			t.Errorf("slow answers of the %s slot: %+v", slot, got)
		}
	}
}

func TestArrivalsKeepTheirRate(t *testing.T) {
	s := site(t, func(int64, http.ResponseWriter, *http.Request) {})
	began := time.Now()
	got := run(t, traffic.Config{URL: s.URL, Rate: 500, Seed: 7}, requests(250))
	rate := float64(got.Requests) / time.Since(began).Seconds()
	if rate > 700 { // a busy machine may well be late, but never early
		t.Errorf("%v requests/s instead of 500", rate)
	}
}

func TestRequestsUnderWayAreFinishedOnStop(t *testing.T) {
	arrived, release := make(chan struct{}, 100), make(chan struct{})
	s := site(t, func(_ int64, w http.ResponseWriter, _ *http.Request) {
		arrived <- struct{}{}
		<-release
		w.Header().Set("X-App-Slot", "app-1")
	})
	ctx, cancel := context.WithCancel(t.Context())
	g, err := traffic.Start(ctx, traffic.Config{URL: s.URL, Rate: 1000, Clients: 3})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		<-arrived
	}
	cancel()
	close(release)
	g.Stop()
	if got := g.Snapshot(); got.Requests < 3 || got.Failed != 0 || got.BySlot["app-1"].Requests != got.Requests {
		t.Errorf("%+v", got)
	}
}

func TestConnectionsAreKept(t *testing.T) {
	remotes := make(chan string, 1000)
	s := site(t, func(_ int64, _ http.ResponseWriter, r *http.Request) {
		select {
		case remotes <- r.RemoteAddr:
		default:
		}
	})
	run(t, traffic.Config{URL: s.URL, Rate: 2000, Clients: 3}, requests(100))
	seen := map[string]bool{}
	for len(remotes) > 0 {
		seen[<-remotes] = true
	}
	if len(seen) > 3 {
		t.Errorf("%d connections for 3 clients", len(seen))
	}
}

func TestCertificateMustBeTrusted(t *testing.T) {
	s := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = nil
	t.Cleanup(s.Close)
	trusted := x509.NewCertPool()
	trusted.AddCert(s.Certificate())
	if got := run(t, traffic.Config{URL: s.URL, Rate: 500, RootCAs: trusted}, requests(5)); got.Failed != 0 {
		t.Errorf("trusted: %+v", got)
	}
	if got := run(t, traffic.Config{URL: s.URL, Rate: 500, RootCAs: x509.NewCertPool()}, requests(5)); got.Errors["certificate"].Count != got.Requests {
		t.Errorf("not trusted: %+v", got)
	}
}

func TestSenselessConfigurationIsRefused(t *testing.T) {
	for _, config := range []traffic.Config{
		{URL: "http://127.0.0.1:1"}, {URL: "nowhere", Rate: 1}, {URL: "http://127.0.0.1:1", Rate: 1, Clients: -1},
	} {
		if g, err := traffic.Start(t.Context(), config); err == nil {
			g.Stop()
			t.Errorf("%+v was accepted", config)
		}
	}
}
