package journal_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
	"iiscanary/canary/journal"
)

var fleet = canary.Plan{Run: "run-1", Servers: []canary.Server{{Name: "web-01"}, {Name: "web-02"}}}

func planned(seq int, revert bool) canary.Event {
	p := fleet
	p.Revert = revert
	return canary.Event{Seq: seq, Run: "run-1", Type: canary.Planned, Plan: &p, Tool: "test"}
}

func event(seq int, kind canary.EventType, server string) canary.Event {
	e := canary.Event{Seq: seq, Run: "run-1", Type: kind, Server: server}
	if server != "" {
		e.Step = "wave1/" + server + "/stop"
	}
	return e
}

func open(t *testing.T, path string) *journal.File {
	t.Helper()
	f, err := journal.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func add(t *testing.T, j canary.Journal, events ...canary.Event) {
	t.Helper()
	for _, e := range events {
		if err := j.Append(e); err != nil {
			t.Fatal(err)
		}
	}
}

func seqs(j canary.Journal) []int {
	var out []int
	for e := range j.Events() {
		out = append(out, e.Seq)
	}
	return out
}

func TestAJournalIsReadBackAsItWasWritten(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run-1.jsonl")
	f := open(t, path)
	began := event(2, canary.Began, "web-01")
	began.Before = canary.State{"runs": "true"}
	add(t, f, planned(1, false), began, event(3, canary.Ended, "web-01"))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	again := open(t, path)
	if diff := cmp.Diff(slices.Collect(f.Events()), slices.Collect(again.Events())); diff != "" {
		t.Error(diff)
	}
	add(t, again, event(4, canary.Finished, ""))
	if err := again.Close(); err != nil {
		t.Fatal(err)
	}
	if got := seqs(open(t, path)); !slices.Equal(got, []int{1, 2, 3, 4}) {
		t.Errorf("it holds %v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o077 != 0 && os.PathSeparator == '/' {
		t.Errorf("others can read it: %v, %v", info.Mode(), err)
	}
	if err := f.Append(event(5, canary.Halted, "")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a closed journal answers %v", err)
	}
}

func TestATornLastLineIsCutOffWhereverItWasTorn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run-1.jsonl")
	f := open(t, path)
	add(t, f, planned(1, false), event(2, canary.Began, "web-01"))
	f.Close()
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Index(string(whole), "\n") + 1
	for cut := first; cut < len(whole); cut++ {
		if err := os.WriteFile(path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		torn, err := journal.Open(path)
		if err != nil {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		add(t, torn, event(2, canary.Ended, "web-01"))
		torn.Close()
		again, err := journal.Open(path)
		if err != nil {
			t.Fatalf("cut at %d, then written: %v", cut, err)
		}
		if got := seqs(again); !slices.Equal(got, []int{1, 2}) {
			t.Fatalf("cut at %d it holds %v", cut, got)
		}
		again.Close()
	}
}

func TestALineThatCannotBeReadIsRefusedWithItsNumber(t *testing.T) {
	plan := `{"seq":1,"at":"2026-01-01T00:00:00Z","type":"planned","run":"r","plan":{"run":"r"}}` + "\n"
	for name, text := range map[string]string{
		"garbage":        plan + "{garbage\n",
		"another type":   plan + `{"seq":2,"type":"exploded","run":"r"}` + "\n",
		"an old number":  plan + `{"seq":2,"type":"halted","run":"r"}` + "\n" + `{"seq":1,"type":"halted","run":"r"}` + "\n",
		"no run":         plan + `{"seq":2,"type":"halted"}` + "\n",
		"no plan":        plan + `{"seq":2,"type":"planned","run":"r"}` + "\n",
		"another run":    plan + `{"seq":2,"type":"halted","run":"q"}` + "\n",
		"another action": plan + `{"seq":2,"type":"planned","run":"r","plan":{"run":"r","waves":[{"lanes":[[{"id":"x","kind":"explode","action":{}}]]}]}}` + "\n",
	} {
		path := filepath.Join(t.TempDir(), "run.jsonl")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := journal.Open(path)
		corrupt, is := errors.AsType[*journal.CorruptError](err)
		if !is || corrupt.Line < 2 || corrupt.Path != path {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestACollectedJournalIsWrittenOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run-1.jsonl")
	events := []canary.Event{planned(1, false), event(2, canary.Began, "web-01"), event(2, canary.Broke, "web-01")}
	if err := journal.Write(path, events); err != nil {
		t.Fatal(err)
	}
	if got := seqs(open(t, path)); !slices.Equal(got, []int{1, 2, 2}) {
		t.Errorf("it holds %v", got)
	}
	if err := journal.Write(path, events); err == nil {
		t.Error("it is written over")
	}
}

func FuzzMerge(f *testing.F) {
	f.Add(`{"seq":1,"type":"planned","run":"r","plan":{"run":"r"}}`, `{"seq":2,"type":"halted","run":"r"}`)
	f.Add("{", "")
	f.Fuzz(func(t *testing.T, a, b string) {
		events, err := journal.Merge([]string{a, b}, []string{b})
		if err != nil {
			return
		}
		if events[0].Type != canary.Planned || events[0].Plan == nil {
			t.Errorf("merged without a plan: %+v", events)
		}
		for i, e := range events {
			if i > 0 && e.Seq < events[i-1].Seq {
				t.Errorf("out of order at %d", i)
			}
		}
	})
}

func TestADiscardedJournalIsGoneAndNobodyWritesItOn(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run-1.jsonl")
	if err := journal.Write(path, []canary.Event{planned(1, false)}); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if err := f.Discard(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("it is still there: %v", err)
	}
	if err := f.Append(event(2, canary.Finished, "")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a discarded journal answers %v", err)
	}
}
