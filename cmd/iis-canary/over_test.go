package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"iiscanary/canary"
	"iiscanary/canary/report"
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
	enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0) // what was asked for is so
	if n := f.Changes() - changes; n != 0 {
		t.Errorf("%d changes were made for a run that is over", n)
	}

}
