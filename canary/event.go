package canary

import (
	"iter"
	"time"
)

// EventType is what happened to a step, or to the run.
type EventType string

// The types of events.
const (
	Planned  EventType = "planned"  // first record of a run, and of its revert: carries the plan
	Began    EventType = "began"    // durable before the change is made; carries the state seen
	Ended    EventType = "ended"    // the change was seen, or the question answered
	Broke    EventType = "broke"    // the step failed, or the question said no
	Halted   EventType = "halted"   // the run ended before its plan did: stopped, held, abandoned
	Finished EventType = "finished" // the plan is at its end
)

// Halt is why a run ended before its plan did, in one word.
type Halt string

// The reasons for a halt. Where there were several, the first of this list is noted.
const (
	HaltAbandoned Halt = "abandoned" // the context of the run ended, or another process may be at work
	HaltStopped   Halt = "stopped"   // by Runner.Stop
	HaltHeld      Halt = "held"      // an unsure answer, under hold
	HaltRefused   Halt = "refused"   // a question was answered with no
	HaltBroke     Halt = "broke"     // a step broke
)

// Event is one line of the journal.
type Event struct {
	Seq     int       `json:"seq"`
	At      time.Time `json:"at"`
	Type    EventType `json:"type"`
	Run     string    `json:"run"`
	Step    string    `json:"step,omitempty"`
	Server  string    `json:"server,omitempty"`
	Before  State     `json:"before,omitempty"`
	Verdict *Verdict  `json:"verdict,omitempty"`
	Err     string    `json:"err,omitempty"`
	// Skipped, on Ended, says that the first look found the change made already: nothing was done.
	Skipped bool `json:"skipped,omitempty"`
	// Unreachable, on Broke, says that nothing is known of the server: the step neither failed nor is done.
	Unreachable bool `json:"unreachable,omitempty"`
	// Halt, on Halted, is the reason; Err tells it in words.
	Halt Halt  `json:"halt,omitempty"`
	Plan *Plan `json:"plan,omitempty"`
	// Resumed marks the first event after a run was taken up again.
	Resumed bool   `json:"resumed,omitempty"`
	Tool    string `json:"tool,omitempty"` // version of the program, on Planned and where Resumed is set
}

// Journal is the truth about a run.
type Journal interface {
	// Append returns when the event is durable. An error stops the run, with one exception: on Began, an error that
	// wraps [ErrUnreachable] says that the server of the step could not take its own copy and that nothing was written;
	// then only the step breaks. One that wraps [ErrTaken] says that a server refused its copy, whether or not the event
	// was written here: the run ends, and this journal still takes why.
	Append(Event) error
	// Events yields everything appended so far, in order of Seq.
	Events() iter.Seq[Event]
}
