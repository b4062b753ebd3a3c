package canary

import (
	"context"
	"fmt"
	"time"
)

// Stage brings a release into a slot of its own, stopped and not starting at boot.
type Stage struct {
	Server  string  `json:"server"`
	Release Release `json:"release"`
}

// stageRate is the slowest upload that does not count as hung, in bytes per second.
const stageRate = 64 << 10

// Kind is "stage".
func (Stage) Kind() string { return "stage" }

// Describe names the slot, its version and the server.
func (a Stage) Describe() string {
	return fmt.Sprintf("stage %s (%s) on %s", a.Release.Slot, a.Release.Version, a.Server)
}

// Budget grows with the release's size.
func (a Stage) Budget() time.Duration {
	return 15*time.Minute + time.Duration(a.Release.Bytes/stageRate)*time.Second
}

// Look is done when site and pool of the slot exist over files with the release's digest.
func (a Stage) Look(ctx context.Context, w World) (Seen, error) {
	s, err := slotOn(ctx, w, a.Server, a.Release.Slot)
	if err != nil {
		return Seen{}, err
	}
	state := slotState(s)
	state["digest"] = s.Digest
	there := s.Site != Absent && s.Pool != Absent && s.Digest == a.Release.Digest
	return Seen{State: state, Done: there}, nil
}

// Do uploads and creates; files that the server has already are not sent again.
func (a Stage) Do(ctx context.Context, w World) error {
	return w.Stage(ctx, a.Server, a.Release)
}

// Undo is nothing: a staged slot harms nobody, and a later run tidies it.
func (Stage) Undo(State) []Action { return nil }
