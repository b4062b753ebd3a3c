package journal

import (
	"bytes"
	"fmt"
	"os"

	"iiscanary/canary"
)

// Reading is what could be read of a journal.
type Reading struct {
	Events []canary.Event  // of the lines that can be read, in the order of the file
	Damage []*CorruptError // one for each line that cannot
	Torn   bool            // the last line has no end: it is being written, or the process died in the middle of it
}

// Read reads a journal, of a run in flight too, and changes nothing, unlike [Open]. A line that cannot be read does not keep
// it from the others. The error is about the whole file.
func Read(path string) (Reading, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Reading{}, fmt.Errorf("read the journal: %w", err)
	}
	return decode(path, b), nil
}

func decode(path string, b []byte) Reading {
	var r Reading
	whole := bytes.LastIndexByte(b, '\n') + 1
	r.Torn = whole < len(b)
	line, last := 0, 0
	for text := range bytes.Lines(b[:whole]) {
		line++
		e, err := parse(text)
		if err == nil && e.Seq < last {
			err = fmt.Errorf("sequence number %d follows %d", e.Seq, last)
		}
		if err == nil && len(r.Events) > 0 && e.Run != r.Events[0].Run {
			err = fmt.Errorf("it is about run %s", e.Run)
		}
		if err != nil {
			r.Damage = append(r.Damage, &CorruptError{path, line, err})
			continue
		}
		last = e.Seq
		r.Events = append(r.Events, e)
	}
	return r
}

// Locks reports whether this system and the file system of a file keep one writer from another: elsewhere nobody can tell whether a
// journal's process lives. The file must be there.
func Locks(path string) (bool, error) { return locks(path, forbidden) }

func locks(path string, forbidden func(f *os.File, alone bool) bool) (bool, error) {
	var two [2]*os.File
	for i := range two {
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			return false, fmt.Errorf("look whether files can be locked: %w", err)
		}
		defer f.Close()
		two[i] = f
	}
	return !forbidden(two[0], true) && forbidden(two[1], true), nil
}

// Alive reports whether a process of this machine has the journal open to write it. A process of another machine is known by
// its lease on the servers only.
func Alive(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return forbidden(f, false)
}
