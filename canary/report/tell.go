package report

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"iiscanary/canary"
)

// Record is what is known of a run: the events of its journal that could be read, and whether a process is at work on it.
type Record struct {
	Run    string // its id; empty: that of the events
	Events []canary.Event
	Alive  bool
	Damage []Damage
	Torn   bool // the last line has no end
}

// Typed is the command line of a verb for a run, such as resume or revert.
type Typed func(verb, run string) string

// Tell makes the story of a run out of its journal. It is a pure function, and takes any events, in any order.
func Tell(rec Record, typed Typed) Run {
	t := teller{Record: rec, index: map[string]int{}, open: map[string]time.Time{}, places: NewPlaces()}
	t.story = Run{Version: FormatVersion, Alive: rec.Alive, Damage: slices.Clone(rec.Damage), Torn: rec.Torn && !rec.Alive, Old: []string{}, Servers: []RunServer{}, Steps: []RunStep{}}
	t.plans()
	for _, e := range rec.Events {
		t.add(e)
	}
	if rec.Run != "" && t.story.Run != "" && t.story.Run != rec.Run {
		t.story.Damage = append(t.story.Damage, Damage{What: "it is the journal of run " + t.story.Run})
	}
	t.story.Run = cmp.Or(rec.Run, t.story.Run)
	t.end()
	t.servers()
	t.conclude(typed)
	return t.story
}

// teller owns a story in the making.
type teller struct {
	Record
	story         Run
	forward, back *canary.Plan
	index         map[string]int       // of each step in story.Steps
	open          map[string]time.Time // steps that began and have no end yet
	places        *Places

	reverting bool // the newest plan puts the fleet back
	from      time.Time
	last      canary.Event
	halts     [2]*canary.Event // the newest of the way forward, and of the way back
	finished  [2]bool
}

// plans lays the steps of the plans out before anything is told of them.
func (t *teller) plans() {
	for _, e := range t.Events {
		switch {
		case e.Plan == nil:
		case e.Plan.Revert:
			t.back = e.Plan
		case t.forward == nil:
			t.forward, t.story.Tool = e.Plan, e.Tool
		}
	}
	for _, p := range []*canary.Plan{t.forward, t.back} {
		if p == nil {
			continue
		}
		t.story.App, t.story.New, t.story.Floor = p.App, p.New, p.Floor
		t.story.Old = append([]string{}, p.Old...)
		for _, w := range p.Waves {
			for _, l := range append(slices.Clone(w.Lanes), w.Gate) {
				for _, s := range l {
					t.lay(s, w.Name, p.Revert)
				}
			}
		}
	}
}

func (t *teller) lay(s canary.Step, wave string, revert bool) {
	if _, twice := t.index[s.ID]; twice {
		return
	}
	step := RunStep{ID: s.ID, Wave: wave, Server: s.Server, Kind: s.Action.Kind(), What: s.Action.Describe(), Revert: revert, Outcome: NotBegun}
	if revert {
		step.Undoes = undone(s.ID)
	}
	t.index[s.ID] = len(t.story.Steps)
	t.story.Steps = append(t.story.Steps, step)
}

// undone is the step that a step of the way back takes back, by the ids that [canary.Revert] gives.
func undone(id string) string {
	if rest, ok := strings.CutPrefix(id, "revert/"); ok {
		if i := strings.LastIndexByte(rest, '/'); i > 0 {
			return rest[:i]
		}
	}
	return ""
}

// step is the step that an event is about; one that no plan has is known by its id only.
func (t *teller) step(e canary.Event) *RunStep {
	i, known := t.index[e.Step]
	if !known {
		i = len(t.story.Steps)
		t.index[e.Step] = i
		parts := strings.Split(e.Step, "/")
		t.story.Steps = append(t.story.Steps, RunStep{ID: e.Step, Wave: parts[0], Server: e.Server, Kind: parts[len(parts)-1],
			What: e.Step, Revert: t.reverting, Outcome: NotBegun})
	}
	return &t.story.Steps[i]
}

func (t *teller) add(e canary.Event) {
	t.time(e)
	t.places.Event(e)
	switch e.Type {
	case canary.Planned:
		t.reverting = e.Plan != nil && e.Plan.Revert
	case canary.Halted:
		t.halted(e)
	case canary.Finished:
		t.finished[t.direction()], t.halts[t.direction()] = true, nil
	default:
		if e.Step != "" {
			t.stepped(e)
		}
	}
	t.story.Run, t.last = e.Run, e
}

