package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// TestAWayBackIsResumedWithoutThePackage: a pipeline has built the next release into the same file meanwhile.
func TestAWayBackIsResumedWithoutThePackage(t *testing.T) {
	t.Parallel()
	f := putUp(t, "crash")
	talk, err := os.Create(filepath.Join(t.TempDir(), "talk"))
	if err != nil {
		t.Fatal(err)
	}
	defer talk.Close()
	cmd := program(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
	cmd.Stderr = talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said := func(words string) bool {
		text, err := os.ReadFile(talk.Name())
		return err == nil && strings.Contains(string(text), words)
	}
	until(t, "the fleet is put back", func() bool { return said("planned the way back of run ") })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
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
