package canarytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"iiscanary/canary"
)

// Journal is a [canary.Journal] in memory. Its lines are JSON, so that only what survives JSON is remembered.
type Journal struct {
	Life *Life

	mu    sync.Mutex
	lines []canary.Event // each as it was read back from its JSON
	full  int
}

var _ canary.Journal = (*Journal)(nil)

// ErrFull is what a journal answers that cannot be written any more.
var ErrFull = errors.New("no space left on device")

// FillAfter lets so many more lines be written, and none after them.
func (j *Journal) FillAfter(lines int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.full = len(j.lines) + lines + 1
}

// Append writes a line.
func (j *Journal) Append(e canary.Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	var line canary.Event
	if err := json.Unmarshal(b, &line); err != nil {
		return fmt.Errorf("does not survive JSON: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.full > 0 && len(j.lines)+1 >= j.full {
		return ErrFull
	}
	effect, lives := true, true
	if j.Life != nil {
		effect, lives = j.Life.line()
	}
	if effect {
		j.lines = append(j.lines, line)
	}
	if !lives {
		return ErrDied
	}
	return nil
}

// Events yields the events as they were read back.
func (j *Journal) Events() iter.Seq[canary.Event] {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Values(j.lines[:len(j.lines):len(j.lines)])
}
