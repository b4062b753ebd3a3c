package canary

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Start starts a slot.
type Start struct {
	Server string `json:"server"`
	Slot   string `json:"slot"`
}

// Stop stops a slot and waits until its workers are gone.
type Stop struct {
	Server string `json:"server"`
	Slot   string `json:"slot"`
	// Warm is how the slot is warmed when it has to come back.
	Warm WarmSpec `json:"warm"`
}

// powerBudget bounds a start or a stop: IIS gives a worker 90 s to start and as long to end.
const powerBudget = 5 * time.Minute

// Kind is "start".
func (Start) Kind() string { return "start" }

// Describe names slot and server.
func (a Start) Describe() string { return fmt.Sprintf("start %s on %s", a.Slot, a.Server) }

// Budget is five minutes.
func (Start) Budget() time.Duration { return powerBudget }

// Look is done when site and pool are started.
func (a Start) Look(ctx context.Context, w World) (Seen, error) {
	s, err := slotOn(ctx, w, a.Server, a.Slot)
	return Seen{State: slotState(s), Done: s.Serves()}, err
}

// Do starts the slot, and refuses while another one runs: two slots on one address never run together.
func (a Start) Do(ctx context.Context, w World) error {
	slots, err := w.Slots(ctx, a.Server)
	if err != nil {
		return fmt.Errorf("read the slots: %w", err)
	}
	for _, s := range slots {
		switch {
		case s.Name == a.Slot || !s.Runs():
		case (s.Site == Unknown || s.Pool == Unknown) && len(s.Workers) == 0:
			return fmt.Errorf("IIS does not say whether %s runs (site %s, pool %s); look at it there, and stop it first", s.Name, s.Site, s.Pool)
		default:
			return fmt.Errorf("%s still runs (site %s, pool %s, %d workers); stop it first", s.Name, s.Site, s.Pool, len(s.Workers))
		}
	}
	return w.Start(ctx, a.Server, a.Slot)
}

// Undo stops what did not run before. Of what IIS did not tell, nobody knows that it ran.
func (a Start) Undo(before State) []Action {
	unknown := string(Unknown)
	if before["runs"] == "true" && before["site"] != unknown && before["pool"] != unknown {
		return nil
	}
	return []Action{Stop{Server: a.Server, Slot: a.Slot}}
}

// Kind is "stop".
func (Stop) Kind() string { return "stop" }

// Describe names slot and server.
func (a Stop) Describe() string { return fmt.Sprintf("stop %s on %s", a.Slot, a.Server) }

// Budget is five minutes.
func (Stop) Budget() time.Duration { return powerBudget }

// Look is done when nothing of the slot is alive.
func (a Stop) Look(ctx context.Context, w World) (Seen, error) {
	s, err := slotOn(ctx, w, a.Server, a.Slot)
	return Seen{State: slotState(s), Done: err == nil && !s.Runs()}, err
}

// Do stops the slot.
func (a Stop) Do(ctx context.Context, w World) error { return w.Stop(ctx, a.Server, a.Slot) }

// Undo starts and warms what ran before. It is patient: a slot that served before may serve as it did.
func (a Stop) Undo(before State) []Action {
	if before["runs"] != "true" {
		return nil
	}
	return []Action{
		Start{Server: a.Server, Slot: a.Slot},
		Warm{Server: a.Server, Slot: a.Slot, Patient: true, WarmSpec: a.Warm},
	}
}

// slotOn reads one slot of a server; one that is not there is absent.
func slotOn(ctx context.Context, w World, server, name string) (Slot, error) {
	slots, err := w.Slots(ctx, server)
	if err != nil {
		return Slot{}, fmt.Errorf("read the slots: %w", err)
	}
	for _, s := range slots {
		if s.Name == name {
			return s, nil
		}
	}
	return Slot{Name: name, Site: Absent, Pool: Absent}, nil
}

func slotState(s Slot) State {
	return State{
		"site": string(s.Site), "pool": string(s.Pool),
		"workers": strconv.Itoa(len(s.Workers)), "runs": strconv.FormatBool(s.Runs()),
	}
}
