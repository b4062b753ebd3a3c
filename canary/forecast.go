package canary

import (
	"cmp"
	"slices"
	"time"
)

// Timings is how long each kind of step is expected to take on one server.
type Timings struct {
	Serving int `json:"serving"` // servers in rotation before the run

	Stage time.Duration `json:"stage"`
	Drain time.Duration `json:"drain"`
	Stop  time.Duration `json:"stop"`
	Start time.Duration `json:"start"`
	Warm  time.Duration `json:"warm"`
	Own   time.Duration `json:"own"`
	Admit time.Duration `json:"admit"`
	Bake  time.Duration `json:"bake"`
	Tidy  time.Duration `json:"tidy"`
}

// Point is the moment at which the number of serving servers changes, or a wave begins.
type Point struct {
	After   time.Duration `json:"after"` // since the run began
	Serving int           `json:"serving"`
	What    string        `json:"what"`
}

// Timeline is what is to be expected of a plan.
type Timeline struct {
	Points []Point       `json:"points"`
	Total  time.Duration `json:"total"`  // when everything goes well
	Least  int           `json:"least"`  // fewest servers that serve at a time, when everything goes well
	Worst  int           `json:"worst"`  // fewest, when at the worst moment one more dies and the fleet is put back
	Revert time.Duration `json:"revert"` // from the decision until the whole fleet is back
}

// What steps take for which no setting says it: measured on IIS of ordinary size.
const (
	usualPower = 10 * time.Second // a stop or a start, with its stable time
	usualCall  = 2 * time.Second  // one commit of the configuration
	usualStage = time.Minute
)

// TimingsFrom is the expectation by the spec's and the target groups' numbers: a drain takes its delay (full) or its
// settle time and the polls that find no request (observed), an admission the health-check arithmetic, a warm-up a
// quarter of the first request's budget.
func TimingsFrom(inv Inventory, s Spec) Timings {
	t := Timings{
		Stage: usualStage, Stop: usualPower, Start: usualPower, Own: usualCall, Bake: s.Bake.For, Tidy: usualCall,
		Warm: s.Warm.First/4 + time.Duration(s.Warm.Requests)*s.Warm.Under,
	}
	for _, g := range inv.Groups {
		if s.Drain.Policy == FullDrain {
			t.Drain = max(t.Drain, g.Delay)
		}
		t.Admit = max(t.Admit, time.Duration(g.HealthyAfter)*g.Interval)
	}
	if s.Drain.Policy == ObservedDrain {
		t.Drain = s.Drain.Settle + quietPolls*s.Drain.Poll
	}
	for _, f := range inv.Servers {
		if len(f.in()) > 0 {
			t.Serving++
		}
	}
	return t
}

// of is the expectation for one action.
func (t Timings) of(a Action) time.Duration {
	switch a.(type) {
	case Stage:
		return t.Stage
	case Drain:
		return t.Drain
	case Stop:
		return t.Stop
	case Start:
		return t.Start
	case Warm:
		return t.Warm
	case Own:
		return t.Own
	case Admit:
		return t.Admit
	case Bake:
		return t.Bake
	case Tidy:
		return t.Tidy
	}
	return 0
}

// Forecast says when how many servers will serve. It is a pure function.
func Forecast(p Plan, t Timings) Timeline {
	var moves []move
	var now time.Duration
	for _, w := range p.Waves {
		moves = append(moves, move{at: now, what: w.Name + " begins"})
		now = w.schedule(now, t, &moves)
		for _, s := range w.Gate {
			moves = append(moves, move{at: now, what: s.Action.Describe()})
			now += t.of(s.Action)
		}
	}
	slices.SortStableFunc(moves, func(a, b move) int { return cmp.Compare(a.at, b.at) })
	line := Timeline{Total: now, Least: t.Serving}
	serving := t.Serving
	for _, m := range moves {
		serving += m.serving
		line.Least = min(line.Least, serving)
		line.Points = append(line.Points, Point{m.at, serving, m.what})
	}
	line.Points = append(line.Points, Point{now, serving, "the end"})
	parallel := 0
	line.Revert, parallel = p.wayBack(t)
	line.Worst = max(0, min(line.Least, t.Serving-parallel)-1)
	return line
}

// move is a change in the number of serving servers.
type move struct {
	at      time.Duration
	serving int
	what    string
}

// schedule runs the lanes in Parallel tracks, each lane on the track that is free first, and returns when the last ends.
func (w Wave) schedule(from time.Duration, t Timings, moves *[]move) time.Duration {
	tracks := make([]time.Duration, max(1, min(w.Parallel, len(w.Lanes))))
	for i := range tracks {
		tracks[i] = from
	}
	for _, l := range w.Lanes {
		track := slices.Index(tracks, slices.Min(tracks))
		for _, s := range l {
			if _, leaves := s.Action.(Drain); leaves {
				*moves = append(*moves, move{tracks[track], -1, s.Server + " leaves rotation"})
			}
			tracks[track] += t.of(s.Action)
			if _, enters := s.Action.(Admit); enters {
				*moves = append(*moves, move{tracks[track], +1, s.Server + " serves"})
			}
		}
	}
	return slices.Max(tracks)
}

// wayBack is how long the whole fleet takes to be put back from the end of the plan, and how many servers are out at the
// same time meanwhile.
func (p Plan) wayBack(t Timings) (takes time.Duration, parallel int) {
	back := Wave{Name: "revert"}
	for _, w := range p.Waves {
		for _, l := range w.Lanes {
			if undo := l.undone(); len(undo) > 0 {
				back.Lanes = append(back.Lanes, undo)
			}
		}
	}
	if len(back.Lanes) == 0 {
		return 0, 0
	}
	back.Parallel = max(1, min(len(back.Lanes), len(p.Servers)-p.Floor))
	return back.schedule(0, t, &[]move{}), back.Parallel
}

// undone is the way back of a lane that came to its end, as far as its time goes.
func (l Lane) undone() Lane {
	var out Lane
	for _, s := range slices.Backward(l) {
		switch a := s.Action.(type) {
		case Admit:
			out = append(out, Step{s.ID, s.Server, Drain{Server: a.Server}})
		case Own:
			out = append(out, s)
		case Start:
			out = append(out, Step{s.ID, s.Server, Stop{Server: a.Server}})
		case Stop:
			out = append(out, Step{s.ID, s.Server, Start{Server: a.Server}}, Step{s.ID, s.Server, Warm{Server: a.Server}})
		case Drain:
			out = append(out, Step{s.ID, s.Server, Admit{Server: a.Server}})
		}
	}
	return out
}