func (t *teller) direction() int {
	if t.reverting {
		return 1
	}
	return 0
}

// time counts the time in which somebody was at work: between two processes nobody was.
func (t *teller) time(e canary.Event) {
	if t.story.Began.IsZero() {
		t.story.Began, t.from = e.At, e.At
	}
	if e.Resumed {
		t.story.Resumed = append(t.story.Resumed, Resumption{e.At, e.Tool})
		t.halts[t.direction()] = nil
		clear(t.open)
	}
	if e.Resumed || e.Type == canary.Planned {
		t.session(t.story.Ended)
		t.from = e.At
	}
	t.story.Ended = e.At
}

func (t *teller) session(until time.Time) {
	worked := max(until.Sub(t.from).Seconds(), 0)
	if t.reverting {
		t.story.Seconds.Revert += worked
	} else {
		t.story.Seconds.Deploy += worked
	}
	t.story.Seconds.Total += worked
}

func (t *teller) stepped(e canary.Event) {
	s := t.step(e)
	if e.Verdict != nil {
		s.Verdict = verdictOf(*e.Verdict)
	}
	if e.Type == canary.Began {
		s.Tries++
		if s.Began.IsZero() {
			s.Began, s.Before = e.At, e.Before
		}
		t.open[e.Step] = e.At
		s.Outcome, s.Why, s.Ended = CutShort, "", time.Time{}
		return
	}
	if _, open := t.open[e.Step]; !open {
		s.Tries++ // its first look failed: nothing began
	}
	t.close(s, e.At)
	s.Why = sentence(e.Err)
	switch {
	case e.Type == canary.Broke && e.Unreachable:
		s.Outcome = Unreachable
	case e.Type == canary.Broke && e.Verdict != nil:
		s.Outcome = Refused
	case e.Type == canary.Broke:
		s.Outcome = Broken
	case e.Skipped:
		s.Outcome = FoundDone
	case e.Verdict != nil && e.Verdict.Answer != canary.Pass:
		s.Outcome, s.Why = Waived, sentence(e.Verdict.Reason)
	default:
		s.Outcome = Done
	}
}

func (t *teller) close(s *RunStep, at time.Time) {
	if began, open := t.open[s.ID]; open {
		s.Seconds += max(at.Sub(began).Seconds(), 0)
		delete(t.open, s.ID)
	}
	s.Ended = at
}

// halted ends what was open: a question that stayed unanswered, and steps that were abandoned.
func (t *teller) halted(e canary.Event) {
	t.halts[t.direction()] = &e
	if e.Verdict != nil && e.Step != "" {
		s := t.step(e)
		t.close(s, e.At)
		s.Verdict, s.Outcome, s.Why = verdictOf(*e.Verdict), Doubted, sentence(e.Verdict.Reason)
	}
	clear(t.open)
}

// end is what is to be said when the journal says no more.
func (t *teller) end() {
	t.session(t.story.Ended)
	for id := range t.open {
		if t.Alive {
			t.story.Steps[t.index[id]].Outcome = AtWork
		}
	}
	for i := range t.story.Steps {
		if s := &t.story.Steps[i]; s.Outcome == CutShort {
			s.Why = "it began and has no end in the journal"
		}
		t.story.Steps[i].Seconds = tidySeconds(t.story.Steps[i].Seconds)
	}
	s := &t.story.Seconds
	s.Deploy, s.Revert, s.Total = tidySeconds(s.Deploy), tidySeconds(s.Revert), tidySeconds(s.Total)
}

// tidySeconds is a number of seconds without digits that nobody reads.
func tidySeconds(s float64) float64 {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond).Seconds()
}

func verdictOf(v canary.Verdict) *RunVerdict {
	out := &RunVerdict{Answer: v.Answer, Reason: v.Reason, Until: v.Until, Lag: v.Lag.Seconds(), Evidence: []RunSample{}}
	for _, s := range v.Evidence {
		out.Evidence = append(out.Evidence, RunSample{Metric: s.Metric, Answer: s.Answer, Limit: s.Limit, New: countOf(s.New), Old: countOf(s.Old),
			Odds: s.Odds, Need: s.Need, Reason: s.Reason})
	}
	return out
}

func countOf(c canary.Count) RunCount {
	out := RunCount{Requests: c.Requests, Bad: c.Bad}
	if c.Requests > 0 {
		out.Rate = float64(c.Bad) / float64(c.Requests)
	}
	return out
}
