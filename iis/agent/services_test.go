package agent_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

// TestServicesThatStopInTheMiddleAreNamed stops WAS and W3SVC while an operation waits: neither the release nor somebody else is to blame.
func TestServicesThatStopInTheMiddleAreNamed(t *testing.T) {
	for side, h := range halves(t) {
		for _, op := range []string{"start", "stop"} {
			t.Run(side+", "+op, func(t *testing.T) {
				t.Parallel()
				b := serving(t, h, op == "stop")
				begun := func() bool { return slices.Contains(b.server.Truth().Running, "app-1") }
				args := map[string]any{"app": "app", "slot": "app-1", "stable_ms": 500_000, "wait_ms": 500_000}
				if op == "stop" {
					b.server.Outlive("app-1", 2*time.Second)
					begun = func() bool { return b.server.Truth().Lingering > 0 }
				}
				go halt(t.Context(), b.server, begun)
				all, err := b.ask(t.Context(), []asking{{request: agent.Request{ID: "1", Op: op, Lease: b.lease, Args: args}}})
				if err != nil {
					t.Fatal(err)
				}
				if e := all[0].Error; e == nil || e.Code != "iis_stopped" {
					t.Errorf("%+v", e)
				}
			})
		}
	}
}

// serving is a bench with one slot.
func serving(t *testing.T, h half, serves bool) *bench {
	t.Helper()
	b, err := put(t, h, speed, func(*iistest.Config) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.server.Install("app-1", "1", map[string]string{"web.config": "one"}); err != nil {
		t.Fatal(err)
	}
	if serves {
		if err := b.server.Serve("app-1"); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.connect(t); err != nil {
		t.Fatal(err)
	}
	if err := b.acquire(t.Context()); err != nil {
		t.Fatal(err)
	}
	return b
}

// halt stops the services once an operation has begun.
func halt(ctx context.Context, s *iistest.Server, begun func() bool) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !begun() {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
	s.SetTrouble(iistest.Trouble{Halted: true})
}
