package canary

import "slices"

// check finds everything that forbids a plan.
func (s Spec) check(inv Inventory) problems {
	var ps problems
	s.checkWords(&ps)
	if len(inv.Servers) == 0 {
		ps.add(NoServers, "", "look at the target groups", "the fleet has no servers")
	}
	names := map[string]bool{}
	for _, f := range inv.Servers {
		if f.Name == "" || names[f.Name] {
			ps.add(NameTaken, f.Name, "give every server a name of its own", "the name %q is empty or taken", f.Name)
		}
		names[f.Name] = true
		s.checkServer(&ps, f, inv)
	}
	for _, name := range s.Order {
		if !names[name] {
			ps.add(OrderUnknown, name, "correct the order", "named in the order, and not in the fleet")
		}
	}
	return ps
}

func (s Spec) checkWords(ps *problems) {
	if s.Run == "" || s.New.Slot == "" || s.New.Digest == "" {
		ps.add(SpecWrong, "", "give the run an id and the release a slot and a digest", "the run, its slot or its release has no name")
	}
	if p := s.Drain.Policy; p != FullDrain && p != ObservedDrain {
		ps.add(SpecWrong, "", "write full or observed", "there is no drain policy %q", p)
	}
	switch Doubt(s.Bake.OnUnsure) {
	case "", DoubtHold, DoubtRevert, DoubtContinue:
	default:
		ps.add(SpecWrong, "", "write hold, revert or continue", "there is no policy %q for an unsure answer", s.Bake.OnUnsure)
	}
}

func (s Spec) checkServer(ps *problems, f Found, inv Inventory) {
	for _, what := range f.Problems {
		ps.add(NotRollable, f.Name, "", "%s", what)
	}
	for _, t := range f.Targets {
		if !slices.ContainsFunc(inv.Groups, func(g Group) bool { return g.ARN == t.Group }) {
			ps.add(GroupUnknown, f.Name, "survey again", "registered in %s, which the survey did not read", shortGroup(t.Group))
		}
	}
	running := f.Running()
	if len(running) > 1 {
		ps.add(SeveralRun, f.Name, "stop all but the one that should serve", "%d slots run: %s", len(running), slotNames(running))
	}
	for _, slot := range f.Slots {
		if slot.Runs() && !slot.Serves() && len(running) == 1 {
			ps.add(HalfStarted, f.Name, "start or stop it as a whole", "%s is half started: site %s, pool %s, %d workers",
				slot.Name, slot.Site, slot.Pool, len(slot.Workers))
		}
		if slot.Name == s.New.Slot && slot.Digest != s.New.Digest {
			ps.add(SlotTaken, f.Name, "choose another slot; a slot is never edited", "%s exists with other files (%s)", slot.Name, orNone(slot.Digest))
		}
	}
}

// checkFloor refuses a fleet in which no server could ever leave: for each group, taking one healthy target out must
// leave the floor.
func checkFloor(ps *problems, inv Inventory, leaving []Found, floor int) {
	healthy, leaves := map[string]int{}, map[string]bool{}
	for _, f := range inv.Servers {
		for _, h := range f.Health {
			if h.State == Healthy {
				healthy[h.Group]++
			}
		}
	}
	for _, f := range leaving {
		for _, h := range f.Health {
			if h.State == Healthy {
				leaves[h.Group] = true
			}
		}
	}
	for _, g := range inv.Groups {
		if left := healthy[g.ARN] - 1; leaves[g.ARN] && left < floor {
			ps.add(FloorTooHigh, "", "add servers, heal the unhealthy ones, or lower min_healthy",
				"%s has %d healthy targets; with one out %d remain, and %d must", g.Name, healthy[g.ARN], left, floor)
		}
	}
}

func slotNames(slots []Slot) string {
	var out string
	for i, s := range slots {
		if i > 0 {
			out += ", "
		}
		out += s.Name
	}
	return out
}

func orNone(digest string) string {
	if digest == "" {
		return "no manifest"
	}
	return digest
}
