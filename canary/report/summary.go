package report

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"
)

// Story is what a summary tells beyond the outcome itself.
type Story struct {
	Why     string   // what ended the way forward; empty: nothing did
	Trouble []string // what stands in the way of a whole fleet, one line each; names the servers
	Next    []string // what to type or do next, one line each
}

// Summary tells how a run came out: what happened, where each server stands, what customers saw, and what to do next.
func Summary(w io.Writer, o Outcome, s Story) error {
	var b strings.Builder
	fmt.Fprintln(&b, headline(o))
	if s.Why != "" {
		fmt.Fprintf(&b, "  why:      %s\n", oneLine(s.Why))
	}
	if v := o.Verdict; v.Answer != "" && !strings.Contains(s.Why, v.Reason) {
		fmt.Fprintf(&b, "  verdict:  %s, %s\n", v.Answer, orDash(v.Reason))
	}
	for _, t := range s.Trouble {
		fmt.Fprintf(&b, "  %s trouble: %s\n", mind, oneLine(t))
	}
	b.WriteString("\n")
	servers(&b, o)
	customers(&b, o.Traffic)
	took(&b, o.Seconds)
	for i, n := range s.Next {
		word := "next:"
		if i > 0 {
			word = ""
		}
		fmt.Fprintf(&b, "%-6s %s\n", word, oneLine(n))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func headline(o Outcome) string {
	fresh, old := orDash(o.New), orDash(o.Old)
	switch o.Outcome {
	case Deployed:
		return fmt.Sprintf("%s deployed: %s runs on %s", good, fresh, share(o, o.New))
	case Reverted:
		return fmt.Sprintf("%s reverted: %s was refused, %s runs on %s again", bad, fresh, old, share(o, o.Old))
	case Held:
		return fmt.Sprintf("%s held: nothing is decided, %s runs on %s", mind, fresh, share(o, o.New))
	case Stopped:
		return fmt.Sprintf("%s stopped by the operator: %s runs on %s", mind, fresh, share(o, o.New))
	}
	return fmt.Sprintf("%s mixed: the fleet is not whole and a person is needed, %s runs on %s, %s on %s", bad,
		fresh, share(o, o.New), old, share(o, o.Old))
}

// share is on how many of the servers one of these slots runs; several are parted by commas.
func share(o Outcome, slots string) string {
	n, wanted := 0, strings.Split(slots, ", ")
	for _, s := range o.Servers {
		if s.Slot != "" && slices.Contains(wanted, s.Slot) {
			n++
		}
	}
	return fmt.Sprintf("%s of %s", thousands(int64(n)), counted(len(o.Servers), "server"))
}

func servers(b *strings.Builder, o Outcome) {
	if len(o.Servers) == 0 {
		return
	}
	t := table(b)
	fmt.Fprintln(t, "  SERVER\tRUNS\tROTATION\tWARM")
	for _, s := range o.Servers {
		rotation, warm := bad+" out", bad+" not warm"
		if s.InRotation {
			rotation = good + " in"
		}
		if s.Warm {
			warm = good + " warm"
		}
		runs := orDash(s.Slot)
		if s.Slot == "" {
			runs = bad + " nothing"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", oneLine(s.Name), runs, rotation, warm)
	}
	t.Flush()
	b.WriteString("\n")
}

func customers(b *strings.Builder, t Traffic) {
	if t.Requests == 0 {
		return
	}
	mark, word := good, "no request failed"
	if t.Failed > 0 {
		mark, word = mind, fmt.Sprintf("%s failed (%.2g%%)", thousands(t.Failed), 100*float64(t.Failed)/float64(t.Requests))
	}
	fmt.Fprintf(b, "customers: %s %s of %s\n", mark, word, thousands(t.Requests))
	tab := table(b)
	if len(t.BySlot) > 0 {
		fmt.Fprintln(tab, "  SLOT\tREQUESTS\tFAILED\tP50\tP99")
	}
	for _, slot := range slices.SortedFunc(maps.Keys(t.BySlot), cmp.Compare) {
		c := t.BySlot[slot]
		name := orDash(slot)
		if slot == "" {
			name = "(no server)"
		}
		fmt.Fprintf(tab, "  %s\t%s\t%s\t%.0f ms\t%.0f ms\n", name, thousands(c.Requests), thousands(c.Failed), c.P50MS, c.P99MS)
	}
	tab.Flush()
	b.WriteString("\n")
}

func took(b *strings.Builder, s Seconds) {
	var parts []string
	for _, p := range []struct {
		word    string
		seconds float64
	}{{"deploy", s.Deploy}, {"detect", s.Detect}, {"revert", s.Revert}} {
		if p.seconds > 0 {
			parts = append(parts, p.word+" "+span(time.Duration(p.seconds*float64(time.Second))))
		}
	}
	if len(parts) > 0 {
		fmt.Fprintf(b, "time:  %s\n", strings.Join(parts, ", "))
	}
}
