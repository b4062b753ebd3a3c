package report

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"iiscanary/canary"
)

func exampleOutcome(r Result) Outcome {
	o := Outcome{
		Outcome: r, Run: "20261121-120000-ab12", Old: oldSlot, New: newSlot,
		Servers: []Server{{"web-01", newSlot, true, true, nil}, {"web-02", oldSlot, true, true, nil}, {"web-03", oldSlot, true, true, nil}},
		Traffic: Traffic{Requests: 12000, BySlot: map[string]SlotTraffic{newSlot: {600, 0, 30.4, 912.2}, oldSlot: {11400, 0, 24, 80}}},
		Seconds: Seconds{Deploy: 41.23},
		Verdict: canary.Verdict{Answer: canary.Pass, Reason: "errors: 0 of 600 on new"},
	}
	refused := func() {
		o.Seconds.Detect, o.Seconds.Revert = 3.14, 12
		o.Verdict = canary.Verdict{Answer: canary.Fail, Reason: "errors: 29 of 600 on new"}
		o.Traffic.Failed = 31
		o.Traffic.BySlot = map[string]SlotTraffic{newSlot: {600, 29, 30.4, 912.2}, oldSlot: {11398, 0, 24, 80}, "": {2, 2, 1, 1}}
	}
	switch r {
	case Deployed:
		o.Servers[1].Slot, o.Servers[2].Slot = newSlot, newSlot
	case Reverted:
		o.Exit = 3
		o.Servers[0].Slot = oldSlot
		refused()
	case Held:
		o.Exit, o.Verdict = 8, canary.Verdict{Answer: canary.Unsure, Reason: "no logs for 60s"}
	case Stopped:
		o.Exit = 5
	case Mixed:
		o.Exit = 4
		o.Servers[0].Slot = oldSlot
		o.Servers[2] = Server{Name: "web-03"}
		refused()
	}
	return o
}

func TestOutcomeAsJSON(t *testing.T) {
	var b bytes.Buffer
	for _, o := range []Outcome{exampleOutcome(Reverted), {Outcome: Stopped}} {
		if err := o.JSON(&b); err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "outcome", b.String())
}

func TestOutcomeHasTheDocumentedKeys(t *testing.T) {
	var b bytes.Buffer
	if err := (Outcome{Servers: []Server{{}}, Traffic: Traffic{BySlot: map[string]SlotTraffic{"s": {}}}}).JSON(&b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Version, Outcome, Exit, Run, Old, New, Verdict any
		Servers                                        []map[string]any
		Traffic                                        map[string]any
		Seconds                                        map[string]any
	}
	d := json.NewDecoder(&b)
	d.DisallowUnknownFields()
	if err := d.Decode(&got); err != nil {
		t.Fatal(err)
	}
	has := func(m map[string]any, keys ...string) {
		t.Helper()
		if len(m) != len(keys) {
			t.Errorf("keys are %v, want %v", m, keys)
		}
		for _, k := range keys {
			if _, ok := m[k]; !ok {
				t.Errorf("no %s in %v", k, m)
			}
		}
	}
	has(got.Servers[0], "name", "slot", "in_rotation", "warm", "unread")
	has(got.Traffic, "requests", "failed", "by_slot")
	has(got.Seconds, "deploy", "detect", "revert")
	slot, is := got.Traffic["by_slot"].(map[string]any)["s"].(map[string]any)
	if !is {
		t.Fatal("by_slot holds no object")
	}
	has(slot, "requests", "failed", "p50_ms", "p99_ms")
	if _, is := got.Verdict.(map[string]any); !is {
		t.Error("the verdict is no object")
	}
}

func TestSummaryTellsTheStory(t *testing.T) {
	stories := map[Result]Story{
		Deployed: {},
		Reverted: {Why: "the bake of wave canary said no", Next: []string{"iis-canary status"}},
		Held:     {Why: "no logs for 60s", Next: []string{"iis-canary resume", "iis-canary revert"}},
		Stopped:  {Why: "stopped by the operator", Next: []string{"iis-canary resume"}},
		Mixed:    {Why: "the bake said no", Trouble: []string{"web-03: " + oldSlot + " does not start again"}, Next: []string{"look at web-03"}},
	}
	for r, s := range stories {
		t.Run(string(r), func(t *testing.T) {
			var b bytes.Buffer
			if err := Summary(&b, exampleOutcome(r), s); err != nil {
				t.Fatal(err)
			}
			golden(t, "summary-"+string(r), b.String())
		})
	}
}

func TestSummaryWithoutTraffic(t *testing.T) {
	var b bytes.Buffer
	o := Outcome{Outcome: Deployed, New: newSlot, Servers: []Server{{"web-01", newSlot, true, true, nil}}}
	if err := Summary(&b, o, Story{}); err != nil {
		t.Fatal(err)
	}
	golden(t, "summary-quiet", b.String())
}

func TestAFleetThatRanTwoOldSlots(t *testing.T) {
	var b bytes.Buffer
	o := Outcome{Outcome: Reverted, Old: "app-1, app-2", New: "app-3", Servers: []Server{{"a", "app-1", true, true, nil}, {"b", "app-2", true, true, nil}}}
	if err := Summary(&b, o, Story{}); err != nil {
		t.Fatal(err)
	}
	if want := "app-1, app-2 runs on 2 of 2 servers again"; !strings.Contains(b.String(), want) {
		t.Errorf("no %q in\n%s", want, b.String())
	}
}

func TestAWayBackThatIsHeldIsNotCalledUndecided(t *testing.T) {
	for back, want := range map[bool]string{
		false: "held: nothing is decided, " + newSlot + " runs on 1 of 3 servers",
		true:  "held on the way back: " + oldSlot + " runs on 2 of 3 servers, " + newSlot + " on 1 of 3 servers",
	} {
		var b strings.Builder
		if err := Summary(&b, exampleOutcome(Held), Story{Back: back}); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%v, it says\n%s\nand not %q", err, b.String(), want)
		}
	}
}

func TestAServerThatCouldNotBeReadIsNotSaidToRunNothing(t *testing.T) {
	o := Outcome{Outcome: Mixed, Old: oldSlot, New: newSlot, Servers: []Server{{"web-01", newSlot, true, true, nil}, {Name: "web-02"},
		{Name: "web-03", InRotation: true, Unread: []string{UnreadSlot, UnreadWarm}}, {Name: "web-04", Unread: []string{UnreadSlot, UnreadRotation, UnreadWarm}}}}
	var b strings.Builder
	if err := Summary(&b, o, Story{}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{newSlot + " runs on 1 of 4 servers (2 unknown), " + oldSlot + " on 0 of 4 servers (2 unknown)"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("nobody says %q", want)
		}
	}
	for _, row := range []string{`web-02 +✖ nothing +✖ out +✖ not warm`, `web-03 +⚠ unknown +✔ in +⚠ unknown`, `web-04 +⚠ unknown +⚠ unknown +⚠ unknown`} {
		if !regexp.MustCompile(row).MatchString(b.String()) {
			t.Errorf("no row is %s:\n%s", row, b.String())
		}
	}
}
