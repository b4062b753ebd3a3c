package canary

import "fmt"

// ProblemKind is what sort of thing forbids a plan.
type ProblemKind string

// The kinds of problems.
const (
	SpecWrong    ProblemKind = "spec-wrong"     // what was asked for cannot be done on any fleet
	NoServers    ProblemKind = "no-servers"     // the target groups are empty
	NameTaken    ProblemKind = "name-taken"     // two servers have one name, or a server has none
	OrderUnknown ProblemKind = "order-unknown"  // the order names a server that is not in the fleet
	NotRollable  ProblemKind = "not-rollable"   // the survey says why a server cannot be rolled
	GroupUnknown ProblemKind = "group-unknown"  // registered in a group that the survey did not read
	SeveralRun   ProblemKind = "several-run"    // several slots of one server run
	HalfStarted  ProblemKind = "half-started"   // a slot runs in part
	SlotTaken    ProblemKind = "slot-taken"     // the new slot is there already, with other files
	FloorTooHigh ProblemKind = "floor-too-high" // no server could leave and the floor still hold
)

// Problem is one reason why no plan can be made.
type Problem struct {
	Kind   ProblemKind
	Server string // empty: about the whole fleet
	What   string // what is wrong
	Remedy string // what the person can do
}

func (p *Problem) Error() string {
	text := p.What
	if p.Server != "" {
		text = p.Server + ": " + text
	}
	if p.Remedy != "" {
		text += fmt.Sprintf(" (%s)", p.Remedy)
	}
	return text
}

// problems collects every reason before any is told.
type problems []error

func (ps *problems) add(kind ProblemKind, server, remedy, what string, args ...any) {
	*ps = append(*ps, &Problem{Kind: kind, Server: server, What: fmt.Sprintf(what, args...), Remedy: remedy})
}
