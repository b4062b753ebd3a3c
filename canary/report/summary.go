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
	Over    bool     // the run was over already: nothing was done
	Asked   bool     // a run that is over was to be put back, and need not be: no bad news
	Cause   Cause    // of a way back
	Back    bool     // something ended the way back
	Why     string   // what ended the way forward; empty: nothing did
	Trouble []string // what stands in the way of a whole fleet, one line each; names the servers
	Next    []string // what to type or do next, one line each
}

// Cause is why a fleet was put back.
type Cause int

// The causes.
const (
	ByRefusal   Cause = iota // a question about the release was answered with no
	ByFailure                // a step could not be done
	BeforeRoll               // the release did not reach the servers: none left rotation
	ByOperator               // somebody asked for it
	BySuccessor              // a later run did
)

// Summary tells how a run came out: what happened, where each server stands, what customers saw, and what to do next.
func Summary(w io.Writer, o Outcome, s Story) error {
	var b strings.Builder
	if s.Over {
		fmt.Fprintln(&b, bygone(o, s))
	} else {
		fmt.Fprintln(&b, headline(o, s))
	}
	if s.Why != "" {
		fmt.Fprintf(&b, "  why:      %s\n", sentence(s.Why))
	}
	if v := o.Verdict; v.Answer != "" && !strings.Contains(sentence(s.Why), sentence(v.Reason)) {
		fmt.Fprintf(&b, "  verdict:  %s, %s\n", v.Answer, orDash(sentence(v.Reason)))
	}
	for _, t := range s.Trouble {
		fmt.Fprintf(&b, "  %s trouble: %s\n", mind, sentence(t))
	}
	b.WriteString("\n")
	servers(&b, o)
	customers(&b, o.Traffic)
	took(&b, o.Seconds)
	nextLines(&b, s.Next)
	_, err := io.WriteString(w, b.String())
	return err
}

// nextLines tells what to type or do next, the first line with a word in front.
func nextLines(b *strings.Builder, next []string) {
	for i, n := range next {
		word := "next:"
		if i > 0 {
			word = ""
		}
		fmt.Fprintf(b, "%-6s %s\n", word, oneLine(n))
	}
}

func headline(o Outcome, s Story) string {
	fresh, old := orDash(o.New), orDash(o.Old)
	switch o.Outcome {
	case Deployed:
		return fmt.Sprintf("%s deployed: %s runs on %s", good, fresh, share(o, o.New))
	case Reverted:
		return putBack(s.Cause, fresh, fmt.Sprintf("%s runs on %s", old, share(o, o.Old)))
	case Held:
		if s.Back {
			return fmt.Sprintf("%s held on the way back: %s runs on %s, %s on %s", mind, old, share(o, o.Old), fresh, share(o, o.New))
		}
		return fmt.Sprintf("%s held: nothing is decided, %s runs on %s", mind, fresh, share(o, o.New))
	case Stopped:
		return fmt.Sprintf("%s stopped by the operator: %s runs on %s", mind, fresh, share(o, o.New))
	}
	return fmt.Sprintf("%s mixed: the fleet is not whole and a person is needed, %s runs on %s, %s on %s", bad,
		fresh, share(o, o.New), old, share(o, o.Old))
}

// putBack is the headline of a fleet that runs the old release.
func putBack(why Cause, fresh, old string) string {
	switch why {
	case ByOperator:
		return fmt.Sprintf("%s reverted: %s is put back as you asked, %s", good, fresh, old)
	case BeforeRoll:
		return fmt.Sprintf("%s not begun: %s could not be brought to every server, %s as before", bad, fresh, old)
	case ByFailure:
		return fmt.Sprintf("%s reverted: %s could not be rolled out, %s again", bad, fresh, old)
	}
	return fmt.Sprintf("%s reverted: %s was refused, %s again", bad, fresh, old)
}

// bygone is the headline of a run that had come to its end before.
func bygone(o Outcome, s Story) string {
	mark, left := bad, "resume"
	if s.Asked {
		mark, left = good, "put back"
	}
	switch o.Outcome {
	case Deployed:
		return fmt.Sprintf("%s run %s is over: the release was deployed; nothing is left to %s", good, o.Run, left)
	case Reverted:
		end := map[Cause]string{ByRefusal: "was refused and put back", ByFailure: "could not be rolled out and was put back",
			BeforeRoll: "could not be brought to every server and never served", ByOperator: "was put back because somebody asked for it",
			BySuccessor: "was deployed, and what served before it serves again since"}[s.Cause]
		return fmt.Sprintf("%s run %s is over: the release %s; nothing is left to %s", mark, o.Run, end, left)
	}
	return fmt.Sprintf("%s run %s is over, and the fleet is not as it left it: a person is needed", bad, o.Run)
}

// share is on how many of the servers one of these slots runs; several are parted by commas.
func share(o Outcome, slots string) string {
	n, unread, wanted := 0, 0, strings.Split(slots, ", ")
	for _, s := range o.Servers {
		switch {
		case slices.Contains(s.Unread, UnreadSlot):
			unread++
		case s.Slot != "" && slices.Contains(wanted, s.Slot):
			n++
		}
	}
	of := fmt.Sprintf("%s of %s", thousands(int64(n)), counted(len(o.Servers), "server"))
	if unread > 0 {
		of += fmt.Sprintf(" (%s unknown)", thousands(int64(unread)))
	}
	return of
}

func servers(b *strings.Builder, o Outcome) {
	if len(o.Servers) == 0 {
		return
	}
	t := table(b)
	fmt.Fprintln(t, "  SERVER\tRUNS\tROTATION\tWARM")
	for _, s := range o.Servers {
		runs := orDash(s.Slot)
		if s.Slot == "" {
			runs = bad + " nothing"
		}
		if slices.Contains(s.Unread, UnreadSlot) {
			runs = mind + " unknown"
		}
		fmt.Fprintf(t, "  %s\t%s\t%s\t%s\n", oneLine(s.Name), runs,
			s.yesOrNo(UnreadRotation, s.InRotation, "in", "out"), s.yesOrNo(UnreadWarm, s.Warm, "warm", "not warm"))
	}
	t.Flush()
	b.WriteString("\n")
}

// yesOrNo is a word for what was read of a server, or that it was not.
func (s Server) yesOrNo(what string, so bool, yes, no string) string {
	switch {
	case slices.Contains(s.Unread, what):
		return mind + " unknown"
	case so:
		return good + " " + yes
	}
	return bad + " " + no
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
