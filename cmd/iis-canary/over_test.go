package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
	"iiscanary/cmd/iis-canary/rehearsal"
)

func TestAResumeOfARunThatIsOverTellsHowItEnded(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	files := site(t, f)
	files["simulation.json"] = `{"error_rate": 0.5}` // found also by a machine that is busy
	bad := filepath.Join(t.TempDir(), "app.domain.com.3470.zip")
	if err := os.WriteFile(bad, zipOf(t, files), 0o600); err != nil {
		t.Fatal(err)
	}
	enter(t, "deploy", "-c", f.Config(), "--package", bad, "--yes").must(t, 3)
	changes := f.Changes()

	y := enter(t, "resume", "-c", f.Config()).must(t, 3)
	says(t, y.out, " is over: the release was refused and put back; nothing is left to resume\n", "  why:      ", "errors: ",
		"web-01  app.domain.com-3456  ✔ in", "mend the release, and deploy that as a package with a number of its own")
	y = enter(t, "resume", "-c", f.Config(), "-o", "json").must(t, 3)
	var o report.Outcome
	if err := json.Unmarshal([]byte(y.out), &o); err != nil || o.Outcome != report.Reverted || o.Exit != 3 || o.Verdict.Answer != canary.Fail {
		t.Errorf("%v: %+v", err, o)
	}
	y = enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0) // what was asked for is so
	says(t, y.out, "✔ run ", " is over: the release was refused and put back; nothing is left to put back\n")
	saysNot(t, y.out+y.err, "drain")
	if n := f.Changes() - changes; n != 0 {
		t.Errorf("%d changes were made for a run that is over", n)
	}

}

// What held a run up before it was resumed has nothing to do with how it ended.
func TestAHaltThatWasOvercomeIsNotWhyARunEnded(t *testing.T) {
	t.Parallel()
	plan := canary.Plan{Run: exampleRunID, New: canary.Release{Slot: "app-2"}}
	back := plan
	back.Revert = true
	refused := canary.Event{Type: canary.Halted, Halt: canary.HaltRefused, Err: "errors: 11 of 231"}
	for name, c := range map[string]struct {
		then []canary.Event
		want ending
		why  string
	}{
		"deployed in the end": {[]canary.Event{refused, {Type: canary.Began, Resumed: true}, {Type: canary.Finished}},
			ending{outcome: report.Deployed, code: exitDone, cause: report.ByOperator, over: true}, ""},
		"taken up, and put back by the operator": {[]canary.Event{refused, {Type: canary.Began, Resumed: true}, {Type: canary.Planned, Plan: &back}, {Type: canary.Finished}},
			ending{outcome: report.Reverted, code: exitReverted, cause: report.ByOperator, over: true}, ""},
		"put back at once": {[]canary.Event{refused, {Type: canary.Planned, Plan: &back}, {Type: canary.Finished}},
			ending{outcome: report.Reverted, code: exitReverted, cause: report.ByRefusal, over: true}, refused.Err},
		"put back, which was resumed": {[]canary.Event{refused, {Type: canary.Planned, Plan: &back}, {Type: canary.Began, Resumed: true}, {Type: canary.Finished}},
			ending{outcome: report.Reverted, code: exitReverted, cause: report.ByRefusal, over: true}, refused.Err},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file, err := journal.Open(filepath.Join(t.TempDir(), "run.jsonl"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			for i, e := range append([]canary.Event{{Type: canary.Planned, Plan: &plan}}, c.then...) {
				e.Seq, e.Run = i+1, exampleRunID
				if err := file.Append(e); err != nil {
					t.Fatal(err)
				}
			}
			got, is := bygone(past{plan: plan, progress: canary.Fold(plan, file.Events()), file: file})
			said := why(got)
			got.why = nil
			if !is || got != c.want || said != c.why {
				t.Errorf("over %t, because of %q, as\n%+v\nand not because of %q, as\n%+v", is, said, got, c.why, c.want)
			}
		})
	}
}

// lastRun is the run that began last, by its journal.
func lastRun(t *testing.T, f *rehearsal.Fleet) string {
	t.Helper()
	journals, err := filepath.Glob(filepath.Join(filepath.Dir(f.Config()), "state", "*", "*.jsonl"))
	if err != nil || len(journals) == 0 {
		t.Fatal(journals, err)
	}
	return strings.TrimSuffix(filepath.Base(slices.Max(journals)), ".jsonl")
}

// A run is over and a later one rolled a release that it knows: that is no fleet to be mended.
func TestARunThatIsOverKnowsAFleetThatHasMovedOn(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	deploy := func(slot string) string {
		enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--slot", slot, "--yes").must(t, 0)
		return lastRun(t, f)
	}
	deploy("3457")
	there := deploy("3458")
	deploy("3457")
	changes := f.Changes()
	y := enter(t, "resume", "-c", f.Config(), "--run", there).must(t, 7)
	says(t, y.err, "another release was rolled since", "iis-canary status")
	y = enter(t, "revert", "-c", f.Config(), "--run", there, "--yes").must(t, 0)
	says(t, y.out, "✔ run "+there+" is over: the release was deployed, and what served before it serves again since; nothing is left to put back\n")
	saysNot(t, y.out+y.err, "drain")
	if n := f.Changes() - changes; n != 0 {
		t.Errorf("%d changes were made for a run that has nothing to put back", n)
	}
	everywhere(t, f, rehearsal.App+"-3457")
}

func TestARunThatWasPutBackIsNotPutBackTwice(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	first := lastRun(t, f)
	enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0)
	changes := f.Changes()
	y := enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0)
	says(t, y.out, "✔ run "+first+" is over: the release was put back because somebody asked for it; nothing is left to put back\n")
	saysNot(t, y.out+y.err, "drain")
	if n := f.Changes() - changes; n != 0 {
		t.Errorf("%d changes were made for a run that was put back", n)
	}
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	for _, command := range [][]string{{"resume"}, {"revert", "--yes"}} {
		y = enter(t, append(command, "-c", f.Config(), "--run", first)...).must(t, 7)
		says(t, y.err, "another release was rolled since")
	}
	everywhere(t, f, rehearsal.NewSlot)
}
