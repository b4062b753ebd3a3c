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

// Look is done when no slot is left that this program made and that is neither kept, nor running, nor starting at boot.
func (a Tidy) Look(ctx context.Context, w World) (Seen, error) {
	slots, err := w.Slots(ctx, a.Server)
	if err != nil {
		return Seen{}, fmt.Errorf("read the slots: %w", err)
	}
	var names []string
	for _, s := range slots {
		names = append(names, s.Name)
	}
	return Seen{State: State{"slots": strings.Join(names, " ")}, Done: len(a.left(slots)) == 0}, nil
}

// left is what a tidy server would not have.
func (a Tidy) left(slots []Slot) []string {
	var out []string
	for _, s := range slots {
		if s.Made() && !s.Runs() && !s.SiteBoot && !s.PoolBoot && !slices.Contains(a.Keep, s.Name) {
			out = append(out, s.Name)
		}
	}
	return out
}

// Do prunes. A slot that cannot be removed, as while a file of it is open, stays for the next run.
func (a Tidy) Do(ctx context.Context, w World) error {
	if _, err := w.Prune(ctx, a.Server, a.Keep); err != nil {
		return err
	}
	slots, err := w.Slots(ctx, a.Server)
	if err != nil {
		return fmt.Errorf("read the slots: %w", err)
	}
	if left := a.left(slots); len(left) > 0 {
		return fmt.Errorf("%s could not be removed now; the next run tries again", strings.Join(left, ", "))
	}
	return nil
}

// Undo is nothing: what is gone is gone.
func (Tidy) Undo(State) []Action { return nil }
