package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"iiscanary/canary"
)

// survey is what was found on each server.
func survey(b *strings.Builder, p canary.Plan, inv canary.Inventory) {
	if len(inv.Servers) == 0 {
		return
	}
	groups := map[string]string{}
	for _, g := range inv.Groups {
		groups[g.ARN] = g.Name
	}
	fmt.Fprintln(b, "found")
	t := table(b)
	fmt.Fprintln(t, "  SERVER\tRUNS\tSTATE\tAT BOOT\tTARGETS\tDISK FREE\tNEW SLOT")
	for _, f := range inv.Servers {
		runs, state, boot := running(f)
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\t%s\t%s\t%s\n", oneLine(f.Name), runs, state, boot, targets(f, groups), disk(f), fresh(f, p.New))
	}
	t.Flush()
	for _, f := range inv.Servers {
		for _, problem := range f.Problems {
			fmt.Fprintf(b, "  %s problem on %s: %s\n", bad, oneLine(f.Name), oneLine(problem))
		}
		for _, fact := range f.Facts {
			fmt.Fprintf(b, "  %s fact of %s: %s\n", plain, oneLine(f.Name), oneLine(fact))
		}
	}
	b.WriteString("\n")
}

// running is the live slots of a server, their state and whether they come back after a reboot.
func running(f canary.Found) (runs, state, boot string) {
	alive := f.Running()
	if len(alive) == 0 {
		if len(f.Slots) == 0 && len(f.Problems) > 0 {
			return mind + " unknown", mind + " unknown", mind + " unknown"
		}
		return bad + " nothing", "-", boots(f.Slots)
	}
	var names, states, flags []string
	for _, s := range alive {
		names = append(names, oneLine(s.Name))
		if s.Serves() {
			states = append(states, good+" started")
		} else {
			states = append(states, fmt.Sprintf("%s site %s, pool %s", mind, s.Site, s.Pool))
		}
		if s.Boots() {
			flags = append(flags, good+" starts")
		} else {
			flags = append(flags, mind+" does not start")
		}
	}
	return strings.Join(names, ", "), strings.Join(states, ", "), strings.Join(flags, ", ")
}

// boots names what would start at boot on a server where nothing runs.
func boots(slots []canary.Slot) string {
	var names []string
	for _, s := range slots {
		if s.Boots() {
			names = append(names, oneLine(s.Name))
		}
	}
	return orDash(strings.Join(names, ", "))
}

// targets is the health of each registration, in words of the balancer.
func targets(f canary.Found, groups map[string]string) string {
	if len(f.Health) == 0 {
		return bad + " in no target group"
	}
	health := slices.Clone(f.Health)
	slices.SortStableFunc(health, func(a, b canary.TargetHealth) int {
		return cmp.Or(cmp.Compare(groups[a.Group], groups[b.Group]), cmp.Compare(a.Port, b.Port))
	})
	var parts []string
	for _, h := range health {
		mark := mind
		if h.State == canary.Healthy {
			mark = good
		}
		word := string(h.State)
		if h.Reason != "" && h.State != canary.Healthy {
			word += " (" + h.Reason + ")"
		}
		parts = append(parts, oneLine(fmt.Sprintf("%s %s:%d %s", mark, cmp.Or(groups[h.Group], h.Group), h.Port, word)))
	}
	return strings.Join(parts, ", ")
}

func disk(f canary.Found) string {
	if f.DiskFree <= 0 {
		return "-"
	}
	return Size(f.DiskFree)
}

// fresh is what there is of the new slot.
func fresh(f canary.Found, r canary.Release) string {
	for _, s := range f.Slots {
		if s.Name != r.Slot {
			continue
		}
		switch {
		case s.Digest != r.Digest:
			return bad + " there with other files"
		case s.Serves():
			return good + " serving"
		case s.Runs():
			return mind + " running in part"
		}
		return good + " staged"
	}
	if len(f.Slots) == 0 && len(f.Problems) > 0 {
		return mind + " unknown"
	}
	return open + " missing"
}
