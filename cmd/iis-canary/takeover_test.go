package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// elsewhereOf is the configuration of a fleet with another folder for journals, as a second workspace on the same machine has.
func elsewhereOf(t *testing.T, f *rehearsal.Fleet, state string) (config string) {
	t.Helper()
	text, err := os.ReadFile(f.Config())
	if err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(filepath.Dir(f.Config()), state+".yaml")
	if !strings.Contains(string(text), "\nstate: state") {
		t.Fatalf("the configuration names no folder:\n%s", text)
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(text), "\nstate: state", "\nstate: "+state, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	return config
}

// journalsIn is the journals in a folder for them.
func journalsIn(t *testing.T, f *rehearsal.Fleet, state string) []string {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(f.Config()), state, rehearsal.App, "*.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestALivingRunOfAnotherWorkspaceIsNeverTakenForDead: two workspaces on one build agent share its name, not their journals.
func TestALivingRunOfAnotherWorkspaceIsNeverTakenForDead(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	other := elsewhereOf(t, f, "other")
	cmd := underway(t, f)
	for range 2 {
		y := enter(t, "revert", "-c", other, "--yes").must(t, 6)
		if !strings.Contains(y.err, "--take-over") || strings.Contains(y.err, "dead\n") {
			t.Errorf("refused with\n%s", y.err)
		}
		if left := journalsIn(t, f, "other"); len(left) > 0 {
			t.Errorf("a refused command leaves %v", left)
		}
	}
	cmd.ended().must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)
}
