package rehearsal

import (
	"slices"
	"sync"
)

// board is the switches of the faults: which are on, and which releases they spare because they ran before.
type board struct {
	mu    sync.RWMutex
	names []string
	sound []string // slots
}

func newBoard(names []string) *board {
	return &board{names: slices.Clone(names), sound: []string{OldSlot}}
}

func (b *board) on(name string, sound []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sound = sound
	if !slices.Contains(b.names, name) {
		b.names = append(b.names, name)
	}
}

func (b *board) off() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.names = nil
}

// list is the faults that are on, in the order of switching them on.
func (b *board) list() []string {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return append([]string{}, b.names...)
}

func (b *board) has(name string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return slices.Contains(b.names, name)
}

// strikes reports whether the faults of a release are about this slot.
func (b *board) strikes(slot string) bool {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return len(b.names) > 0 && !slices.Contains(b.sound, slot)
}
