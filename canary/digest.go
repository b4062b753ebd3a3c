package canary

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
)

// Digest is of what a plan rests on: servers, registrations, slots, their states, flags and files. Two surveys of a
// fleet on which nothing was changed have the same, although clocks, workers and health move.
func (inv Inventory) Digest() string {
	type server struct {
		Server
		In    []bool
		Slots []Slot
	}
	var all []server
	for _, f := range inv.Servers {
		s := server{Server: f.Server}
		for _, t := range f.Targets {
			s.In = append(s.In, f.health(t).In())
		}
		for _, slot := range f.Slots {
			slot.Workers = nil
			s.Slots = append(s.Slots, slot)
		}
		slices.SortFunc(s.Slots, func(a, b Slot) int { return strings.Compare(a.Name, b.Name) })
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b server) int { return strings.Compare(a.Name, b.Name) })
	b, err := json.Marshal(all)
	if err != nil { // these types hold nothing that JSON cannot say
		return ""
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}
