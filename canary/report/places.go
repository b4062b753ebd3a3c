package report

import "iiscanary/canary"

// Places follows, event by event, where each server of a run stands: in rotation, out of it, or on its way.
type Places struct {
	actions map[string]canary.Action // by step
	place   map[string]string
}

// The words for a server's place.
const (
	placeIn       = "in"
	placeLeaving  = "leaving"
	placeOut      = "out"
	placeEntering = "entering"
	placeUnknown  = "unknown"
)

// NewPlaces knows of no server yet.
func NewPlaces() *Places {
	return &Places{actions: map[string]canary.Action{}, place: map[string]string{}}
}

// Plan takes up a plan, as a Planned event does: a server that it drains is in rotation.
func (p *Places) Plan(plan canary.Plan) {
	for s := range plan.Steps() {
		p.actions[s.ID] = s.Action
		if _, drains := s.Action.(canary.Drain); drains && p.place[s.Server] == "" {
			p.place[s.Server] = placeIn
		}
	}
}

// Event takes up what happened.
func (p *Places) Event(e canary.Event) {
	if e.Plan != nil {
		p.Plan(*e.Plan)
	}
	words := map[canary.EventType]string{}
	switch p.actions[e.Step].(type) {
	case canary.Drain:
		words = map[canary.EventType]string{canary.Began: placeLeaving, canary.Ended: placeOut, canary.Broke: placeUnknown}
	case canary.Admit:
		words = map[canary.EventType]string{canary.Began: placeEntering, canary.Ended: placeIn, canary.Broke: placeUnknown}
	}
	if word, moved := words[e.Type]; moved {
		p.place[e.Server] = word
	}
}

// Of is the place of a server: in, leaving, out, entering; unknown where the journal does not say.
func (p *Places) Of(server string) string {
	if word := p.place[server]; word != "" {
		return word
	}
	return placeUnknown
}
