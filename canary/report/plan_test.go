package report

import (
	"bytes"
	"testing"
	"time"

	"iiscanary/canary"
)

func planText(t *testing.T, p canary.Plan, inv canary.Inventory, line canary.Timeline, n Notes) string {
	t.Helper()
	var b bytes.Buffer
	if err := PlanText(&b, p, inv, line, n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func exampleTimeline() canary.Timeline {
	return canary.Timeline{
		Points: []canary.Point{{After: 0, Serving: 2, What: "stage begins"}, {After: time.Minute, Serving: 1, What: "web-01 leaves rotation"},
			{After: 150 * time.Second, Serving: 0, What: "web-02 leaves rotation"}, {After: 5 * time.Minute, Serving: 2, What: "the end"}},
		Total: 5 * time.Minute, Least: 1, Worst: 0, Revert: 95 * time.Second,
	}
}

func TestPlanShowsWhatWasFoundAndWhatWillHappen(t *testing.T) {
	golden(t, "plan", planText(t, examplePlan(), exampleInventory(), exampleTimeline(), Notes{
		Limits:    []string{"errors: status >= 500, at most 1.5 x old + 0.1%; at 240 requests a minute a release with 5% would be noticed in 20s"},
		Unchecked: []string{"whether the health check's path exists in the new release"},
	}))
}

func TestNothingToDoIsSaidPlainly(t *testing.T) {
	p := examplePlan()
	p.Waves, p.Old = nil, nil // as a plan has it that replaces nothing
	inv := exampleInventory()
	inv.Servers = inv.Servers[:1]
	golden(t, "plan-nothing", planText(t, p, inv, canary.Timeline{}, Notes{}))
}

func TestPlanOfTheWayBack(t *testing.T) {
	p := examplePlan()
	p.Revert = true
	p.Waves = []canary.Wave{{Name: "revert", Parallel: 1, Stubborn: true, Lanes: []canary.Lane{laneOf("web-01")}}}
	golden(t, "plan-back", planText(t, p, canary.Inventory{}, exampleTimeline(), Notes{}))
}
