package report

import (
	"io"

	"iiscanary/canary"
)

// Result is how a run came out.
type Result string

// The results.
const (
	Deployed Result = "deployed" // every server runs the new release
	Reverted Result = "reverted" // the release was refused and the fleet was put back
	Held     Result = "held"     // nobody could say whether the release is good; the fleet stands as it is
	Stopped  Result = "stopped"  // by the operator; resumable
	Mixed    Result = "mixed"    // a server is out or on another release than it should be: a person is needed
)

// Outcome is a run in one object: what -o json prints.
type Outcome struct {
	Version int      `json:"version"` // set by JSON
	Outcome Result   `json:"outcome"`
	Exit    int      `json:"exit"` // code of the process
	Run     string   `json:"run"`
	Old     string   `json:"old"` // the slot that served before; several are parted by ", "
	New     string   `json:"new"`
	Servers []Server `json:"servers"`
	// Traffic is what customers saw; zero where nobody counted.
	Traffic Traffic        `json:"traffic"`
	Seconds Seconds        `json:"seconds"`
	Verdict canary.Verdict `json:"verdict"` // the one that decided; without an answer where none did
}

// Server is how one server was found at the end.
type Server struct {
	Name       string `json:"name"`
	Slot       string `json:"slot"`        // the running one; empty: none, or not just one
	InRotation bool   `json:"in_rotation"` // healthy in every target group
	Warm       bool   `json:"warm"`        // answered the warm-up in time
	// Unread is which of these could not be read; what they say then is nothing.
	Unread []string `json:"unread"`
}

// What of a server may be unread.
const (
	UnreadSlot     = "slot"
	UnreadRotation = "in_rotation"
	UnreadWarm     = "warm"
)

// Traffic is what customers saw.
type Traffic struct {
	Requests int64                  `json:"requests"`
	Failed   int64                  `json:"failed"`
	BySlot   map[string]SlotTraffic `json:"by_slot"`
}

// SlotTraffic is what customers saw of one slot. Times are in milliseconds.
type SlotTraffic struct {
	Requests int64   `json:"requests"`
	Failed   int64   `json:"failed"`
	P50MS    float64 `json:"p50_ms"`
	P99MS    float64 `json:"p99_ms"`
}

// Seconds is how long the parts of a run took.
type Seconds struct {
	Deploy float64 `json:"deploy"`
	// Detect runs from the first bad answer that a customer got to the decision.
	Detect float64 `json:"detect"`
	Revert float64 `json:"revert"`
}

// JSON writes the outcome as one indented object. Empty lists are written as such, never as null.
func (o Outcome) JSON(w io.Writer) error {
	o.Servers = append([]Server{}, o.Servers...)
	for i, s := range o.Servers {
		o.Servers[i].Unread = append([]string{}, s.Unread...)
	}
	if o.Traffic.BySlot == nil {
		o.Traffic.BySlot = map[string]SlotTraffic{}
	}
	o.Version = FormatVersion
	return encode(w, "the outcome", o)
}
