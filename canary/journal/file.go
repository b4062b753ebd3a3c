// Package journal keeps the journal of a run: a file of JSON lines, and a copy of each line on the servers that it is
// about. What it promises:
//
//   - Append returns only when the line is on disk, here and, while a release is rolled out, on its server;
//   - a process that dies in the middle of a line loses that line and no other;
//   - the shards of the servers, merged, are the journal: losing the machine that ran it loses nothing.
package journal

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"iiscanary/canary"
)

// File is a [canary.Journal] in one file that only its owner can read. It may be used by several goroutines of one process;
// other processes of this machine cannot open it meanwhile. Those of other machines are kept out by the lease on the servers.
type File struct {
	mu     sync.Mutex
	f      *os.File
	events []canary.Event
	broken error // after the first failed write the end of the file is unknown
}

var _ canary.Journal = (*File)(nil)

// InUseError says that another process of this machine writes the journal.
type InUseError struct{ Path string }

func (e *InUseError) Error() string {
	return "another process of this machine is at work on that run: it writes " + e.Path
}

// FullError says that a journal's file could not be written: mostly, that its disk is full.
type FullError struct {
	Path string
	Err  error
}

func (e *FullError) Error() string { return e.Err.Error() }

// Unwrap is why it could not be written.
func (e *FullError) Unwrap() error { return e.Err }

// CorruptError says that a line of a journal cannot be read. Only the last line may be torn; that is no error.
type CorruptError struct {
	Path string // empty: a server's shard
	Line int    // from 1
	Err  error
}

func (e *CorruptError) Error() string {
	where := e.Path
	if where == "" {
		where = "a server's copy of the journal"
	}
	return fmt.Sprintf("%s, line %d: %v", where, e.Line, e.Err)
}

// Unwrap is what is wrong with the line.
func (e *CorruptError) Unwrap() error { return e.Err }

// Open opens a journal, or begins one. A torn last line, which was never durable, is cut off. A line that cannot be read, that
// holds an action of an unknown kind or is about another run than the first, is a *CorruptError; a journal that another process
// writes an *InUseError.
func Open(path string) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the journal: %w", err)
	}
	if !alone(f) || discarded(f, path) {
		return nil, errors.Join(&InUseError{path}, f.Close())
	}
	j := &File{f: f}
	if err := j.load(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return j, nil
}

// Looks at a journal, such as Alive's, hold a lock for a moment: a writer tries more than once.
const (
	lockTries = 20
	lockPause = 10 * time.Millisecond
)

// alone locks the file until it is closed, and reports whether nobody else had it.
func alone(f *os.File) bool {
	for range lockTries {
		if !forbidden(f, true) {
			return true
		}
		pause := time.NewTimer(lockPause)
		<-pause.C
	}
	return false
}

// discarded reports whether another process took the file away between its opening and its locking.
func discarded(f *os.File, path string) bool {
	ours, err := f.Stat()
	there, gone := os.Stat(path)
	return err == nil && (gone != nil || !os.SameFile(ours, there))
}

// Write begins a journal with events that were collected from the servers. It refuses a file that is not empty.
func Write(path string, events []canary.Event) error {
	j, err := Open(path)
	if err != nil {
		return err
	}
	if len(j.events) > 0 {
		return errors.Join(fmt.Errorf("write the collected journal: %s is not empty", path), j.Close())
	}
	for _, e := range events {
		if err := j.Append(e); err != nil {
			return errors.Join(err, j.Close())
		}
	}
	return j.Close()
}

func (j *File) load(path string) error {
	b, err := io.ReadAll(j.f)
	if err != nil {
		return fmt.Errorf("read the journal: %w", err)
	}
	r := decode(path, b)
	if len(r.Damage) > 0 {
		return r.Damage[0]
	}
	j.events = r.Events
	if r.Torn {
		if err := j.f.Truncate(int64(bytes.LastIndexByte(b, '\n') + 1)); err != nil {
			return fmt.Errorf("cut the torn last line off the journal: %w", err)
		}
	}
	if err := j.f.Sync(); err != nil {
		return fmt.Errorf("flush the journal to disk: %w", err)
	}
	return syncFolder(filepath.Dir(path))
}

// syncFolder makes the file's name durable where the system can do that for folders.
func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open the journal's folder: %w", err)
	}
	_ = d.Sync() // Windows cannot, and needs not
	return d.Close()
}

// Append writes one line and flushes it to disk. After a *FullError every further one is the same.
func (j *File) Append(e canary.Event) error {
	line, err := format(e)
	if err != nil {
		return err
	}
	kept, err := parse(line)
	if err != nil {
		return fmt.Errorf("event %d does not survive JSON: %w", e.Seq, err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil {
		return j.broken
	}
	if _, err := j.f.Write(line); err != nil {
		j.broken = &FullError{j.f.Name(), fmt.Errorf("write event %d: %w", e.Seq, err)}
		return j.broken
	}
	if err := j.f.Sync(); err != nil {
		j.broken = &FullError{j.f.Name(), fmt.Errorf("flush event %d to disk: %w", e.Seq, err)}
		return j.broken
	}
	j.events = append(j.events, kept)
	return nil
}

// Events yields what was on disk when the iteration began.
func (j *File) Events() iter.Seq[canary.Event] {
	return func(yield func(canary.Event) bool) {
		j.mu.Lock()
		events := j.events[:len(j.events):len(j.events)]
		j.mu.Unlock()
		slices.Values(events)(yield)
	}
}

// Close closes the file.
func (j *File) Close() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = os.ErrClosed
	return j.f.Close()
}

// Discard closes the journal and takes the file away: of one that was collected, and that nothing was added to.
func (j *File) Discard() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.broken = os.ErrClosed
	name := j.f.Name()
	err := os.Remove(name) // while it is locked, so that nobody else begins to write it
	closed := j.f.Close()
	if errors.Is(closed, os.ErrClosed) {
		closed = nil
	}
	if err != nil { // Windows removes no file that is open
		err = os.Remove(name)
	}
	return errors.Join(err, closed)
}

// format is an event as one line.
func format(e canary.Event) ([]byte, error) {
	b, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("write event %d as JSON: %w", e.Seq, err)
	}
	return append(b, '\n'), nil
}

func parse(line []byte) (canary.Event, error) {
	var e canary.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return canary.Event{}, err
	}
	switch e.Type {
	case canary.Planned, canary.Began, canary.Ended, canary.Broke, canary.Halted, canary.Finished:
	default:
		return canary.Event{}, fmt.Errorf("unknown type of event %q", e.Type)
	}
	if e.Seq < 1 || e.Run == "" || (e.Type == canary.Planned) != (e.Plan != nil) {
		return canary.Event{}, errors.New("not an event of a run")
	}
	return e, nil
}
