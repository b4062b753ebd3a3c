package report

import (
	"fmt"
	"io"
	"strings"
	"time"
)

// Runs is the runs that one machine knows of, newest first.
type Runs struct {
	Version int       `json:"version"`
	App     string    `json:"app"`
	Runs    []RunLine `json:"runs"`
}

// RunLine is one run among others.
type RunLine struct {
	Run       string    `json:"run"`
	Began     time.Time `json:"began,omitzero"`
	Ended     time.Time `json:"ended,omitzero"` // time of the newest event
	Seconds   float64   `json:"seconds"`        // that somebody was at work on it
	Slot      string    `json:"slot"`
	Release   string    `json:"release"` // its version
	Outcome   Result    `json:"outcome"`
	Why       string    `json:"why,omitempty"`
	Alive     bool      `json:"alive"`
	Resumable bool      `json:"resumable"`
	Overtaken string    `json:"overtaken_by,omitempty"` // a later run that left servers on another release
	Servers   int       `json:"servers"`                // that the plan has steps for
	Done      int       `json:"done"`                   // of them on the new slot
	PutBack   int       `json:"put_back"`               // of them as before the run
	Damage    []Damage  `json:"damage,omitempty"`
	Torn      bool      `json:"torn,omitempty"` // the last line of its journal has no end
	Next      []string  `json:"next,omitempty"`
}

// Line is the story in one line.
func (r Run) Line() RunLine {
	return RunLine{Run: r.Run, Began: r.Began, Ended: r.Ended, Seconds: r.Seconds.Total, Slot: r.New.Slot, Release: r.New.Version,
		Outcome: r.Outcome, Why: r.Why, Alive: r.Alive, Resumable: r.Resumable, Overtaken: r.OvertakenBy, Servers: len(r.Servers), Done: r.Done(),
		PutBack: r.ServersPutBack(), Damage: r.Damage, Torn: r.Torn, Next: r.Next}
}

// JSON writes the runs as one indented object.
func (r Runs) JSON(w io.Writer) error {
	r.Version = FormatVersion
	if r.Runs == nil {
		r.Runs = []RunLine{}
	}
	return encode(w, "the runs", r)
}

// Text writes the runs for people.
func (r Runs) Text(w io.Writer) error {
	var b strings.Builder
	if len(r.Runs) == 0 {
		fmt.Fprintf(&b, "no run of %s is known on this machine\n", oneLine(r.App))
	} else {
		t := table(&b)
		fmt.Fprintln(t, "RUN\tBEGAN (UTC)\tSLOT\tVERSION\tOUTCOME\tAT WORK\tSERVERS\tRESUMABLE")
		for _, l := range r.Runs {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s %s\t%s\t%s\t%s\n", orDash(l.Run), strings.TrimSuffix(moment(l.Began), " UTC"), orDash(l.Slot),
				orDash(l.Release), resultMark(l.Outcome), l.Outcome, inSeconds(l.Seconds), l.progress(), l.takes())
		}
		t.Flush()
	}
	for _, l := range r.Runs {
		for _, d := range l.Damage {
			fmt.Fprintf(&b, "%s damaged: the journal of %s: %s\n", mind, oneLine(l.Run), d)
		}
		if l.Torn {
			fmt.Fprintf(&b, "%s half-written: the last line of the journal of %s has no end, and does not count\n", mind, oneLine(l.Run))
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (l RunLine) progress() string {
	text := fmt.Sprintf("%d of %d", l.Done, l.Servers)
	if l.PutBack > 0 {
		text += fmt.Sprintf(", %d put back", l.PutBack)
	}
	return text
}

func (l RunLine) takes() string {
	switch {
	case l.Resumable:
		return "yes"
	case l.Alive:
		return "no, at work"
	case len(l.Damage) > 0:
		return "no, damaged"
	case l.Overtaken != "" && l.Outcome != Deployed && l.Outcome != Reverted:
		return "no, overtaken"
	}
	return "no"
}
