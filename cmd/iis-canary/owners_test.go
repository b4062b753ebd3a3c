package main

import (
	"errors"
	"os"
	"testing"

	"iiscanary/canary"
	"iiscanary/canary/journal"
)

func TestOnlyAProcessThatSignedTheJournalHereIsKnownToBeDead(t *testing.T) {
	t.Parallel()
	first, copied := runs{t.TempDir()}, runs{t.TempDir()}
	owner, foreign := process(), "alice on another-machine (pid 1, abcd)"
	expect := func(what string, r runs, owner string, want fate) {
		t.Helper()
		if got := r.fate(exampleRunID, owner); got != want {
			t.Errorf("%s: fate %d, want %d", what, got, want)
		}
	}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(first.sign(exampleRunID, owner))
	expect("it has not opened the journal yet", first, owner, unknown)
	file, err := journal.Open(first.journal(exampleRunID))
	must(err)
	expect("it writes", first, owner, living)
	expect("another process of this machine, of another folder", first, process(), unknown)
	must(file.Append(canary.Event{Seq: 1, Run: exampleRunID, Type: canary.Planned, Plan: &canary.Plan{Run: exampleRunID}}))
	must(file.Close())
	expect("it died", first, owner, dead)
	must(first.sign(exampleRunID, process()))
	expect("another one took the run up after it", first, owner, dead)
	must(first.sign(exampleRunID, foreign))
	expect("a machine with which the folder is shared", first, foreign, unknown)

	must(os.CopyFS(copied.dir, os.DirFS(first.dir)))
	expect("a copy of its folder, which it does not lock", copied, owner, unknown)
	must(first.disown(exampleRunID))
	must(first.disown(exampleRunID))
	expect("its journal was collected anew", first, owner, unknown)
}

func TestARunThatNeverBeganIsForgotten(t *testing.T) {
	t.Parallel()
	for begun, want := range map[bool]int{false: 0, true: 3} {
		r := runs{t.TempDir()}
		err := errors.Join(r.leave(exampleRunID, note{Package: "app.zip"}), r.sign(exampleRunID, process()))
		if begun {
			err = errors.Join(err, os.WriteFile(r.journal(exampleRunID), []byte("{}\n"), 0o600))
		}
		if err = errors.Join(err, r.forget(exampleRunID), r.forget(exampleRunID)); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(r.dir); err != nil || len(left) != want {
			t.Errorf("begun %t: %v are left, want %d files (%v)", begun, left, want, err)
		}
	}
}
