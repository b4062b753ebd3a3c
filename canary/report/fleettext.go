package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Text writes the fleet for people.
func (f Fleet) Text(w io.Writer) error {
	var b strings.Builder
	t := table(&b)
	fmt.Fprintln(t, "SERVER\tRUNS\tVERSION\tREQUESTS\tBOOTS\tROTATION\tIDLE ON DISK")
	for _, s := range f.Servers {
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", orDash(s.Name), named(s.Running), orDash(s.Release), s.requests(), named(s.Boots), s.rotationWords(), named(s.Idle))
	}
	t.Flush()
	f.leases(&b)
	for _, l := range f.Unfinished {
		fmt.Fprintf(&b, "%s unfinished: run %s of %s to %s: %s, %s servers done\n", mind, oneLine(l.Run), moment(l.Began), orDash(l.Slot), l.Outcome, l.progress())
		if l.Why != "" {
			fmt.Fprintf(&b, "    why:  %s\n", sentence(l.Why))
		}
	}
	for _, d := range f.Drift {
		where := d.Server
		if where == "" {
			where = "fleet"
		}
		fmt.Fprintf(&b, "%s warning: %s: %s\n", mind, oneLine(where), sentence(d.What))
		if !f.comes(d.Next) {
			fmt.Fprintf(&b, "    next: %s\n", oneLine(d.Next))
		}
	}
	if f.Whole() {
		fmt.Fprintf(&b, "%s whole: %s, every one in rotation, no run in flight\n", good, counted(len(f.Servers), "server"))
	}
	nextLines(&b, f.Next)
	_, err := io.WriteString(w, b.String())
	return err
}

// comes reports whether each line of an advice, such as "iis-canary resume, or iis-canary revert", is in the advice at the end.
func (f Fleet) comes(advice string) bool {
	for line := range strings.SplitSeq(advice, ", or ") {
		if !slices.ContainsFunc(f.Next, func(next string) bool { return strings.Contains(next, line) }) {
			return false
		}
	}
	return true
}

// leases tells of each run in flight once, with the servers that it holds.
func (f Fleet) leases(b *strings.Builder) {
	for _, run := range f.InFlight {
		var held []string
		var lease Lease
		for _, s := range f.Servers {
			if s.Lease != nil && s.Lease.Run == run && !s.Lease.Over {
				held, lease = append(held, s.Name), *s.Lease
			}
		}
		if len(held) == 0 {
			fmt.Fprintf(b, "%s in flight: run %s, by a process of this machine that holds no server\n", open, oneLine(run))
			continue
		}
		fmt.Fprintf(b, "%s in flight: run %s (%s) by %s since %s, until %s unless renewed, on %s\n", open, oneLine(run), orDash(lease.Reason),
			orDash(lease.Owner), moment(lease.Since), moment(lease.Until), named(held))
	}
}

// requests is how many requests each slot with a worker has in hand, and how many wait.
func (s Standing) requests() string {
	var all []string
	for _, l := range s.Loads {
		text := mind + " not told"
		if l.Requests >= 0 {
			text = strconv.Itoa(l.Requests)
		}
		if l.Queue > 0 {
			text += fmt.Sprintf(" and %d waiting", l.Queue)
		}
		all = append(all, text)
	}
	return named(all)
}

func (s Standing) rotationWords() string {
	mark := bad
	switch s.Rotation {
	case "in":
		mark = good
	case "in part":
		mark = mind
	}
	text := mark + " " + s.Rotation
	if len(s.Targets) == 0 {
		return text + " (no target)"
	}
	var states []string
	for _, t := range s.Targets {
		states = append(states, oneLine(string(t.State)))
	}
	return text + " (" + strings.Join(states, ", ") + ")"
}

// named is a list of names in one cell.
func named(names []string) string { return orDash(strings.Join(names, ", ")) }
