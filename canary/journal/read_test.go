package journal_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
	"iiscanary/canary/journal"
)

// written is a journal on disk, with its lines.
func written(t *testing.T) (path string, lines []string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "run-1.jsonl")
	f := open(t, path)
	add(t, f, planned(1, false), event(2, canary.Began, "web-01"), event(3, canary.Ended, "web-01"), event(4, canary.Finished, ""))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, strings.SplitAfter(strings.TrimSuffix(string(b), "\n"), "\n")
}

func TestReadingADamagedJournalTellsTheLineAndKeepsTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		damage func([]string) []string
		seqs   []int
		lines  []int
		torn   bool
	}{
		"whole":          {func(l []string) []string { return l }, []int{1, 2, 3}, nil, true}, // its last line has no end here
		"garbage inside": {func(l []string) []string { return slices.Insert(l, 2, "garbage\n") }, []int{1, 2, 3}, []int{3}, true},
		"no plan": {func(l []string) []string {
			l[0] = `{"seq":1,"run":"run-1","type":"planned","plan":{"waves":[{"lanes":[[{"id":"x","kind":"fly"}]]}]}}` + "\n"
			return l
		}, []int{2, 3}, []int{1}, true},
		"lines swapped":     {func(l []string) []string { l[1], l[2] = l[2], l[1]; return l }, []int{1, 3}, []int{3}, true},
		"of another run":    {func(l []string) []string { return slices.Insert(l, 1, strings.ReplaceAll(l[1], "run-1", "run-2")) }, []int{1, 2, 3}, []int{2}, true},
		"torn in the midst": {func(l []string) []string { l[3] = l[3][:20]; return l }, []int{1, 2, 3}, nil, true},
		"empty":             {func([]string) []string { return nil }, nil, nil, false},
	} {
		t.Run(name, func(t *testing.T) {
			path, lines := written(t)
			text := strings.Join(c.damage(lines), "")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := journal.Read(path)
			if err != nil {
				t.Fatal(err)
			}
			var seqs, damaged []int
			for _, e := range r.Events {
				seqs = append(seqs, e.Seq)
			}
			for _, d := range r.Damage {
				damaged = append(damaged, d.Line)
			}
			if !slices.Equal(seqs, c.seqs) || !slices.Equal(damaged, c.lines) || r.Torn != c.torn {
				t.Errorf("events %v, damaged lines %v, torn %t; want %v, %v, %t", seqs, damaged, r.Torn, c.seqs, c.lines, c.torn)
			}
			if after, err := os.ReadFile(path); err != nil || string(after) != text {
				t.Errorf("reading changed the file: %v", err)
			}
		})
	}
}

func TestAWholeJournalIsReadAsItIsOpened(t *testing.T) {
	path, _ := written(t)
	r, err := journal.Read(path)
	if err != nil || r.Torn || len(r.Damage) > 0 {
		t.Fatal(r, err)
	}
	if diff := cmp.Diff(slices.Collect(open(t, path).Events()), r.Events); diff != "" {
		t.Error(diff)
	}
}

func TestAJournalIsAliveWhileItIsOpen(t *testing.T) {
	path, _ := written(t)
	if journal.Alive(path) {
		t.Error("a closed journal is alive")
	}
	first := open(t, path)
	_, err := journal.Open(path)
	if used, is := errors.AsType[*journal.InUseError](err); !is || used.Path != path {
		t.Errorf("a second writer got %v", err)
	}
	for range 2 { // to look does not change what the next one sees
		if !journal.Alive(path) {
			t.Error("an open journal is not alive")
		}
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if journal.Alive(path) || journal.Alive(filepath.Join(t.TempDir(), "none")) {
		t.Error("alive after it was closed, or where there is none")
	}
	if _, err := journal.Read(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of none it answers %v", err)
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"seq":1,"run":"r","type":"planned","plan":{"run":"r"}}` + "\n" + `{"seq":2,"run":"r","type":"finished"}` + "\n"))
	f.Add([]byte("garbage\n{\"seq\":1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		path := filepath.Join(t.TempDir(), "run.jsonl")
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := journal.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := len(r.Events) + len(r.Damage); n != bytes.Count(b, []byte("\n")) {
			t.Errorf("%d events and damages in %d lines", n, bytes.Count(b, []byte("\n")))
		}
		for i, e := range r.Events {
			if i > 0 && e.Seq < r.Events[i-1].Seq {
				t.Errorf("event %d follows %d", e.Seq, r.Events[i-1].Seq)
			}
		}
	})
}
