package report

import (
	"fmt"
	"strings"

	"iiscanary/canary"
)

// Line is an event as one plain line for a log, without its time: symbol, word, what the step says of itself, and why. The
// server is named once.
func Line(e canary.Event, p canary.Plan) string {
	switch e.Type {
	case canary.Planned:
		return plannedLine(e, p)
	case canary.Began:
		return stepLine(open, "began", e, p)
	case canary.Ended:
		if e.Verdict != nil && e.Verdict.Answer != canary.Pass {
			return stepLine(mind, "ended", e, p)
		}
		return stepLine(good, "done", e, p)
	case canary.Broke:
		return stepLine(bad, "broke", e, p)
	case canary.Halted:
		return joined(mind+" halted", e.Err)
	case canary.Finished:
		return good + " finished run " + oneLine(e.Run)
	}
	return joined(plain+" "+oneLine(string(e.Type)), e.Err)
}

func plannedLine(e canary.Event, p canary.Plan) string {
	if e.Plan != nil {
		p = *e.Plan
	}
	word := "planned run "
	if p.Revert {
		word = "planned the way back of run "
	}
	return plain + " " + word + oneLine(e.Run) + ": " + countsOf(p)
}

func stepLine(mark, word string, e canary.Event, p canary.Plan) string {
	words := describe(e.Step, p)
	if where := oneLine(e.Server); !strings.Contains(words, where) {
		words = where + ": " + words
	}
	text := fmt.Sprintf("%s %-5s  %s", mark, word, words)
	if e.Verdict == nil || e.Verdict.Reason == "" {
		return joined(text, e.Err)
	}
	text = joined(text, string(e.Verdict.Answer)+", "+e.Verdict.Reason)
	if strings.Contains(e.Err, e.Verdict.Reason) {
		return text
	}
	return joined(text, e.Err)
}

// describe is what the step says of itself; its id where the plan does not know it.
func describe(id string, p canary.Plan) string {
	for s := range p.Steps() {
		if s.ID == id && s.Action != nil {
			return oneLine(s.Action.Describe())
		}
	}
	return oneLine(id)
}

func joined(text, why string) string {
	if why = sentence(why); why != "" {
		return text + ": " + why
	}
	return text
}

// countsOf is the size of a plan in words.
func countsOf(p canary.Plan) string {
	steps := 0
	for range p.Steps() {
		steps++
	}
	return fmt.Sprintf("%s, %s, %s", counted(len(touched(p)), "server"), counted(len(p.Waves), "wave"), counted(steps, "step"))
}

// touched is the servers that a plan has steps for, in its order.
func touched(p canary.Plan) []string {
	var out []string
	seen := map[string]bool{"": true}
	for s := range p.Steps() {
		if !seen[s.Server] {
			seen[s.Server], out = true, append(out, s.Server)
		}
	}
	return out
}
