package canary

import "time"

// Spec is what the operator asked for.
type Spec struct {
	Run        string // id of the run; the caller makes it, so that a plan is a pure function
	App        string
	Digest     string // of the configuration file
	New        Release
	Order      []string // rolling order by server name; servers not named follow, sorted by name
	Waves      []Size   // nil: one server at a time, each with its gate
	Parallel   int      // lanes in hand at the same time within a wave; 0: 1
	MinHealthy Size     // healthy servers that must remain at every instant
	Keep       int      // old slots kept besides new and fallback
	Drain      DrainSpec
	Warm       WarmSpec
	Admit      AdmitSpec
	Bake       BakeSpec
}

// Size is a number of servers, or a share of the fleet where Percent is set.
type Size struct {
	Count   int
	Percent float64 // 0 to 100
}

// Of is the number of servers out of n: a count as it is, a share rounded up, never more than n.
func (s Size) Of(n int) int {
	c := s.Count
	if s.Percent > 0 {
		exact := s.Percent * float64(n) / 100
		c = int(exact)
		if float64(c) < exact-1e-9 {
			c++
		}
	}
	return min(max(c, 0), n)
}

// DrainSpec says how a server leaves rotation.
type DrainSpec struct {
	Policy string        // "full": wait out the deregistration delay; "observed": settle, then until no request is in flight
	Settle time.Duration // observed: how long the balancer may still send after a deregistration
	Poll   time.Duration
}

// WarmSpec says when a started slot counts as warm.
type WarmSpec struct {
	Path     string        `json:"path"`
	Host     string        `json:"host,omitempty"`
	First    time.Duration `json:"first"`            // budget of the first request
	Requests int           `json:"requests"`         // requests that must follow it
	Under    time.Duration `json:"under"`            // each of them faster than this
	Status   int           `json:"status"`           // and with this status
	Header   string        `json:"header,omitempty"` // response header that carries the version; empty: not looked at
	Tries    int           `json:"tries,omitempty"`  // series before the slot counts as never warm; 0: 3
}

// AdmitSpec says how long a registered server may take to become healthy.
type AdmitSpec struct {
	Poll  time.Duration
	Grace time.Duration // added to the health-check arithmetic of the group
}

// BakeSpec says how long real traffic is watched at each gate.
type BakeSpec struct {
	For      time.Duration // at least
	AtMost   time.Duration // at most, when the verdict is unsure
	Poll     time.Duration
	OnUnsure string // "hold", "revert" or "continue"
}
