package report

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"iiscanary/canary"
)

// FormatVersion is the version of every JSON object that the program prints. It grows when a field goes away or changes its
// meaning, never when one is added.
const FormatVersion = 1

// Run is the story of one run, as its journal tells it. What the fleet looks like now, only the fleet can tell.
type Run struct {
	Version   int            `json:"version"`
	Run       string         `json:"run"`
	App       string         `json:"app"`
	Tool      string         `json:"tool,omitempty"` // version of the program that began it
	Old       []string       `json:"old"`            // slots that served before
	New       canary.Release `json:"new"`
	Floor     int            `json:"floor"` // healthy servers that must remain
	Outcome   Result         `json:"outcome"`
	Why       string         `json:"why,omitempty"`
	Alive     bool           `json:"alive"`     // a process of this machine is at work on it
	Resumable bool           `json:"resumable"` // resume or revert can take it up
	// OvertakenBy is a later run that left servers on another release; absent: none is known. See [Run.Overtake].
	OvertakenBy string `json:"overtaken_by,omitempty"`

	Began   time.Time    `json:"began,omitzero"`
	Ended   time.Time    `json:"ended,omitzero"` // time of the newest event
	Resumed []Resumption `json:"resumed,omitempty"`
	Seconds RunSeconds   `json:"seconds"`
	Servers []RunServer  `json:"servers"` // those that the plan has steps for, in rolling order
	Steps   []RunStep    `json:"steps"`   // of the plan, then of the way back, each in its order
	Damage  []Damage     `json:"damage,omitempty"`
	Torn    bool         `json:"torn,omitempty"` // the last line has no end; it was never durable
	Next    []string     `json:"next,omitempty"` // what to type or do next
}

// Resumption is a moment at which a run was taken up again.
type Resumption struct {
	At   time.Time `json:"at"`
	Tool string    `json:"tool,omitempty"`
}

// RunSeconds is how long a run was worked on, in seconds. Time in which no process was at work is not in it.
type RunSeconds struct {
	Deploy float64 `json:"deploy"`
	Revert float64 `json:"revert"`
	Total  float64 `json:"total"`
}

// Damage is a line of a journal that cannot be read.
type Damage struct {
	Line int    `json:"line"` // from 1; 0: the whole file
	What string `json:"what"`
}

// String is the damage in words.
func (d Damage) String() string {
	if d.Line == 0 {
		return "it cannot be read: " + sentence(d.What)
	}
	return fmt.Sprintf("line %d cannot be read: %s", d.Line, sentence(d.What))
}

// RunServer is what a run did to one server.
type RunServer struct {
	Name     string      `json:"name"`
	State    ServerState `json:"state"`
	Rotation string      `json:"rotation"` // in, out, leaving, entering, unknown
	Changed  []RunChange `json:"changed"`
	PutBack  []RunChange `json:"put_back"`
}

// ServerState is how far a run came with one server.
type ServerState string

// The states of a server in a run.
const (
	Untouched ServerState = "untouched" // nothing began
	Staged    ServerState = "staged"    // the release is on its disk, nothing else changed
	InHand    ServerState = "in_hand"   // something began, and neither the way forward nor the way back is at its end
	OnNew     ServerState = "new"       // every step is at its end
	PutBack   ServerState = "put_back"  // every step of the way back is at its end
	Unplanned ServerState = "unknown"   // the plan cannot be read
)

// RunChange is one change that was made, or begun, on a server.
type RunChange struct {
	Step    string      `json:"step"`
	What    string      `json:"what"`
	At      time.Time   `json:"at,omitzero"` // when it ended; absent: it is not known to have ended
	Outcome StepOutcome `json:"outcome"`
}

// StepOutcome is how a step came out.
type StepOutcome string

// The outcomes of a step.
const (
	Done        StepOutcome = "done"
	FoundDone   StepOutcome = "found"       // the first look found it so: nothing was done
	Refused     StepOutcome = "refused"     // the question was answered with no
	Doubted     StepOutcome = "unsure"      // the question could not be answered, and the run was held
	Waived      StepOutcome = "waived"      // the question could not be answered, and the run went on, as configured
	Broken      StepOutcome = "broke"       // it failed
	Unreachable StepOutcome = "unreachable" // nothing is known of the server
	CutShort    StepOutcome = "cut_short"   // it began, and nobody brought it to its end
	AtWork      StepOutcome = "at_work"     // it began, and the process is alive
	NotBegun    StepOutcome = "not_begun"
)

// RunStep is one step of a run.
type RunStep struct {
	ID      string       `json:"id"`
	Wave    string       `json:"wave"`
	Server  string       `json:"server,omitempty"` // absent: about the whole fleet
	Kind    string       `json:"kind"`
	What    string       `json:"what"`
	Revert  bool         `json:"revert"`           // a step of the way back
	Undoes  string       `json:"undoes,omitempty"` // id of the step that it takes back
	Outcome StepOutcome  `json:"outcome"`
	Tries   int          `json:"tries"`
	Began   time.Time    `json:"began,omitzero"` // the first time
	Ended   time.Time    `json:"ended,omitzero"` // the last time
	Seconds float64      `json:"seconds"`        // of all tries that ended
	Why     string       `json:"why,omitempty"`
	Before  canary.State `json:"before,omitempty"` // what its first look saw
	Verdict *RunVerdict  `json:"verdict,omitempty"`
}

// RunVerdict is the answer to a question, with its evidence.
type RunVerdict struct {
	Answer   canary.Answer `json:"answer"`
	Reason   string        `json:"reason"`
	Until    time.Time     `json:"until,omitzero"` // logs before it had been seen
	Lag      float64       `json:"lag_seconds"`    // how late the logs were
	Evidence []RunSample   `json:"evidence"`       // one for each metric
}

// RunSample is the evidence of one metric.
type RunSample struct {
	Metric string        `json:"metric"`
	Answer canary.Answer `json:"answer"`
	Limit  string        `json:"limit"`
	New    RunCount      `json:"new"`
	Old    RunCount      `json:"old"`
	Odds   float64       `json:"odds"` // evidence against "within the limit", a natural logarithm
	Need   float64       `json:"need"` // odds at which the release is refused
	Reason string        `json:"reason"`
}

// RunCount is requests, and how many and what share of them were bad.
type RunCount struct {
	Requests int64   `json:"requests"`
	Bad      int64   `json:"bad"`
	Rate     float64 `json:"rate"` // 0 to 1; 0 where there was no request
}

// JSON writes the story as one indented object.
func (r Run) JSON(w io.Writer) error { return encode(w, "the story of run "+r.Run, r) }

// encode writes one indented object, its text unescaped.
func encode(w io.Writer, what string, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write %s: %w", what, err)
	}
	return nil
}
