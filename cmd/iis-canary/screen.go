package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

// screen shows a run: a block that redraws itself on a terminal, a line per event elsewhere.
type screen struct {
	mu      sync.Mutex
	w       io.Writer
	live    bool
	width   func() int
	started time.Time

	plan    canary.Plan
	rows    map[string]row
	verdict canary.Verdict
	drawn   int       // lines of the block that stand on the terminal
	spoke   time.Time // when the last plain line was written
	stop    chan struct{}
	once    sync.Once
	ticking sync.WaitGroup
}

// row is what is known of one server.
type row struct {
	mark, doing string
}

// The heartbeat keeps a CI system from killing a quiet job.
const (
	redrawEvery = 500 * time.Millisecond
	heartbeat   = time.Minute
)

// newScreen starts showing; Close ends it.
func newScreen(s streams, noColor bool) *screen {
	sc := &screen{w: s.err, live: s.live(noColor), width: s.width, started: time.Now(), spoke: time.Now(),
		rows: map[string]row{}, stop: make(chan struct{})}
	sc.ticking.Go(sc.tick)
	return sc
}

func (s *screen) tick() {
	t := time.NewTicker(redrawEvery)
	defer t.Stop()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
			s.mu.Lock()
			if s.live {
				s.redraw()
			} else if time.Since(s.spoke) >= heartbeat {
				s.line(s.evidence())
			}
			s.mu.Unlock()
		}
	}
}

// Event shows one event of the journal.
func (s *screen) Event(e canary.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if e.Plan != nil {
		s.begin(*e.Plan)
	}
	if e.Server != "" {
		s.rows[e.Server] = s.next(e)
	}
	if e.Verdict != nil {
		s.verdict = *e.Verdict
	}
	loud := e.Type == canary.Broke || e.Type == canary.Halted || e.Type == canary.Planned
	if text := report.Line(e, s.plan); text != "" && (!s.live || loud) {
		s.line(text)
	}
	if s.live {
		s.redraw()
	}
}

// Begin shows a plan before its first event: a run that is taken up has told of its plan long ago.
func (s *screen) Begin(p canary.Plan) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(p)
}

// begin takes up a plan: the first of a run, or the one that puts the fleet back.
func (s *screen) begin(p canary.Plan) {
	s.plan = p
	s.verdict = canary.Verdict{}
	for _, server := range p.Servers {
		if _, known := s.rows[server.Name]; !known {
			s.rows[server.Name] = row{"•", "waiting"}
		}
	}
}

func (s *screen) next(e canary.Event) row {
	words := e.Step
	for step := range s.plan.Steps() {
		if step.ID == e.Step && step.Action != nil {
			words = step.Action.Describe()
		}
	}
	switch e.Type {
	case canary.Ended:
		return row{"✔", "done: " + words}
	case canary.Broke:
		return row{"✖", "broke: " + words}
	}
	return row{"◌", words}
}

// Verdict shows what the judge said at one poll.
func (s *screen) Verdict(v canary.Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdict = v
}

// Note shows a line that is no event of the journal.
func (s *screen) Note(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.line(text)
}

// Quiet ends the redrawing; the last block stands.
func (s *screen) Quiet() {
	s.once.Do(func() { close(s.stop) })
	s.ticking.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.live && s.plan.Run != "" {
		s.redraw()
	}
	s.live, s.drawn = false, 0
}

// Close ends the screen.
func (s *screen) Close() { s.Quiet() }

// line writes one permanent line, above the block where there is one.
func (s *screen) line(text string) {
	s.erase()
	since := time.Since(s.started).Round(100 * time.Millisecond)
	fmt.Fprintf(s.w, "%7s  %s\n", fmt.Sprintf("%.1fs", since.Seconds()), text)
	s.spoke = time.Now()
}

func (s *screen) erase() {
	if s.drawn > 0 {
		fmt.Fprintf(s.w, "\x1b[%dA\x1b[J", s.drawn)
		s.drawn = 0
	}
}

func (s *screen) redraw() {
	if s.plan.Run == "" {
		return
	}
	s.erase()
	lines := []string{fmt.Sprintf("%s  %s  %s", s.plan.Run, s.plan.New.Slot, time.Since(s.started).Round(time.Second))}
	for _, server := range s.plan.Servers {
		r := s.rows[server.Name]
		lines = append(lines, fmt.Sprintf("  %s %-12s %s", r.mark, server.Name, r.doing))
	}
	lines = append(lines, "  "+s.evidence())
	width := s.width()
	for _, l := range lines {
		fmt.Fprintln(s.w, clip(l, width-1))
	}
	s.drawn = len(lines)
}

// evidence is the verdict so far, in one line.
func (s *screen) evidence() string {
	if len(s.verdict.Evidence) == 0 {
		if s.verdict.Reason != "" {
			return "traffic: " + s.verdict.Reason
		}
		return "traffic: nothing judged yet"
	}
	var parts []string
	for _, e := range s.verdict.Evidence {
		parts = append(parts, fmt.Sprintf("%s %d of %d new, %d of %d old, evidence %.1f of %.1f",
			e.Metric, e.New.Bad, e.New.Requests, e.Old.Bad, e.Old.Requests, e.Odds, e.Need))
	}
	return "traffic: " + strings.Join(parts, "; ")
}

// clip cuts a line to the width of the terminal, so that the block's height is known.
func clip(l string, width int) string {
	if utf8.RuneCountInString(l) <= width {
		return l
	}
	return string([]rune(l)[:max(width-1, 0)]) + "…"
}
