package main

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"iiscanary/canary/journal"
)

// runs is the folder that holds the journals of one app.
type runs struct{ dir string }

// note is what a run leaves beside its journal: what resume needs and the plan does not hold.
type note struct {
	Package string `json:"package"` // absolute path of the package, or its address with the pin
}

// newRunID names a run by its time, with four characters against two in the same second.
func newRunID(now time.Time) string {
	var b [2]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand panics instead
	return fmt.Sprintf("%s-%x", now.UTC().Format("20060102-150405"), b)
}

const exampleRunID = "20261121-101500-ab12"

var runID = regexp.MustCompile(`^[0-9]{8}-[0-9]{6}-[0-9a-f]{4}$`)

// isRunID reports whether newRunID may have made the name; it becomes part of a path.
func isRunID(s string) bool { return runID.MatchString(s) }

// open makes the folder where it does not exist yet.
func openRuns(state, app string) (runs, error) {
	dir := filepath.Join(state, app)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return runs{}, fmt.Errorf("make the folder for journals: %w", err)
	}
	return runs{dir}, nil
}

func (r runs) journal(run string) string { return filepath.Join(r.dir, run+".jsonl") }

// latest is the newest run that has a journal here.
func (r runs) latest() (string, error) {
	ids, err := r.ids()
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		if !r.blank(id) {
			return id, nil
		}
	}
	return "", os.ErrNotExist
}

// blank reports whether a process died before it had written one line of a run: it had changed nothing then.
func (r runs) blank(run string) bool {
	path := r.journal(run)
	read, err := journal.Read(path)
	return err == nil && len(read.Events) == 0 && len(read.Damage) == 0 && !journal.Alive(path)
}

// clear takes a blank journal away, as the servers may have its first line.
func (r runs) clear(run string) error {
	if !r.blank(run) {
		return nil
	}
	f, err := journal.Open(r.journal(run))
	if err != nil {
		return err
	}
	for range f.Events() { // somebody was faster
		return f.Close()
	}
	return errors.Join(f.Discard(), r.disown(run))
}

// forget takes away what a run leaves beside its journal, where that was never begun.
func (r runs) forget(run string) error {
	if exists(r.journal(run)) {
		return nil
	}
	if err := os.Remove(filepath.Join(r.dir, run+".json")); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the note of run %s: %w", run, err)
	}
	return r.disown(run)
}

// leave writes the note of a run.
func (r runs) leave(run string, n note) error {
	b, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("write the note of run %s: %w", run, err)
	}
	return os.WriteFile(filepath.Join(r.dir, run+".json"), b, 0o600)
}

// find reads the note of a run; a run without one has an empty note.
func (r runs) find(run string) (note, error) {
	var n note
	b, err := os.ReadFile(filepath.Join(r.dir, run+".json"))
	if errors.Is(err, os.ErrNotExist) {
		return n, nil
	}
	if err != nil {
		return n, fmt.Errorf("read the note of run %s: %w", run, err)
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return n, fmt.Errorf("read the note of run %s: %w", run, err)
	}
	return n, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
