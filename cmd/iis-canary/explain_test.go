package main

import (
	"context"
	"sync"
	"testing"
	"time"

	"iiscanary/canary"
)

// voicesOf is what servers' logs say, by server; it notes what was asked.
type voicesOf struct {
	said map[string]string
	mu   sync.Mutex
	last time.Duration
	slot string
}

func (v *voicesOf) Explain(_ context.Context, server, slot string, last time.Duration) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.last, v.slot = last, slot
	return v.said[server]
}

func TestTheServersOfAFailedStepAreAsked(t *testing.T) {
	all := map[string]string{"web-01": "WAS event 5002", "web-02": "", "web-03": "an exception", "web-04": "an exception"}
	for name, c := range map[string]struct {
		action canary.Action
		want   string
		slot   string
	}{
		"start":           {canary.Start{Server: "web-01", Slot: "app-2"}, "the logs of web-01 say: WAS event 5002", "app-2"},
		"stop":            {canary.Stop{Server: "web-01", Slot: "app-1"}, "the logs of web-01 say: WAS event 5002", "app-1"},
		"warm":            {canary.Warm{Server: "web-01", Slot: "app-2"}, "the logs of web-01 say: WAS event 5002", "app-2"},
		"own":             {canary.Own{Server: "web-01", Boot: map[string]bool{"app-1": false, "app-2": true}}, "the logs of web-01 say: WAS event 5002", "app-2"},
		"admit":           {canary.Admit{Server: "web-01", Slot: "app-2"}, "the logs of web-01 say: WAS event 5002", "app-2"},
		"bake":            {canary.Bake{On: []string{"web-01", "web-02"}, New: "app-2"}, "the logs of web-01 say: WAS event 5002", "app-2"},
		"bake of many":    {canary.Bake{On: []string{"web-01", "web-03", "web-02", "web-04"}, New: "app-2"}, "the logs of web-01 say: WAS event 5002; the logs of web-03 say: an exception; and records of 1 more", "app-2"},
		"silent":          {canary.Start{Server: "web-02", Slot: "app-2"}, "", "app-2"},
		"the balancer's":  {canary.Drain{Server: "web-01", Slot: "app-1"}, "", ""},
		"the files' copy": {canary.Stage{Server: "web-01"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := &voicesOf{said: all}
			got := explainer(w)(t.Context(), canary.Step{Action: c.action}, time.Now().Add(-time.Minute))
			if got != c.want || w.slot != c.slot {
				t.Errorf("%q of %q, want %q of %q", got, w.slot, c.want, c.slot)
			}
			if w.slot != "" && (w.last < time.Minute || w.last > time.Minute+5*time.Second) {
				t.Errorf("the logs of the last %s are asked for", w.last)
			}
		})
	}
	w := &voicesOf{}
	explainer(w)(t.Context(), canary.Step{Action: canary.Bake{On: []string{"web-01"}}}, time.Now().Add(-time.Hour))
	if w.last > 11*time.Minute {
		t.Errorf("after an hour of watching, the logs of the last %s are asked for", w.last)
	}
}
