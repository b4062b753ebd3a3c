package canary

import (
	"iter"
	"time"
)

// Step is one action at its place in a plan. The ID is stable across resume: "wave2/web-03/start".
type Step struct {
	ID     string
	Server string // empty: about the whole fleet
	Action Action
}

// Lane is the steps of one server, or of a gate, strictly in order.
type Lane []Step

// Wave is lanes that may run together, and then a gate.
type Wave struct {
	Name     string `json:"name"`
	Lanes    []Lane `json:"lanes"`
	Parallel int    `json:"parallel"` // lanes in hand at the same time; at least 1
	Gate     Lane   `json:"gate,omitempty"`
	// Final waves hold what cannot be undone; none may stand before the last gate.
	Final bool `json:"final,omitempty"`
	// Stubborn waves go on with the other lanes when one breaks: a revert, never a roll.
	Stubborn bool `json:"stubborn,omitempty"`
}

// Plan is everything that a run will do. The dry run prints it, deploy executes the very same value.
type Plan struct {
	Run     string    `json:"run"` // id of the run
	App     string    `json:"app"`
	New     Release   `json:"new"`
	Old     []string  `json:"old"`     // the slots that serve now; usually one
	Servers []Server  `json:"servers"` // the fleet, in rolling order
	Floor   int       `json:"floor"`   // healthy servers that must remain at every instant
	Spec    string    `json:"spec"`    // digest of the configuration
	Made    time.Time `json:"made"`
	Seen    string    `json:"seen"`             // digest of the inventory that it was made from
	Revert  bool      `json:"revert,omitempty"` // this plan puts a fleet back
	Waves   []Wave    `json:"waves"`
}

// Steps yields every step in the order of the plan: wave by wave, its lanes, then its gate.
func (p Plan) Steps() iter.Seq[Step] {
	return func(yield func(Step) bool) {
		for _, w := range p.Waves {
			for _, l := range w.Lanes {
				for _, s := range l {
					if !yield(s) {
						return
					}
				}
			}
			for _, s := range w.Gate {
				if !yield(s) {
					return
				}
			}
		}
	}
}
