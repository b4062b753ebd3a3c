package canary

import (
	"iter"
	"slices"
)

// Progress is what a journal says of a plan. Resume, screen, report and revert all read it.
type Progress struct {
	Status    map[string]EventType // by step: Began, Ended or Broke, the latest
	Before    map[string]State     // by step: what its first look saw; a later look never replaces it
	Errs      map[string]string    // by step: why it broke the last time
	Verdicts  map[string]Verdict   // by step: its latest answer
	Order     []string             // steps in the order in which they first began
	InHand    []string             // servers on which a change began and whose lane is not at its end, newest first
	Gone      []string             // servers that could not be reached when they were last touched, sorted
	Reverting bool                 // the journal holds the plan that puts the fleet back
	Finished  bool                 // the plan is at its end
	Last      *Event               // the newest event; nil: none
}

// Began reports whether a step was ever begun.
func (p Progress) Began(step string) bool {
	_, began := p.Before[step]
	return began
}

// Ended reports whether a step is at its end.
func (p Progress) Ended(step string) bool { return p.Status[step] == Ended }

// LaneEnded reports whether every step of a lane is at its end.
func (p Progress) LaneEnded(l Lane) bool {
	return !slices.ContainsFunc(l, func(s Step) bool { return !p.Ended(s.ID) })
}

// LaneTouched reports whether a change of the lane began.
func (p Progress) LaneTouched(l Lane) bool {
	return slices.ContainsFunc(l, func(s Step) bool {
		_, change := s.Action.(Change)
		return change && p.Began(s.ID)
	})
}

// Fold reads the events of a run for one of its plans: the roll or its revert. It is a pure function; events of steps
// that the plan does not have are left out.
func Fold(plan Plan, events iter.Seq[Event]) Progress {
	f := folding{
		p:     Progress{Status: map[string]EventType{}, Before: map[string]State{}, Errs: map[string]string{}, Verdicts: map[string]Verdict{}},
		known: map[string]bool{}, gone: map[string]bool{}, plan: plan,
	}
	for s := range plan.Steps() {
		f.known[s.ID] = true
	}
	for e := range events {
		f.add(e)
	}
	f.p.InHand = f.inHand()
	for server, gone := range f.gone {
		if gone {
			f.p.Gone = append(f.p.Gone, server)
		}
	}
	slices.Sort(f.p.Gone)
	return f.p
}

type folding struct {
	p       Progress
	plan    Plan
	known   map[string]bool
	gone    map[string]bool
	current bool // the newest Planned record is of the same direction as the plan
}

func (f *folding) add(e Event) {
	f.p.Last = &e
	switch e.Type {
	case Planned:
		if e.Plan != nil {
			f.p.Reverting = f.p.Reverting || e.Plan.Revert
			f.current = e.Plan.Revert == f.plan.Revert
		}
		return
	case Finished:
		f.p.Finished = f.current
		return
	}
	if e.Server != "" && (e.Type == Broke || e.Type == Ended) {
		f.gone[e.Server] = e.Unreachable
	}
	if !f.known[e.Step] {
		return
	}
	if e.Verdict != nil {
		f.p.Verdicts[e.Step] = *e.Verdict
	}
	switch e.Type {
	case Began:
		if _, again := f.p.Before[e.Step]; !again {
			f.p.Before[e.Step] = e.Before
			f.p.Order = append(f.p.Order, e.Step)
		}
		f.p.Status[e.Step] = Began
	case Ended:
		f.p.Status[e.Step] = Ended
		delete(f.p.Errs, e.Step)
	case Broke:
		f.p.Status[e.Step] = Broke
		f.p.Errs[e.Step] = e.Err
	}
}

func (f *folding) inHand() []string {
	open := map[string]bool{}
	for _, w := range f.plan.Waves {
		for _, l := range w.Lanes {
			if f.p.LaneTouched(l) && !f.p.LaneEnded(l) {
				open[l[0].Server] = true
			}
		}
	}
	var out []string
	for _, id := range slices.Backward(f.p.Order) {
		for s := range f.plan.Steps() {
			if s.ID == id && open[s.Server] && !slices.Contains(out, s.Server) {
				out = append(out, s.Server)
			}
		}
	}
	return out
}
