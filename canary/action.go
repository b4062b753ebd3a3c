package canary

import (
	"context"
	"time"
)

// Action is one thing that a run does: a value, never a closure, so that a plan survives JSON.
type Action interface {
	// Kind is the verb: "drain", "start", "bake".
	Kind() string
	// Describe is said once; plan, screen, log, report and error all print it. One line, no secrets.
	Describe() string
	// Budget is the longest that the action may take before it counts as hung.
	Budget() time.Duration
}

// Change alters one thing on one server.
type Change interface {
	Action
	// Look reads, and changes nothing.
	Look(context.Context, World) (Seen, error)
	// Do is idempotent: doing it twice is doing it once.
	Do(context.Context, World) error
	// Undo names, in order, what takes the change back to the state before it; nil when there is nothing to take back.
	Undo(before State) []Action
}

// Question asks the fleet or a person, and changes nothing.
type Question interface {
	Action
	Ask(context.Context, World) (Verdict, error)
}

// State is what a look saw, in words that survive JSON.
type State map[string]string

// Seen is one look: what is there, and whether that is what the change wants.
type Seen struct {
	State State
	Done  bool
}
