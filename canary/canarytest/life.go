package canarytest

import "sync"

// Life is that of the process that runs the engine; its World and its Journal share one. The zero value lives for ever.
type Life struct {
	mu      sync.Mutex
	dead    bool
	touches int
	lines   int

	// DieAtTouch is the touch of the World at which the process dies, from 1; 0: never.
	DieAtTouch int
	// DieAtLine is the line of the journal at which the process dies, from 1; 0: never.
	DieAtLine int
	// After says that the touch or line still has its effect.
	After bool
}

// Dead reports whether the process has died.
func (l *Life) Dead() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dead
}

// Touches is how often the World was touched, and Lines how many lines were written.
func (l *Life) Touches() (touches, lines int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.touches, l.lines
}

// Revive starts the next process, which does not die.
func (l *Life) Revive() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.dead, l.DieAtTouch, l.DieAtLine = false, 0, 0
}

// touch counts one; it reports whether it has its effect and whether the process lives on.
func (l *Life) touch() (effect, lives bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, false
	}
	l.touches++
	return l.pass(l.touches == l.DieAtTouch)
}

func (l *Life) line() (effect, lives bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.dead {
		return false, false
	}
	l.lines++
	return l.pass(l.lines == l.DieAtLine)
}

func (l *Life) pass(dies bool) (effect, lives bool) {
	l.dead = dies
	return !dies || l.After, !dies
}
