package report

import (
	"slices"

	"iiscanary/canary"
)

// Results that only a journal can come to: the process itself always knows better.
const (
	Unfinished Result = "unfinished" // it was killed or abandoned; resumable
	Underway   Result = "underway"   // a process is at work on it
)

// conclude says how the run came out, why, and what to type next.
func (t *teller) conclude(typed Typed) {
	s := &t.story
	s.Outcome, s.Why = t.result()
	over := s.Outcome == Deployed || s.Outcome == Reverted
	if s.Alive && !over {
		s.Outcome, s.Why = Underway, ""
	}
	s.Resumable = !s.Alive && !over && t.forward != nil && len(s.Damage) == 0
	resume, revert := typed("resume", s.Run), typed("revert", s.Run)
	switch {
	case over:
	case s.Outcome == Underway:
		s.Next = []string{typed("status", ""), "a process of this machine is at work on it: wait for it, or interrupt it"}
	case !s.Resumable && len(s.Damage) > 0:
		s.Next = []string{"move the damaged journal away, then: " + resume, "it is then collected from the servers"}
	case !s.Resumable:
		s.Next = []string{typed("status", "")}
	case t.back != nil && s.Outcome == Mixed:
		s.Next = []string{"mend the servers named above, then: " + revert}
	case t.back != nil:
		s.Next = []string{revert + "   (go on putting servers back)"}
	default:
		s.Next = []string{resume + "   (go on)", revert + "   (put every server back)"}
	}
}

// result is what the newest event comes to.
func (t *teller) result() (Result, string) {
	forward, back := why(t.halts[0]), why(t.halts[1])
	switch {
	case t.forward == nil:
		return Unfinished, "the journal holds no plan that can be read"
	case t.back != nil && t.finished[1]:
		if forward == "" {
			forward = "put back by the operator"
		}
		return Reverted, forward
	case t.back != nil:
		return t.wayBack(forward, back)
	case t.finished[0]:
		return Deployed, ""
	case t.last.Type != canary.Halted:
		return Unfinished, "the journal ends in the middle: the process was killed, or is at work elsewhere"
	}
	switch t.last.Halt {
	case canary.HaltStopped:
		return Stopped, forward
	case canary.HaltHeld:
		return Held, forward
	case canary.HaltRefused, canary.HaltBroke:
		if t.harmless() {
			return Reverted, forward + "; nothing had to be put back"
		}
		return Held, forward
	}
	return Unfinished, forward
}

// wayBack is how a run stands whose way back is not at its end.
func (t *teller) wayBack(forward, back string) (Result, string) {
	middle := "the way back is not at its end"
	if back != "" {
		middle = "going back: " + back
	}
	text := joinSentences(forward, middle)
	if t.last.Type == canary.Halted && t.last.Halt != canary.HaltAbandoned {
		return Mixed, text
	}
	return Unfinished, text
}

// harmless reports whether nothing that began has to be put back.
func (t *teller) harmless() bool {
	return len(canary.Revert(*t.forward, canary.Fold(*t.forward, slices.Values(t.Events))).Waves) == 0
}

func why(halt *canary.Event) string {
	if halt == nil {
		return ""
	}
	return sentence(halt.Err)
}
