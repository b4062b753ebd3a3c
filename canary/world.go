package canary

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// World is everything outside the process that a run touches, its clock included. Every method honours its context and
// returns within a bounded time of its own; the runner bounds it once more.
type World interface {
	Balancer
	Host
	Judge
	Clock
}

// Clock is the World's time.
type Clock interface {
	// Now is the time of the World's clock.
	Now() time.Time
	// Wait returns nil after d, or the cause of ctx when that ends first.
	Wait(ctx context.Context, d time.Duration) error
}

// Balancer moves servers in and out of rotation.
type Balancer interface {
	// Health reads the state of exactly these targets, in their order. One reading of a group serves all callers of
	// the same poll; a reading is never older than the last write to that group.
	Health(ctx context.Context, targets []Target) ([]TargetHealth, error)
	// Spare returns nil when the server behind these targets may leave now: in each of their groups at least floor
	// other targets are healthy and the group's own thresholds hold. A target that is not healthy costs nothing.
	// It returns a *NoSpareError otherwise.
	Spare(ctx context.Context, targets []Target, floor int) error
	// Deregister takes exactly these targets out of their groups and returns once no group lists one of them as
	// taking new requests. It checks Spare first, one server at a time, so that two lanes cannot both take the last
	// one. A target that is out already is no error.
	Deregister(ctx context.Context, targets []Target, floor int) error
	// Register puts exactly these targets into their groups and returns once the balancer lists them. They serve when
	// Health says so. A target that is in already is no error.
	Register(ctx context.Context, targets []Target) error
}

// HealthState is a target's state in the balancer's own words. The set is open: an unknown word means "not serving yet".
type HealthState string

// The states of elasticloadbalancingv2 DescribeTargetHealth.
const (
	Initial     HealthState = "initial"
	Healthy     HealthState = "healthy"
	Unhealthy   HealthState = "unhealthy"
	Draining    HealthState = "draining"
	Unused      HealthState = "unused"
	Unavailable HealthState = "unavailable"
)

// TargetHealth is the live state of one target.
type TargetHealth struct {
	Target
	State       HealthState `json:"state"`
	Reason      string      `json:"reason,omitempty"`      // such as Target.ResponseCodeMismatch
	Description string      `json:"description,omitempty"` // such as "Health checks failed with these codes: [404]"
}

// In reports whether the target is registered: it gets requests, or will as soon as it is healthy.
func (h TargetHealth) In() bool { return h.State != Draining && h.State != Unused }

// NoSpareError says that a server may not leave rotation now.
type NoSpareError struct {
	Group   string // the target group's name
	Healthy int    // healthy targets there now
	Left    int    // healthy targets that would be left
	Need    int    // healthy targets that must be left
	Why     string // which rule asks for them: "min_healthy" or a threshold of the group
}

func (e *NoSpareError) Error() string {
	return fmt.Sprintf("%s has %d healthy and would have %d, %s asks for %d", e.Group, e.Healthy, e.Left, e.Why, e.Need)
}

// Host operates the servers themselves. Servers are named by Server.Name, slots by their full name.
type Host interface {
	// Slots reads every slot of the app on this server.
	Slots(ctx context.Context, server string) ([]Slot, error)
	// Stage brings the release's files into a slot of its own, verified, and creates its site and pool, stopped and
	// not starting at boot. A slot that is staged already with the same digest is no error; with another it is.
	Stage(ctx context.Context, server string, release Release) error
	// Start starts pool and site of a slot and returns when both are started and stable.
	Start(ctx context.Context, server, slot string) error
	// Stop stops site and pool of a slot and returns when its workers are gone.
	Stop(ctx context.Context, server, slot string) error
	// Own sets, in one commit, which of the named slots start at boot.
	Own(ctx context.Context, server string, boot map[string]bool) error
	// Probe sends one series of warm-up requests from the server to its own site, all on one connection.
	Probe(ctx context.Context, server string, p Probe) ([]Answered, error)
	// Hold returns nil when the server is still this run's to change. An error that wraps [ErrTaken] says that it is
	// not; any other that nobody knows.
	Hold(ctx context.Context, server string) error
	// Requests counts the requests that a slot is working on at this moment.
	Requests(ctx context.Context, server, slot string) (int, error)
	// Prune removes every slot of the app that is neither named in keep, nor running, nor starting at boot, and says
	// which it removed. What this program did not make it leaves alone.
	Prune(ctx context.Context, server string, keep []string) ([]string, error)
}

