package report

import (
	"bytes"
	"testing"

	"iiscanary/canary"
)

func planText(t *testing.T, p canary.Plan, inv canary.Inventory, n Notes) string {
	t.Helper()
	var b bytes.Buffer
	if err := PlanText(&b, p, inv, n); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPlanShowsWhatWasFoundAndWhatWillHappen(t *testing.T) {
	golden(t, "plan", planText(t, examplePlan(), exampleInventory(), Notes{
		Limits:    []string{"errors: status >= 500, at most 1.5 x old + 0.1%; at 240 requests a minute a release with 5% would be noticed in 20s"},
		Unchecked: []string{"whether the health check's path exists in the new release"},
	}))
}

func TestNothingToDoIsSaidPlainly(t *testing.T) {
	p := examplePlan()
	p.Waves = nil
	inv := exampleInventory()
	inv.Servers = inv.Servers[:1]
	golden(t, "plan-nothing", planText(t, p, inv, Notes{}))
}

func TestPlanOfTheWayBack(t *testing.T) {
	p := examplePlan()
	p.Revert = true
	p.Waves = []canary.Wave{{Name: "revert", Parallel: 1, Stubborn: true, Lanes: []canary.Lane{laneOf("web-01")}}}
	golden(t, "plan-back", planText(t, p, canary.Inventory{}, Notes{}))
}
