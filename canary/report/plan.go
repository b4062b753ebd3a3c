package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"iiscanary/canary"
)

// Notes is what a plan's reader must know and the plan itself does not hold.
type Notes struct {
	Limits    []string // each limit in words, with how fast it would notice a bad release
	Unchecked []string // what could not be checked, and why
}

// PlanText writes a plan for people: what was found, what will happen, how many servers serve meanwhile, the limits, and
// what could not be checked. It ends with the counts.
func PlanText(w io.Writer, p canary.Plan, found canary.Inventory, t canary.Timeline, n Notes) error {
	var b strings.Builder
	header(&b, p, found)
	survey(&b, p, found)
	if len(p.Waves) > 0 {
		waves(&b, p)
		capacity(&b, t, p)
	}
	list(&b, "limits", plain, n.Limits)
	list(&b, "not checked", mind, n.Unchecked)
	footer(&b, p, found)
	_, err := io.WriteString(w, b.String())
	return err
}

func header(b *strings.Builder, p canary.Plan, found canary.Inventory) {
	if p.Revert {
		fmt.Fprintf(b, "way back of run %s: %s\n\n", oneLine(p.Run), oneLine(p.App))
		return
	}
	fmt.Fprintf(b, "plan %s: %s\n", oneLine(p.Run), oneLine(p.App))
	t := table(b)
	fmt.Fprintf(t, "  now\t%s\n", orDash(strings.Join(serving(p, found), ", ")))
	fmt.Fprintf(t, "  new\t%s, version %s, %s, %s, sha256 %s\n", orDash(p.New.Slot), orDash(p.New.Version), counted(p.New.Files, "file"),
		Size(p.New.Bytes), shortDigest(p.New.Digest))
	fmt.Fprintf(t, "  floor\tnever fewer than %s healthy of %s\n", counted(p.Floor, "server"), thousands(int64(len(p.Servers))))
	t.Flush()
	b.WriteString("\n")
}

// serving is the slots that serve before a plan: those that it replaces, or what runs where it replaces none.
func serving(p canary.Plan, found canary.Inventory) []string {
	if len(p.Old) > 0 {
		return p.Old
	}
	var all []string
	for _, f := range found.Servers {
		for _, slot := range f.Running() {
			all = append(all, slot.Name)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func shortDigest(d string) string {
	if len(d) > 12 {
		return oneLine(d[:12])
	}
	return orDash(d)
}

func waves(b *strings.Builder, p canary.Plan) {
	fmt.Fprintln(b, "steps")
	for _, w := range p.Waves {
		fmt.Fprintf(b, "  %s%s\n", orDash(w.Name), manner(w))
		for _, l := range w.Lanes {
			lane(b, l, "fleet")
		}
		lane(b, w.Gate, "gate")
	}
	b.WriteString("\n")
}

// manner says what is special about a wave.
func manner(w canary.Wave) string {
	var parts []string
	if len(w.Lanes) > 1 {
		parts = append(parts, counted(len(w.Lanes), "server")+", "+thousands(int64(max(w.Parallel, 1)))+" at a time")
	}
	if w.Final {
		parts = append(parts, "cannot be undone")
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, "; ") + ")"
}

func lane(b *strings.Builder, l canary.Lane, fleet string) {
	if len(l) == 0 {
		return
	}
	where := l[0].Server
	if where == "" {
		where = fleet
	}
	fmt.Fprintf(b, "    %s\n", oneLine(where))
	t := table(b)
	for _, s := range l {
		mark := plain + " do"
		if _, asks := s.Action.(canary.Question); asks {
			mark = open + " ask"
		}
		words := s.ID
		if s.Action != nil {
			words = s.Action.Describe()
		}
		fmt.Fprintf(t, "      %s\t%s\n", mark, oneLine(words))
	}
	t.Flush()
}

func list(b *strings.Builder, title, mark string, lines []string) {
	if len(lines) == 0 {
		return
	}
	fmt.Fprintln(b, title)
	for _, l := range lines {
		fmt.Fprintf(b, "  %s %s\n", mark, oneLine(l))
	}
	b.WriteString("\n")
}

func footer(b *strings.Builder, p canary.Plan, found canary.Inventory) {
	problems := 0
	for _, f := range found.Servers {
		problems += len(f.Problems)
	}
	if problems > 0 {
		fmt.Fprintf(b, "%s problems: %d; they must be solved first\n", bad, problems)
	}
	switch {
	case len(p.Waves) > 0 && p.Revert:
		fmt.Fprintf(b, "%s; nothing has been put back yet\n", countsOf(p))
	case len(p.Waves) > 0:
		fmt.Fprintf(b, "%s; nothing has been changed\n", countsOf(p))
	case problems == 0 && p.Revert:
		fmt.Fprintf(b, "%s nothing to do: no server was changed\n", good)
	case problems == 0:
		fmt.Fprintf(b, "%s nothing to do: every server serves %s already\n", good, orDash(p.New.Slot))
	}
}
