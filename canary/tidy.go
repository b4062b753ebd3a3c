package canary

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Tidy removes old slots. It cannot be undone, so it stands only in a final wave.
type Tidy struct {
	Server string   `json:"server"`
	Keep   []string `json:"keep"` // slots that stay, whatever their state
}

// Kind is "tidy".
func (Tidy) Kind() string { return "tidy" }

// Describe names what stays.
func (a Tidy) Describe() string {
	return fmt.Sprintf("tidy %s: keep %s", a.Server, strings.Join(a.Keep, ", "))
}

// Budget is ten minutes: a folder can hold many files.
func (Tidy) Budget() time.Duration { return 10 * time.Minute }

// Irrevocable marks it as a change that cannot be undone.
func (Tidy) Irrevocable() {}

// Look is done when no slot is left that is neither kept, nor running, nor starting at boot.
func (a Tidy) Look(ctx context.Context, w World) (Seen, error) {
	slots, err := w.Slots(ctx, a.Server)
	if err != nil {
		return Seen{}, fmt.Errorf("read the slots: %w", err)
	}
	var names []string
	seen := Seen{Done: true}
	for _, s := range slots {
		names = append(names, s.Name)
		idle := !s.Runs() && !s.SiteBoot && !s.PoolBoot
		seen.Done = seen.Done && !(idle && !slices.Contains(a.Keep, s.Name))
	}
	seen.State = State{"slots": strings.Join(names, " ")}
	return seen, nil
}

// Do prunes.
func (a Tidy) Do(ctx context.Context, w World) error {
	_, err := w.Prune(ctx, a.Server, a.Keep)
	return err
}

// Undo is nothing: what is gone is gone.
func (Tidy) Undo(State) []Action { return nil }
