package canary

import (
	"context"
	"fmt"
	"time"
)

// Drain takes a server out of rotation and waits until users are done with it.
type Drain struct {
	Server string `json:"server"`
	Rotation
	Slot string `json:"slot,omitempty"` // the slot that serves now: its requests in flight are counted
}

// quietPolls is how many polls in a row must find no request in flight.
const quietPolls = 3

// Kind is "drain".
func (Drain) Kind() string { return "drain" }

// Describe names the server and how long users get.
func (a Drain) Describe() string {
	if a.Policy == ObservedDrain {
		return fmt.Sprintf("drain %s: settle %s, then until no request is in flight, at most %s", a.Server, a.Settle, a.Delay)
	}
	return fmt.Sprintf("drain %s: wait out the deregistration delay of %s", a.Server, a.Delay)
}

// Budget covers the policy; the wait for spare capacity before it is the runner's.
func (a Drain) Budget() time.Duration { return a.Settle + a.Delay + 2*slack }

// spare returns a *NoSpareError while the server cannot be spared.
func (a Drain) spare(ctx context.Context, w World) error {
	if len(a.Targets) == 0 {
		return nil
	}
	return w.Spare(ctx, a.Targets, a.Floor)
}

// Look is done when no target gets new requests; with the full policy, when none is draining any more either.
func (a Drain) Look(ctx context.Context, w World) (Seen, error) {
	health, state, err := a.look(ctx, w)
	if err != nil {
		return Seen{}, err
	}
	return Seen{State: state, Done: every(health, a.out)}, nil
}

func (a Drain) out(h TargetHealth) bool {
	if a.Policy == ObservedDrain {
		return !h.In()
	}
	return h.State == Unused
}

// Do deregisters and then carries out the policy. Where there is no spare capacity it changes nothing and returns a
// *NoSpareError; the runner waits for it. A server that cannot be
// reached stays where it is: out of rotation nobody could work on it, and its place would be missing to the others. So does
// one that is not this run's any more, which the balancer cannot know.
func (a Drain) Do(ctx context.Context, w World) error {
	if len(a.Targets) == 0 {
		return nil
	}
	if _, err := w.Slots(ctx, a.Server); err != nil {
		return fmt.Errorf("left in rotation: %w", err)
	}
	if err := w.Hold(ctx, a.Server); err != nil {
		return fmt.Errorf("left in rotation: %w", err)
	}
	if err := w.Deregister(ctx, a.Targets, a.Floor); err != nil {
		return fmt.Errorf("deregister: %w", err)
	}
	if a.Policy == ObservedDrain {
		return a.untilQuiet(ctx, w)
	}
	return a.untilUnused(ctx, w)
}

// untilUnused waits until the balancer has closed its last connection to every target.
func (a Drain) untilUnused(ctx context.Context, w World) error {
	for end := w.Now().Add(a.Delay + slack); ; {
		health, _, err := a.look(ctx, w)
		if err != nil {
			return err
		}
		if every(health, a.out) {
			return nil
		}
		if !w.Now().Before(end) {
			return fmt.Errorf("still not out %s after its deregistration: %s", a.Delay+slack, sayHealth(health))
		}
		if err := w.Wait(ctx, pace(a.Poll)); err != nil {
			return err
		}
	}
}

// untilQuiet settles, then waits until no request is in flight. A count that cannot be read is not zero: then, as with
// requests that never end, the whole delay is waited out, after which the balancer itself cuts connections.
func (a Drain) untilQuiet(ctx context.Context, w World) error {
	end := w.Now().Add(max(a.Delay, a.Settle))
	if err := w.Wait(ctx, a.Settle); err != nil {
		return err
	}
	if a.Slot == "" {
		return nil
	}
	for quiet := 0; quiet < quietPolls && w.Now().Before(end); {
		if n, err := w.Requests(ctx, a.Server, a.Slot); err == nil && n == 0 {
			quiet++
		} else {
			quiet = 0
		}
		if err := w.Wait(ctx, min(pace(a.Poll), max(end.Sub(w.Now()), time.Millisecond))); err != nil {
			return err
		}
	}
	return nil
}

// Undo registers what was registered before. A target that was not healthy then need not become healthy now.
func (a Drain) Undo(before State) []Action {
	var sound, ailing []Target
	for _, t := range a.Targets {
		switch s := healthBefore(before, t); {
		case s == Unhealthy || s == Unavailable:
			ailing = append(ailing, t)
		case TargetHealth{State: s}.In():
			sound = append(sound, t)
		}
	}
	var out []Action
	if len(sound) > 0 {
		out = append(out, Admit{Server: a.Server, Rotation: a.with(sound), Slot: a.Slot})
	}
	if len(ailing) > 0 {
		out = append(out, Admit{Server: a.Server, Rotation: a.with(ailing), Slot: a.Slot, Listed: true})
	}
	return out
}
