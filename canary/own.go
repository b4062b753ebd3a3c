package canary

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Own sets, in one commit, which slots start when the server boots.
type Own struct {
	Server string          `json:"server"`
	Boot   map[string]bool `json:"boot"` // by slot name
}

// Kind is "own".
func (Own) Kind() string { return "own" }

// Describe names what boots and what does not.
func (a Own) Describe() string {
	var on, off []string
	for _, name := range slices.Sorted(maps.Keys(a.Boot)) {
		if a.Boot[name] {
			on = append(on, name)
		} else {
			off = append(off, name)
		}
	}
	say := func(names []string) string {
		if len(names) == 0 {
			return "nothing"
		}
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("set what boots on %s: %s; not %s", a.Server, say(on), say(off))
}

// Budget is three minutes.
func (Own) Budget() time.Duration { return time.Minute + slack }

// Look is done when both flags of every named slot are as wanted. A slot that is not there does not boot.
func (a Own) Look(ctx context.Context, w World) (Seen, error) {
	slots, err := w.Slots(ctx, a.Server)
	if err != nil {
		return Seen{}, fmt.Errorf("read the slots: %w", err)
	}
	seen := Seen{State: State{}, Done: true}
	for name, want := range a.Boot {
		i := slices.IndexFunc(slots, func(s Slot) bool { return s.Name == name })
		if i < 0 {
			seen.Done = seen.Done && !want
			continue
		}
		seen.State[bootKey(name)] = strconv.FormatBool(slots[i].Boots())
		seen.Done = seen.Done && slots[i].SiteBoot == want && slots[i].PoolBoot == want
	}
	return seen, nil
}

func bootKey(slot string) string { return "boot " + slot }

// Do commits the flags.
func (a Own) Do(ctx context.Context, w World) error { return w.Own(ctx, a.Server, a.Boot) }

// Undo is the same commit with the flags that were there before.
func (a Own) Undo(before State) []Action {
	back, differs := map[string]bool{}, false
	for name, want := range a.Boot {
		was, known := before[bootKey(name)]
		if !known {
			continue
		}
		back[name] = was == "true"
		differs = differs || back[name] != want
	}
	if !differs {
		return nil
	}
	return []Action{Own{Server: a.Server, Boot: back}}
}
