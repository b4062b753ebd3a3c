package report

import (
	"fmt"
	"strings"

	"iiscanary/canary"
)

// capacity is how many servers are expected to serve, moment by moment, and at worst.
func capacity(b *strings.Builder, line canary.Timeline, p canary.Plan) {
	if len(line.Points) == 0 {
		return
	}
	fmt.Fprintln(b, "capacity (expected; a breach ends a watch at once)")
	t := table(b)
	fmt.Fprintln(t, "  AFTER\tSERVING\tWHAT")
	for _, point := range line.Points {
		note := ""
		if point.Serving < p.Floor {
			note = fmt.Sprintf(" %s below the floor of %d", mind, p.Floor)
		}
		fmt.Fprintf(t, "  %s\t%d of %d\t%s%s\n", span(point.After), point.Serving, len(p.Servers), oneLine(point.What), note)
	}
	t.Flush()
	fmt.Fprintf(b, "  in all: %s, never fewer than %d serving\n", span(line.Total), line.Least)
	if !p.Revert {
		fmt.Fprintf(b, "  at worst: %d serving, when one more server dies and the fleet is put back\n", line.Worst)
		fmt.Fprintf(b, "  the way back: %s from the decision until the whole fleet is as it was\n", span(line.Revert))
	}
	b.WriteString("\n")
}
