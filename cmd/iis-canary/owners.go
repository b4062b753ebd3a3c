package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iiscanary/canary/journal"
)

// fate is what can be known here of the process that holds a lease.
type fate int

const (
	unknown fate = iota // it may be of another machine, or of another folder of journals
	living
	dead
)

// String is what can be said of that process.
func (f fate) String() string {
	switch f {
	case living:
		return "that process is at work"
	case dead:
		return "that process is dead"
	}
	return "whether that process lives cannot be known here"
}

// fate tells whether a process that holds a run's lease lives. Only one that signed the journal here is known: it keeps that file
// locked for as long as it lives. The name of this machine proves nothing, as each workspace on it may have a folder of its own.
func (r runs) fate(run, owner string) fate {
	path := r.journal(run)
	switch {
	case !isRunID(run) || !onThisMachine(owner) || !r.signed(run, owner) || !exists(path):
		return unknown
	case journal.Alive(path):
		return living
	}
	return dead
}

func (r runs) owners(run string) string { return filepath.Join(r.dir, run+".owners") }

// signature is an owner, and where it writes: a copy of the folder signs for nobody.
func (r runs) signature(owner string) string {
	dir, err := filepath.Abs(r.dir)
	if err != nil {
		dir = r.dir
	}
	return owner + " in " + dir
}

// sign notes durably that a process is about to lock the servers for a run whose journal it writes here. Where files cannot be locked,
// nobody signs: who finds no lock there may not conclude that the process is dead.
func (r runs) sign(run, owner string) error {
	f, err := os.OpenFile(r.owners(run), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err == nil {
		err = errors.Join(r.signOn(f, owner), f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("note which process writes the journal of run %s: %w", run, err)
	}
	return nil
}

func (r runs) signOn(f *os.File, owner string) error {
	holds, err := journal.Locks(f.Name())
	if err == nil && holds {
		_, err = fmt.Fprintln(f, r.signature(owner))
	}
	return err
}

func (r runs) signed(run, owner string) bool {
	text, err := os.ReadFile(r.owners(run))
	return err == nil && slices.Contains(strings.Split(string(bytes.TrimSpace(text)), "\n"), r.signature(owner))
}

// disown forgets who wrote the journal of a run here: it is about to be collected, or gone.
func (r runs) disown(run string) error {
	if err := os.Remove(r.owners(run)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forget which process wrote the journal of run %s: %w", run, err)
	}
	return nil
}
