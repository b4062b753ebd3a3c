package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"iiscanary/canary"
)

// Times are told in UTC, as logs tell them.
const (
	dayAndTime = "2006-01-02 15:04:05"
	timeOfDay  = "15:04:05"
)

// Text tells the story for people: how it came out, every step, the evidence of each verdict, and what was changed and put
// back on each server.
func (r Run) Text(w io.Writer) error {
	var b strings.Builder
	r.head(&b)
	r.steps(&b)
	r.verdicts(&b)
	r.changes(&b)
	nextLines(&b, r.Next)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r Run) head(b *strings.Builder) {
	fmt.Fprintf(b, "%s run %s %s: %s\n", resultMark(r.Outcome), orDash(r.Run), r.Outcome, orDash(r.App))
	t := table(b)
	fmt.Fprintf(t, "  old\t%s\n", orDash(strings.Join(r.Old, ", ")))
	fmt.Fprintf(t, "  new\t%s, version %s, %s, %s, sha256 %s\n", orDash(r.New.Slot), orDash(r.New.Version), counted(r.New.Files, "file"),
		Size(r.New.Bytes), shortDigest(r.New.Digest))
	fmt.Fprintf(t, "  began\t%s\n", moment(r.Began))
	for _, again := range r.Resumed {
		fmt.Fprintf(t, "  resumed\t%s\n", moment(again.At))
	}
	fmt.Fprintf(t, "  ended\t%s\n", moment(r.Ended))
	fmt.Fprintf(t, "  at work\t%s (deploy %s, revert %s)\n", inSeconds(r.Seconds.Total), inSeconds(r.Seconds.Deploy), inSeconds(r.Seconds.Revert))
	done, back := r.Done(), r.ServersPutBack()
	fmt.Fprintf(t, "  servers\t%d of %d done, %d put back\n", done, len(r.Servers), back)
	if r.Why != "" {
		fmt.Fprintf(t, "  why\t%s\n", sentence(r.Why))
	}
	t.Flush()
	for _, d := range r.Damage {
		fmt.Fprintf(b, "  %s damaged: the journal: %s\n", mind, d)
	}
	if r.Torn {
		fmt.Fprintf(b, "  %s half-written: the last line of the journal has no end, and does not count\n", mind)
	}
	if len(r.Damage) > 0 {
		fmt.Fprintf(b, "  %s what follows is what the other lines say\n", mind)
	}
	b.WriteString("\n")
}

// Done is how many servers run the new slot and were not put back, as far as the journal knows.
func (r Run) Done() int { return r.count(OnNew) }

// ServersPutBack is how many servers have what they had before the run.
func (r Run) ServersPutBack() int { return r.count(PutBack) }

func (r Run) count(state ServerState) int {
	n := 0
	for _, s := range r.Servers {
		if s.State == state {
			n++
		}
	}
	return n
}

func (r Run) steps(b *strings.Builder) {
	if len(r.Steps) == 0 {
		return
	}
	var rows strings.Builder
	t := table(&rows)
	fmt.Fprintln(t, "    BEGAN\tTOOK\tOUTCOME\tSTEP")
	for _, s := range r.Steps {
		took := "-"
		if !s.Ended.IsZero() {
			took = inSeconds(s.Seconds)
		}
		fmt.Fprintf(t, "    %s\t%s\t%s\t%s\n", clock(s.Began), took, stepWords(s), joined(oneLine(s.What), s.trouble()))
	}
	t.Flush()
	lines := strings.SplitAfter(rows.String(), "\n")
	fmt.Fprintf(b, "steps\n%s", lines[0])
	where := ""
	for i, s := range r.Steps {
		if here := s.place(); here != where {
			where = here
			fmt.Fprintf(b, "  %s\n", here)
		}
		b.WriteString(lines[i+1])
	}
	b.WriteString("\n")
}

// place is the wave of a step, and its server or the gate.
func (s RunStep) place() string {
	wave, server := s.Wave, s.Server
	if s.Revert {
		wave = "the way back"
	}
	if server == "" {
		server = "gate"
	}
	return orDash(wave) + ", " + oneLine(server)
}

// trouble is why a step came out as it did, where it did not come out well. The reason of a verdict is told with its evidence.
func (s RunStep) trouble() string {
	if s.Verdict != nil && sentence(s.Verdict.Reason) == s.Why {
		return ""
	}
	return s.Why
}

func stepWords(s RunStep) string {
	mark, word := outcomeWords(s.Outcome)
	if s.Tries > 1 {
		word += fmt.Sprintf(", %d tries", s.Tries)
	}
	return mark + " " + word
}

