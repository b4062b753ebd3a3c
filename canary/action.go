package canary

import (
	"context"
	"maps"
	"slices"
	"strings"
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

// Irrevocable is a change that cannot be undone. It stands only in final waves.
type Irrevocable interface {
	Change
	Irrevocable()
}

// Doubt is what a run does when a question's answer is [Unsure].
type Doubt string

// The policies for an unsure answer.
const (
	DoubtHold     Doubt = "hold"     // stop and leave the fleet as it is, resumable
	DoubtRevert   Doubt = "revert"   // as if the answer were no
	DoubtContinue Doubt = "continue" // go on
)

// Doubter is a question with a policy of its own. One without holds.
type Doubter interface {
	Question
	WhenUnsure() Doubt
}

// String is the state in one line, sorted.
func (s State) String() string {
	var parts []string
	for _, k := range slices.Sorted(maps.Keys(s)) {
		parts = append(parts, k+"="+s[k])
	}
	return strings.Join(parts, ", ")
}
