package main

import (
	"os"
	"path/filepath"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// A process that died before its first line was whole has changed nothing, and its file hides no other run.
func TestAJournalThatNoLineGotIntoIsNone(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	const never = "20991231-235959-abcd"
	path := filepath.Join(filepath.Dir(f.Config()), "state", rehearsal.App, never+".jsonl")
	for _, text := range []string{"", `{"seq":1,`} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		y := enter(t, "resume", "-c", f.Config(), "--run", never).must(t, 7)
		says(t, y.err, "neither this machine nor any server that answers knows a run "+never, "nothing was touched")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		says(t, enter(t, "resume", "-c", f.Config()).must(t, 0).out, "deployed")
	}
	enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0)
	everywhere(t, f, rehearsal.OldSlot)
}

func TestADamagedJournalIsToBeMovedAway(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	path := filepath.Join(filepath.Dir(f.Config()), "state", rehearsal.App, exampleRunID+".jsonl")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"garbage":              "garbage\n",
		"without the plan":     `{"seq":1,"at":"2026-11-21T10:15:00Z","type":"halted","run":"` + exampleRunID + `"}` + "\n",
		"of another run":       `{"seq":1,"type":"planned","run":"20261121-101500-0000","plan":{"run":"20261121-101500-0000"}}` + "\n",
		"of a revert, only so": `{"seq":1,"type":"planned","run":"` + exampleRunID + `","plan":{"run":"` + exampleRunID + `","revert":true}}` + "\n",
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		for _, words := range [][]string{{"resume"}, {"revert", "--yes"}} {
			y := enter(t, append(words, "-c", f.Config())...)
			if y.code != 7 {
				t.Errorf("%s: exit %d\n%s", name, y.code, y.err)
			}
			says(t, y.err, "nothing was touched by this command", "next:  move "+path+" away: the journal is then collected from the servers",
				"iis-canary resume --config "+f.Config()+" --run "+exampleRunID, "iis-canary revert --config "+f.Config()+" --run "+exampleRunID)
		}
	}
}
