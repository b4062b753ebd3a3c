package iis_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

func TestAPoolThatCrashesIsExplainedByTheServersOwnLogs(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.stage(t, new, map[string]string{"web.config": "x", "simulation.json": `{"crash":true}`})
	if err := w.fleet.Start(t.Context(), "web-01", new); err == nil {
		t.Fatal("it started")
	}
	got := w.fleet.Explain(t.Context(), "web-01", new, time.Minute)
	for _, want := range []string{".NET Runtime event 1026", "System.IO.FileNotFoundException", "WAS event 5011", "to do: read the exception"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if got := w.fleet.Explain(t.Context(), "web-01", old, time.Minute); strings.Contains(got, "WAS") {
		t.Errorf("another slot is explained by %q", got)
	}
	w.servers["web-01"].Write(new, iistest.Entry{Log: "System", Source: "Microsoft-Windows-WAS", ID: 5021, Text: "The identity of application pool " + new + " is invalid."})
	if got := w.fleet.Explain(t.Context(), "web-01", new, time.Minute); !strings.HasPrefix(got, "WAS event 5021: WAS cannot log on the account") {
		t.Errorf("the cause is not first: %q", got)
	}
}

func TestAnExceptionThatQuotesSecretsIsExplainedWithoutThem(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Secrets = []iis.Secret{"hunter2 of the settings"} }})
	w.acquire(t)
	w.stage(t, new, map[string]string{"web.config": "x", "simulation.json": `{"crash":true, "quotes":"Server=db;Password=unknown;Token=hunter2 of the settings"}`})
	if err := w.fleet.Start(t.Context(), "web-01", new); err == nil {
		t.Fatal("it started")
	}
	got := w.fleet.Explain(t.Context(), "web-01", new, time.Minute)
	if !strings.Contains(got, "Cannot open 'Server=db;Password=(secret);Token=(secret)'") {
		t.Errorf("%q", got)
	}
}

func TestAnExplanationIsNotWaitedFor(t *testing.T) {
	w := newWorld(t, setup{})
	w.servers["web-01"].Unreachable(true)
	began := time.Now()
	if got := w.fleet.Explain(t.Context(), "web-01", new, time.Minute); got != "" || time.Since(began) > 3*time.Second {
		t.Errorf("%q after %s", got, time.Since(began))
	}
}

func TestAnErrorPageIsReadForWhatItNames(t *testing.T) {
	for kind, want := range map[string]string{
		"500.19": "500.19: web.config names a section whose module is not installed", "500.30": "500.30: the application crashed", "500.31": "500.31: the .NET runtime",
		"500.32": "500.32: the application is built for another bitness", "502.5": "502.5: the application's own process",
	} {
		t.Run(kind, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.acquire(t)
			w.stage(t, new, map[string]string{"web.config": "x", "simulation.json": `{"fails":"` + kind + `"}`})
			if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
				t.Fatal(err)
			}
			answers, err := w.fleet.Probe(t.Context(), "web-01", canary.Probe{Slot: new, Path: "/", First: 5 * time.Second, Each: time.Second})
			if err != nil || len(answers) != 1 || !strings.HasPrefix(answers[0].Err, want) {
				t.Errorf("%+v, %v", answers, err)
			}
		})
	}
}

// An explanation that is cut off costs the operation after it nothing: neither its connection nor its patience.
func TestTheWayBackIsWholeAfterAnExplanationThatWasCutOff(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	s := w.servers["web-01"]
	if err := s.Install(old, "1", site("1")); err != nil {
		t.Fatal(err)
	}
	if err := w.fleet.Start(t.Context(), "web-01", old); err != nil {
		t.Fatal(err)
	}
	started := processes(t, s)
	s.SlowLogs(400 * time.Millisecond)
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if got := w.fleet.Explain(short, "web-01", old, time.Minute); got != "" {
		t.Errorf("in no time at all it says %q", got)
	}
	began := time.Now()
	if slots, err := w.fleet.Slots(t.Context(), "web-01"); err != nil || len(slots) != 1 || time.Since(began) > 2*time.Second {
		t.Errorf("the first look of the way back: %v, %v, after %s", slots, err, time.Since(began))
	}
	if now := processes(t, s); now != started {
		t.Errorf("%d processes were started for it", now-started)
	}
}

// A process takes longer to start than a gate may wait for words.
func TestNoProcessIsStartedForAnExplanationThatHasNoTimeForOne(t *testing.T) {
	w := newWorld(t, setup{})
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if got := w.fleet.Explain(short, "web-01", new, time.Minute); got != "" || w.servers["web-01"].Truth().WinRMCalls != 0 {
		t.Errorf("it says %q, with %d requests", got, w.servers["web-01"].Truth().WinRMCalls)
	}
}

// processes is how many were created on a server so far.
func processes(t *testing.T, s *iistest.Server) int {
	t.Helper()
	audit, err := os.ReadFile(filepath.Join(s.LogFolder(), "process-creation.log"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Count(string(audit), " 4688 ")
}
