package iistest

import (
	"testing"
)

func TestAServerIsRolledFromOldToNewByTheAgent(t *testing.T) {
	c := staged(t, nil, nil)
	var s struct{ Slots []slotState }
	c.ok("survey", map[string]any{}, &s)
	if len(s.Slots) != 2 || s.Slots[0].Site != started || s.Slots[1].Site != stopped || s.Slots[1].SiteBoot {
		t.Fatalf("survey: %+v", s.Slots)
	}
	c.ok("stop", map[string]any{"slot": oldSlot, "wait_ms": 5000}, nil)
	c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 20}, nil)
	var p struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": newSlot, "path": "/health/warm", "first_ms": 5000, "each_ms": 1000, "requests": 3, "header": "X-App-Release"}, &p)
	for _, a := range p.Answers {
		if a.Status != 200 || a.Version != "2" || a.Worker == 0 || a.Worker != p.Answers[0].Worker {
			t.Errorf("probe: %+v", a)
		}
	}
	if len(p.Answers) != 4 {
		t.Errorf("%d answers, want 4", len(p.Answers))
	}
	c.ok("own", map[string]any{"boot": map[string]bool{newSlot: true, oldSlot: false}}, nil)
	truth := c.server.Truth()
	if len(truth.Running) != 1 || truth.Running[0] != newSlot || !truth.Warm {
		t.Errorf("truth: %+v", truth)
	}
}
