package report

import (
	"strings"
	"testing"

	"iiscanary/canary"
)

func TestEveryEventIsOneLine(t *testing.T) {
	p := examplePlan()
	back := canary.Plan{Run: p.Run, Revert: true, Waves: []canary.Wave{{Name: "revert", Lanes: []canary.Lane{laneOf("web-01")}}}}
	var lines []string
	for _, e := range []canary.Event{
		{Type: canary.Planned, Run: p.Run, Plan: &p},
		{Type: canary.Began, Server: "web-01", Step: "canary/web-01/drain"},
		{Type: canary.Ended, Server: "web-01", Step: "canary/web-01/drain"},
		{Type: canary.Ended, Server: "web-01", Step: "canary/web-01/warm", Verdict: &canary.Verdict{Answer: canary.Pass, Reason: "6 of 6 under 100ms, slowest 41ms"}},
		{Type: canary.Ended, Step: "canary/bake", Verdict: &canary.Verdict{Answer: canary.Unsure, Reason: "no traffic"}},
		{Type: canary.Broke, Step: "canary/bake", Verdict: &canary.Verdict{Answer: canary.Fail, Reason: "errors: 31 of 600 on new, 2 of 2,900 on old"}},
		{Type: canary.Broke, Server: "web-01", Step: "canary/web-01/start", Err: "start the pool:\n  access denied."},
		{Type: canary.Planned, Run: p.Run, Plan: &back},
		{Type: canary.Halted, Err: "stopped by the operator"},
		{Type: canary.Halted},
		{Type: canary.Finished, Run: p.Run},
		{Type: canary.Began, Server: "web-09", Step: "unknown/step"},
	} {
		lines = append(lines, Line(e, p))
	}
	for _, l := range lines {
		if strings.Contains(l, "\n") {
			t.Errorf("two lines: %q", l)
		}
	}
	golden(t, "line", strings.Join(lines, "\n")+"\n")
}

func TestEvidenceThatRoundsToNothingHasNoSign(t *testing.T) {
	for odds, want := range map[float64]string{-0.04: "0.0 of 9.2", 0: "0.0 of 9.2", -0.06: "-0.1 of 9.2", 3.14: "3.1 of 9.2"} {
		if got := evidence(odds, 9.2); got != want {
			t.Errorf("%g: %s, want %s", odds, got, want)
		}
	}
}
