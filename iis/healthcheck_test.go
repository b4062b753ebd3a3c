package iis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
)

// A site's rules may exempt the balancer's health checks by their name, and by the address that they ask for.
func TestASimulatedHealthCheckIsThatOfTheBalancer(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.stage(t, new, site("2"))
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	s := w.servers["web-01"]
	answers, err := w.fleet.Probe(t.Context(), "web-01", canary.Probe{Slot: new, Path: "/health", First: 5 * time.Second, Each: time.Second, Balancer: true, Port: s.SitePort()})
	if err != nil || len(answers) != 1 || answers[0].Status != 200 {
		t.Fatalf("%+v, %v", answers, err)
	}
	if err := w.fleet.Flush(t.Context(), "web-01"); err != nil {
		t.Fatal(err)
	}
	logs, err := filepath.Glob(filepath.Join(s.LogFolder(), "W3SVC*", "*.log"))
	if err != nil || len(logs) == 0 {
		t.Fatalf("%v, %v", logs, err)
	}
	text, err := os.ReadFile(logs[0])
	if err != nil || !strings.Contains(string(text), "ELB-HealthChecker/2.0") {
		t.Errorf("%v: the log has %s", err, text)
	}
}
