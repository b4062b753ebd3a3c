package canary

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Admit puts a server into rotation and waits until it serves.
type Admit struct {
	Server string `json:"server"`
	Rotation
	Slot string `json:"slot,omitempty"` // the slot that will serve
	// Listed says that being registered is enough: the targets were not healthy before the run either.
	Listed bool `json:"listed,omitempty"`
	// Checks are asked of the server itself before it is registered, for words only. None on a way back, which nothing may hold up.
	Checks []HealthCheck `json:"checks,omitempty"`
}

// NotHealthyError says that a registered server did not come to serve in time.
type NotHealthyError struct {
	Server  string
	After   time.Duration
	Targets []TargetHealth // those that do not serve
	Alone   *UnwellError   // what the server itself answered before; nil: nothing was found
}

func (e *NotHealthyError) Error() string {
	text := fmt.Sprintf("not healthy %s after its registration: %s", e.After, sayHealth(e.Targets))
	if e.Alone == nil {
		return text
	}
	return text + "; " + e.Alone.Error()
}

// Kind is "admit".
func (Admit) Kind() string { return "admit" }

// Describe names the server and how long it may take.
func (a Admit) Describe() string {
	if a.Listed {
		return fmt.Sprintf("register %s as before; it was not healthy", a.Server)
	}
	return fmt.Sprintf("admit %s and wait until it is healthy, at most %s", a.Server, a.Deadline)
}

// Budget is the deadline, what the checks before take, and some slack.
func (a Admit) Budget() time.Duration {
	return a.Deadline + a.asking() + 2*slack
}

// Look is done when every target is healthy.
func (a Admit) Look(ctx context.Context, w World) (Seen, error) {
	health, state, err := a.look(ctx, w)
	if err != nil {
		return Seen{}, err
	}
	return Seen{State: state, Done: every(health, a.serves)}, nil
}

func (a Admit) serves(h TargetHealth) bool {
	return h.State == Healthy || a.Listed && h.In()
}

// Do asks the server what its health checks will ask, registers it, and polls until every target is healthy. It returns a
// *NotHealthyError at the deadline. A server that only cannot be reached is registered all the same, as its customers may reach it.
func (a Admit) Do(ctx context.Context, w World) error {
	if len(a.Targets) == 0 {
		return nil
	}
	alone, err := a.alone(ctx, w)
	if err != nil {
		return err
	}
	if err := w.Hold(ctx, a.Server); err != nil && !errors.Is(err, ErrUnreachable) {
		return fmt.Errorf("not registered: %w", err)
	}
	if err := w.Register(ctx, a.Targets); err != nil {
		return fmt.Errorf("register: %w", err)
	}
	for end := w.Now().Add(a.Deadline); ; {
		health, _, err := a.look(ctx, w)
		if err != nil {
			return err
		}
		if every(health, a.serves) {
			return nil
		}
		if !w.Now().Before(end) {
			return &NotHealthyError{Server: a.Server, After: a.Deadline, Targets: a.missing(health), Alone: alone}
		}
		if err := w.Wait(ctx, pace(a.Poll)); err != nil {
			return err
		}
	}
}

func (a Admit) missing(health []TargetHealth) []TargetHealth {
	var out []TargetHealth
	for _, h := range health {
		if !a.serves(h) {
			out = append(out, h)
		}
	}
	return out
}

// Undo takes out what was not in before.
func (a Admit) Undo(before State) []Action {
	var added []Target
	for _, t := range a.Targets {
		if !(TargetHealth{State: healthBefore(before, t)}).In() {
			added = append(added, t)
		}
	}
	if len(added) == 0 {
		return nil
	}
	return []Action{Drain{Server: a.Server, Rotation: a.with(added), Slot: a.Slot}}
}
