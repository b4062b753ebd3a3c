package main

import (
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/report"
)

// screen shows a run: a block that redraws itself on a terminal, a line per event elsewhere.
type screen struct {
	mu      sync.Mutex
	w       io.Writer
	live    bool
	width   func() int
	height  func() int
	started time.Time

	plan    canary.Plan
	rows    map[string]serverRow
	status  map[string]canary.EventType // by step of the plan: the latest
	places  *report.Places
	verdict canary.Verdict
	drawn   int       // lines of the block that stand on the terminal
	spoke   time.Time // when the last plain line was written
	stop    chan struct{}
	once    sync.Once
	ticking sync.WaitGroup
}

// serverRow is what is known of one server.
type serverRow struct {
	mark, doing string
}

// The heartbeat keeps a CI system from killing a quiet job.
const (
	redrawEvery = 500 * time.Millisecond
	heartbeat   = time.Minute
)

// newScreen starts showing; Close ends it.
func newScreen(s streams, noColor bool) *screen {
	sc := &screen{w: s.err, live: s.live(noColor), width: s.width, height: s.height, started: time.Now(), spoke: time.Now(),
		rows: map[string]serverRow{}, status: map[string]canary.EventType{}, places: report.NewPlaces(), stop: make(chan struct{})}
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
	s.take(e)
	loud := e.Type == canary.Broke || e.Type == canary.Halted || e.Type == canary.Planned
	if text := report.Line(e, s.plan); text != "" && (!s.live || loud) {
		s.line(text)
	}
	if s.live {
		s.redraw()
	}
}

// take learns from an event.
func (s *screen) take(e canary.Event) {
	if e.Plan != nil {
		s.begin(*e.Plan)
	}
	action := s.action(e.Step)
	if e.Step != "" {
		s.status[e.Step] = e.Type
	}
	if e.Server != "" {
		s.rows[e.Server] = after(e, action)
	}
	s.places.Event(e)
	if _, users := action.(canary.Bake); users && e.Verdict != nil {
		s.verdict = *e.Verdict
	}
}

func (s *screen) action(step string) canary.Action {
	for known := range s.plan.Steps() {
		if known.ID == step {
			return known.Action
		}
	}
	return nil
}

// Begin shows a plan before its first event, and what its journal says of a run that is taken up.
func (s *screen) Begin(p canary.Plan, past iter.Seq[canary.Event]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begin(p)
	for e := range past {
		s.take(e)
	}
}

// begin takes up a plan: the first of a run, or the one that puts the fleet back.
func (s *screen) begin(p canary.Plan) {
	s.plan, s.status = p, map[string]canary.EventType{}
	s.verdict = canary.Verdict{}
	for _, server := range p.Servers {
		if _, known := s.rows[server.Name]; !known {
			s.rows[server.Name] = serverRow{"•", "waiting"}
		}
	}
	s.places.Plan(p)
}

// after is what is known of a server once an event about it has happened.
func after(e canary.Event, a canary.Action) serverRow {
	words := e.Step
	if a != nil {
		words = a.Describe()
	}
	switch e.Type {
	case canary.Ended:
		return serverRow{"✔", "done: " + words}
	case canary.Broke:
		return serverRow{"✖", "broke: " + words}
	}
	return serverRow{"◌", words}
}

// Verdict shows what the judge said at one poll.
func (s *screen) Verdict(v canary.Verdict) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdict = v
}

// Waits shows that a server has to wait for others before it can leave rotation.
func (s *screen) Waits(w canary.Waiting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	words := fmt.Sprintf("waiting for spare capacity: %s; at most %s, and anew after each server that comes back", w.For, w.AtMost.Round(time.Second))
	s.rows[w.Step.Server] = serverRow{"◌", words}
	s.line("◌ waits  " + w.Step.Server + ": " + words)
}

// Stopping says what the first interrupt does.
func (s *screen) Stopping() {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch hand := s.inHand(); len(hand) {
	case 0:
		s.line("stopping: no server is in hand; interrupt again to abandon")
	case 1:
		s.line("stopping: " + hand[0] + " is in hand and is finished first, so that it serves; interrupt again to abandon")
	default:
		s.line("stopping: " + strings.Join(hand, ", ") + " are in hand and are finished first, so that they serve; interrupt again to abandon")
	}
}

// inHand is the servers that something was begun on and that are still worked on.
func (s *screen) inHand() []string {
	var out []string
	for _, w := range s.plan.Waves {
		for _, l := range w.Lanes {
			begun, open := false, false
			for _, step := range l {
				_, change := step.Action.(canary.Change)
				at, known := s.status[step.ID]
				if at == canary.Broke {
					begun, open = false, false
					break
				}
				begun, open = begun || change && known, open || at != canary.Ended
			}
			if begun && open {
				out = append(out, l[0].Server)
			}
		}
	}
	return out
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