// SlotState is the state of a site or a pool as the server reports it.
type SlotState string

// The states of Microsoft.Web.Administration.ObjectState, and two that it lacks.
const (
	Starting SlotState = "starting"
	Started  SlotState = "started"
	Stopping SlotState = "stopping"
	Stopped  SlotState = "stopped"
	Unknown  SlotState = "unknown" // the server cannot say; never read as stopped
	Absent   SlotState = "absent"
)

// Slot is one site, its pool and its folder on one server.
type Slot struct {
	Name     string    `json:"name"`
	Site     SlotState `json:"site"`
	Pool     SlotState `json:"pool"`
	SiteBoot bool      `json:"site_boot"` // serverAutoStart of the site
	PoolBoot bool      `json:"pool_boot"` // autoStart of the pool
	Workers  []int     `json:"workers,omitempty"`
	Path     string    `json:"path,omitempty"`
	Digest   string    `json:"digest,omitempty"`  // of the release in the folder, from its manifest
	Version  string    `json:"version,omitempty"` // from the manifest
}

// Runs reports whether anything of the slot is alive: a site, a pool or a worker process. An unknown state counts as alive.
func (s Slot) Runs() bool {
	dead := func(x SlotState) bool { return x == Stopped || x == Absent }
	return !dead(s.Site) || !dead(s.Pool) || len(s.Workers) > 0
}

// Serves reports whether the slot is started, site and pool.
func (s Slot) Serves() bool { return s.Site == Started && s.Pool == Started }

// Boots reports whether the slot comes back by itself after a reboot.
func (s Slot) Boots() bool { return s.SiteBoot && s.PoolBoot }

// Made reports whether the slot's folder has a manifest: what has none was made by hand, as a fleet's first site is, and is never removed.
func (s Slot) Made() bool { return s.Digest != "" }

// Probe is one series of warm-up requests.
type Probe struct {
	Slot     string        `json:"slot"`
	Path     string        `json:"path"`             // such as /health/warm
	Host     string        `json:"host,omitempty"`   // Host header; empty: the app's name
	First    time.Duration `json:"first"`            // budget of the first request, which starts the application
	Each     time.Duration `json:"each"`             // budget of each later request
	Requests int           `json:"requests"`         // how many follow the first
	Header   string        `json:"header,omitempty"` // response header that carries the version; empty: not looked at
	// Balancer asks as a health check of the balancer does: Host is address and port. Port chooses the binding; 0: the first.
	Balancer bool `json:"balancer,omitempty"`
	Port     int  `json:"port,omitempty"`
}

// Answered is one answer to a warm-up request.
type Answered struct {
	Status  int           `json:"status"` // HTTP status; 0: no answer
	Took    time.Duration `json:"took"`
	Version string        `json:"version,omitempty"` // value of Probe.Header
	Worker  int           `json:"worker,omitempty"`  // process id of the worker after the request; 0: none
	Err     string        `json:"err,omitempty"`     // why there was no answer, or what an error page means
}

// Judge weighs real users' requests.
type Judge interface {
	// Judge weighs all traffic since the run began: the servers in on, which run the new slot, against those that
	// still run an old one in the same seconds. Evidence is never reset between gates. An error is a poll that could
	// not be read; it is neither good nor bad.
	Judge(ctx context.Context, on []string) (Verdict, error)
}

// ErrUnreachable marks an error after which nothing is known: not whether the change happened, not whether the server
// serves. Adapters wrap it; callers ask with errors.Is.
var ErrUnreachable = errors.New("unreachable")

// ErrTaken marks an error after which another process may be at work on the servers: the run ends at once, on its way
// forward and on its way back, and changes nothing more. Adapters wrap it; callers ask with errors.Is.
var ErrTaken = errors.New("taken over")
