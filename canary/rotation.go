package canary

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Rotation is what leaving and entering rotation need to know; [Drain] and [Admit] share it, because each is the way
// back of the other.
type Rotation struct {
	Targets []Target `json:"targets"` // exactly these registrations
	Floor   int      `json:"floor"`   // other healthy targets that must remain in each group
	// Policy is "full" or "observed", as in [DrainSpec].
	Policy   string        `json:"policy"`
	Settle   time.Duration `json:"settle"`   // observed: how long the balancer may still send
	Delay    time.Duration `json:"delay"`    // the longest deregistration delay of the groups
	Deadline time.Duration `json:"deadline"` // until a registered target must be healthy
	Wait     time.Duration `json:"wait"`     // how long a drain waits for spare capacity, anew after each server that leaves or comes back
	Poll     time.Duration `json:"poll"`
}

// The drain policies.
const (
	FullDrain     = "full"
	ObservedDrain = "observed"
)

// The words for a server's place, in State["rotation"].
const (
	rotationIn    = "in"
	rotationOut   = "out"
	rotationMixed = "mixed"
)

// slack is what any step may take beyond its own arithmetic: retries of the adapters, slow networks.
const slack = 2 * time.Minute

// look reads the health of the targets into a state.
func (r Rotation) look(ctx context.Context, w World) ([]TargetHealth, State, error) {
	if len(r.Targets) == 0 {
		return nil, State{"rotation": rotationOut}, nil
	}
	health, err := w.Health(ctx, r.Targets)
	if err != nil {
		return nil, nil, fmt.Errorf("read target health: %w", err)
	}
	if len(health) != len(r.Targets) {
		return nil, nil, fmt.Errorf("read target health: asked for %d targets, got %d", len(r.Targets), len(health))
	}
	state, in := State{}, 0
	for i, h := range health {
		state[healthKey(r.Targets[i])] = string(h.State)
		if h.In() {
			in++
		}
	}
	switch in {
	case 0:
		state["rotation"] = rotationOut
	case len(health):
		state["rotation"] = rotationIn
	default:
		state["rotation"] = rotationMixed
	}
	return health, state, nil
}

// with is the same rotation for some of its targets.
func (r Rotation) with(targets []Target) Rotation {
	r.Targets = targets
	return r
}

func healthKey(t Target) string { return fmt.Sprintf("%s %s:%d", t.Group, t.ID, t.Port) }

// healthBefore is what a state says of a target; a target that it does not name was not there.
func healthBefore(before State, t Target) HealthState {
	if s, ok := before[healthKey(t)]; ok {
		return HealthState(s)
	}
	return Unused
}

// every reports whether all of the targets satisfy ok.
func every(health []TargetHealth, ok func(TargetHealth) bool) bool {
	for _, h := range health {
		if !ok(h) {
			return false
		}
	}
	return true
}

// sayHealth tells of each target where it stands, in the balancer's words.
func sayHealth(health []TargetHealth) string {
	var parts []string
	for _, h := range health {
		part := fmt.Sprintf("%s in %s is %s", h.ID, shortGroup(h.Group), h.State)
		if h.Reason != "" {
			part += ", " + h.Reason
		}
		if h.Description != "" {
			part += " (" + h.Description + ")"
		}
		parts = append(parts, part)
	}
	return strings.Join(parts, "; ")
}

// shortGroup is the name inside a target group's ARN, such as
// arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-443/0123456789abcdef.
func shortGroup(arn string) string {
	if _, rest, ok := strings.Cut(arn, ":targetgroup/"); ok {
		name, _, _ := strings.Cut(rest, "/")
		return name
	}
	return arn
}

// pace is the pause between two polls: never zero, so that a plan without one cannot spin.
func pace(poll time.Duration) time.Duration {
	if poll <= 0 {
		return time.Second
	}
	return poll
}

// untilSpare calls try again while it finds no spare capacity, for at most wait. It returns try's last error.
func untilSpare(ctx context.Context, w World, wait, poll time.Duration, try func() error) error {
	for end := w.Now().Add(wait); ; {
		err := try()
		if _, full := errors.AsType[*NoSpareError](err); !full || !w.Now().Before(end) {
			return err
		}
		if err := w.Wait(ctx, pace(poll)); err != nil {
			return err
		}
	}
}
