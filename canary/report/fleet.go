package report

import (
	"io"
	"slices"
	"time"

	"iiscanary/canary"
)

// Fleet is what runs where: what `status` prints.
type Fleet struct {
	Version    int        `json:"version"`
	App        string     `json:"app"`
	At         time.Time  `json:"at"`
	Servers    []Standing `json:"servers"`
	Drift      []Drift    `json:"drift"`      // what is not as it should be
	InFlight   []string   `json:"in_flight"`  // runs that hold a server now
	Unfinished []RunLine  `json:"unfinished"` // runs that can still be taken up, newest first
	Next       []string   `json:"next,omitempty"`
}

// Standing is where one server stands.
type Standing struct {
	Name     string        `json:"name"`
	Running  []string      `json:"running"`           // slots with anything alive; one is right
	Release  string        `json:"release,omitempty"` // version of the running slot, from its manifest
	Digest   string        `json:"digest,omitempty"`  // of the running slot's files
	Boots    []string      `json:"boots"`             // slots that come back after a reboot; should be the running one
	Idle     []string      `json:"idle"`              // slots on disk that do not run
	Rotation string        `json:"rotation"`          // in, out, in part
	Targets  []TargetState `json:"targets"`
	Lease    *Lease        `json:"lease,omitempty"`
	Loads    []Load        `json:"loads"` // of the slots that have a worker
}

// Load is how much a slot has to do at this moment. A number is -1 where the server cannot tell.
type Load struct {
	Slot     string `json:"slot"`
	Requests int    `json:"requests"` // in a worker's hands
	Queue    int    `json:"queue"`    // waiting for a worker
}

// TargetState is one registration of a server, in the balancer's words.
type TargetState struct {
	Group       string             `json:"group"` // its name
	Port        int                `json:"port"`
	State       canary.HealthState `json:"state"`
	Reason      string             `json:"reason,omitempty"`
	Description string             `json:"description,omitempty"`
}

// Lease is who may change the app on a server.
type Lease struct {
	Run    string    `json:"run"`
	Owner  string    `json:"owner"`
	Reason string    `json:"reason"`
	Since  time.Time `json:"since"`
	Until  time.Time `json:"until"` // by the server's clock; renewed while the run works
	Over   bool      `json:"over"`  // it ran out, or its process, on this machine, died
}

// Drift is one thing that is not as it should be, and what to do about it.
type Drift struct {
	Kind   DriftKind `json:"kind"`
	Server string    `json:"server,omitempty"` // absent: about the whole fleet
	What   string    `json:"what"`
	Next   string    `json:"next"`
}

// DriftKind is a stable word for a kind of drift.
type DriftKind string

// The kinds of drift.
const (
	DriftUnread   DriftKind = "unread"          // the server, or a part of it, could not be read
	DriftNothing  DriftKind = "nothing_runs"    // no slot of the app is alive
	DriftTwice    DriftKind = "runs_twice"      // more than one is
	DriftHalf     DriftKind = "half_started"    // the slot runs in part
	DriftUnknown  DriftKind = "state_unknown"   // IIS does not tell whether a slot runs
	DriftBoot     DriftKind = "boots_other"     // a reboot would bring something else than what runs
	DriftMixed    DriftKind = "mixed"           // servers run different slots
	DriftFiles    DriftKind = "files_differ"    // the same slot holds other files on another server
	DriftOut      DriftKind = "out_of_rotation" // the server gets no requests
	DriftLost     DriftKind = "lost"            // a run took the server out of every target group
	DriftPort     DriftKind = "port"            // another program has the app's port, or its certificate is in danger
	DriftLeftover DriftKind = "lease_over"      // a lease of a process that died, of a run that nobody here knows
)

// Whole reports whether nothing drifted, nobody is at work, and no run waits to be taken up.
func (f Fleet) Whole() bool {
	return len(f.Drift) == 0 && len(f.InFlight) == 0 && len(f.Unfinished) == 0
}

// JSON writes the fleet as one indented object.
func (f Fleet) JSON(w io.Writer) error { return encode(w, "the status", f) }

// Sighting is what was read of one server.
type Sighting struct {
	Found canary.Found
	Lease *Lease // nil: nobody holds it
	Loads []Load
	Omens []Omen
	// Changed is who changed the configuration of IIS there last, as far as can be told; empty: nothing is known, or nobody asked.
	Changed string
}

// Odd reports whether something other than one whole slot runs there, or would after a reboot.
func (s Sighting) Odd() bool {
	alive := s.Found.Running()
	return len(alive) != 1 || !alive[0].Serves() || slices.ContainsFunc(s.Found.Slots, func(x canary.Slot) bool {
		return x.Boots() != (x.Name == alive[0].Name) || x.SiteBoot != x.PoolBoot
	})
}

// Omen is something about the app's ports that is wrong, or will be.
type Omen struct{ What, Next string }

// Survey is what was read of a fleet.
type Survey struct {
	App    string
	At     time.Time
	Groups []canary.Group
	Seen   []Sighting
	Runs   []Run // known here or on the servers, newest first
}