func outcomeWords(o StepOutcome) (mark, word string) {
	switch o {
	case Done:
		return good, "done"
	case FoundDone:
		return good, "was so already"
	case Refused:
		return bad, "no"
	case Doubted:
		return mind, "unsure"
	case Waived:
		return mind, "unsure, gone on"
	case Broken:
		return bad, "broke"
	case Unreachable:
		return mind, "unreachable"
	case CutShort:
		return mind, "cut short"
	case AtWork:
		return open, "at work"
	case NotBegun:
		return plain, "not begun"
	}
	return plain, oneLine(string(o))
}

func (r Run) verdicts(b *strings.Builder) {
	asked := slices.DeleteFunc(slices.Clone(r.Steps), func(s RunStep) bool { return s.Verdict == nil })
	if len(asked) == 0 {
		return
	}
	fmt.Fprintln(b, "verdicts")
	for _, s := range asked {
		v := s.Verdict
		fmt.Fprintf(b, "  %s %s, %s: %s\n", answerMark(v.Answer), orDash(string(v.Answer)), oneLine(s.What), orDash(sentence(v.Reason)))
		if len(v.Evidence) == 0 {
			continue
		}
		t := table(b)
		fmt.Fprintln(t, "      METRIC\tANSWER\tNEW\tOLD\tLIMIT\tEVIDENCE")
		for _, e := range v.Evidence {
			fmt.Fprintf(t, "      %s\t%s\t%s\t%s\tat most %s\t%s\n", orDash(e.Metric), orDash(string(e.Answer)), e.New, e.Old,
				orDash(e.Limit), evidence(e.Odds, e.Need))
		}
		t.Flush()
		if !v.Until.IsZero() {
			fmt.Fprintf(b, "      logs read until %s, %s late\n", moment(v.Until), inSeconds(v.Lag))
		}
	}
	explainEvidence(b, asked)
	b.WriteString("\n")
}

// evidence is how much speaks against a release, of what refuses it. What rounds to nothing has no sign.
func evidence(odds, need float64) string {
	text := fmt.Sprintf("%.1f of %.1f", odds, need)
	if strings.HasPrefix(text, "-0.0 ") {
		return text[1:]
	}
	return text
}

// explainEvidence says what the columns of the evidence mean, below the last of them.
func explainEvidence(b *strings.Builder, asked []RunStep) {
	has := func(is func(RunSample) bool) bool {
		return slices.ContainsFunc(asked, func(s RunStep) bool { return slices.ContainsFunc(s.Verdict.Evidence, is) })
	}
	if !has(func(RunSample) bool { return true }) {
		return
	}
	fmt.Fprintln(b, "  NEW and OLD: bad requests of all. EVIDENCE: how much speaks against the release, of what refuses it; below zero, all speaks for it.")
	if has(func(e RunSample) bool { return e.Metric == shareMetric }) {
		fmt.Fprintf(b, "  %s: whether a new server gets as many requests as an old one; none of them counts as bad.\n", shareMetric)
	}
}

// shareMetric is the metric that the judge adds to the configured ones; none of those may have its name.
const shareMetric = "share"

// String is a count as "11 of 231 (4.8%)".
func (c RunCount) String() string {
	text := thousands(c.Bad) + " of " + thousands(c.Requests)
	if c.Requests > 0 {
		text += fmt.Sprintf(" (%.2g%%)", 100*c.Rate)
	}
	return text
}

func (r Run) changes(b *strings.Builder) {
	if len(r.Servers) == 0 {
		return
	}
	fmt.Fprintln(b, "servers, as the journal knows them")
	for _, s := range r.Servers {
		fmt.Fprintf(b, "  %s: %s, rotation: %s\n", orDash(s.Name), strings.ReplaceAll(string(s.State), "_", " "), s.Rotation)
		fmt.Fprintf(b, "    changed:  %s\n", changeWords(s.Changed))
		if len(s.PutBack) > 0 {
			fmt.Fprintf(b, "    put back: %s\n", changeWords(s.PutBack))
		}
	}
	b.WriteString("\n")
}

func changeWords(changes []RunChange) string {
	var parts []string
	for _, c := range changes {
		part := oneLine(c.What)
		if c.Outcome != Done && c.Outcome != FoundDone {
			_, word := outcomeWords(c.Outcome)
			part += " (" + word + ")"
		}
		parts = append(parts, part)
	}
	return orDash(strings.Join(parts, ", "))
}

func resultMark(r Result) string {
	switch r {
	case Deployed:
		return good
	case Reverted, Mixed:
		return bad
	case Underway:
		return open
	}
	return mind
}

func answerMark(a canary.Answer) string {
	switch a {
	case canary.Pass:
		return good
	case canary.Fail:
		return bad
	}
	return mind
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(dayAndTime) + " UTC"
}

func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(timeOfDay)
}

func inSeconds(s float64) string { return span(time.Duration(s * float64(time.Second))) }
