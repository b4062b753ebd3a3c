package main

import (
	"os"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// TestAWayBackIsResumedWithoutThePackage: a pipeline has built the next release into the same file meanwhile.
func TestAWayBackIsResumedWithoutThePackage(t *testing.T) {
	t.Parallel()
	f := putUp(t, "crash")
	cmd := background(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
	said := func(words string) bool { return strings.Contains(cmd.talk.String(), words) }
	until(t, "the fleet is put back", func() bool { return said("planned the way back of run ") })
	cmd.kill()
	if said("reverted:") {
		t.Fatal("the way back was over before the run was killed")
	}
	if err := os.WriteFile(f.Package(), zipOf(t, map[string]string{"web.config": "<configuration/>"}), 0o600); err != nil {
		t.Fatal(err)
	}
	y := enter(t, "resume", "-c", f.Config()).must(t, 3)
	says(t, y.out, "  why:      ", "start app.domain.com-3457 on web-01: ")
	if strings.Contains(y.err, "package") {
		t.Errorf("a way back speaks of the package:\n%s", y.err)
	}
	everywhere(t, f, rehearsal.OldSlot)
}
