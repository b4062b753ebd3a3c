package canary

import "time"

// Inventory is what the read-only survey found.
type Inventory struct {
	At      time.Time `json:"at"`
	Groups  []Group   `json:"groups"`
	Servers []Found   `json:"servers"`
}

// Group is a target group with what its settings mean for a roll.
type Group struct {
	ARN           string        `json:"arn"`
	Name          string        `json:"name"`
	Type          string        `json:"type"` // instance or ip
	Delay         time.Duration `json:"delay"`
	Interval      time.Duration `json:"interval"`
	Timeout       time.Duration `json:"timeout"`
	HealthyAfter  int           `json:"healthy_after"`
	UnhealthyAt   int           `json:"unhealthy_at"`
	SlowStart     time.Duration `json:"slow_start,omitempty"`
	Algorithm     string        `json:"algorithm"`
	CheckPath     string        `json:"check_path"`
	CheckMatcher  string        `json:"check_matcher"`
	CheckHTTP     bool          `json:"check_http,omitempty"` // HTTP or HTTPS, on the port of the target itself
	LoadBalancers []string      `json:"load_balancers"`       // ARNs; empty: no rule forwards here
}

// Found is one server as the survey saw it.
type Found struct {
	Server
	Slots    []Slot         `json:"slots"`
	Health   []TargetHealth `json:"health"`
	ClockOff time.Duration  `json:"clock_off"` // the server's clock minus ours
	DiskFree int64          `json:"disk_free"` // bytes
	Facts    []string       `json:"facts,omitempty"`
	Problems []string       `json:"problems,omitempty"` // why it cannot be rolled
}

// Running is the slots that have anything alive.
func (f Found) Running() []Slot {
	var out []Slot
	for _, s := range f.Slots {
		if s.Runs() {
			out = append(out, s)
		}
	}
	return out
}

// health is what the survey saw of one registration.
func (f Found) health(t Target) TargetHealth {
	for _, h := range f.Health {
		if healthKey(h.Target) == healthKey(t) {
			return h
		}
	}
	return TargetHealth{Target: t, State: Unused}
}

// in is the registrations that get requests now.
func (f Found) in() []Target {
	var out []Target
	for _, t := range f.Targets {
		if f.health(t).In() {
			out = append(out, t)
		}
	}
	return out
}

// running is the name of the slot that runs on a server; empty: none.
func (f Found) running() string {
	if r := f.Running(); len(r) > 0 {
		return r[0].Name
	}
	return ""
}
