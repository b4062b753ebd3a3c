package canary

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// UnknownKindError says that a plan or journal holds an action that this version of the program does not know.
type UnknownKindError struct{ Step, Kind string }

func (e *UnknownKindError) Error() string {
	return fmt.Sprintf("step %s has the unknown kind %q: it was written by another version of the program", e.Step, e.Kind)
}

// stepJSON is a step as it stands in JSON.
type stepJSON struct {
	ID     string          `json:"id"`
	Server string          `json:"server,omitempty"`
	Kind   string          `json:"kind"`
	Action json.RawMessage `json:"action"`
}

// MarshalJSON writes the action beside its kind.
func (s Step) MarshalJSON() ([]byte, error) {
	if s.Action == nil {
		return nil, fmt.Errorf("step %s has no action", s.ID)
	}
	action, err := json.Marshal(s.Action)
	if err != nil {
		return nil, fmt.Errorf("step %s: %w", s.ID, err)
	}
	return json.Marshal(stepJSON{s.ID, s.Server, s.Action.Kind(), action})
}

// UnmarshalJSON refuses a kind, or a setting of an action, that it does not know: a plan is carried out as it was
// written or not at all. The error for a kind is an *UnknownKindError.
func (s *Step) UnmarshalJSON(b []byte) error {
	var raw stepJSON
	if err := json.Unmarshal(b, &raw); err != nil {
		return err
	}
	read := reader(raw.Kind)
	if read == nil {
		return &UnknownKindError{raw.ID, raw.Kind}
	}
	action, err := read(raw.Action)
	if err != nil {
		return fmt.Errorf("step %s: %w", raw.ID, err)
	}
	*s = Step{raw.ID, raw.Server, action}
	return nil
}

// reader is how an action of a kind is read; nil for a kind that does not exist.
func reader(kind string) func(json.RawMessage) (Action, error) {
	switch kind {
	case Stage{}.Kind():
		return read[Stage]
	case Spare{}.Kind():
		return read[Spare]
	case Drain{}.Kind():
		return read[Drain]
	case Stop{}.Kind():
		return read[Stop]
	case Start{}.Kind():
		return read[Start]
	case Warm{}.Kind():
		return read[Warm]
	case Own{}.Kind():
		return read[Own]
	case Admit{}.Kind():
		return read[Admit]
	case Bake{}.Kind():
		return read[Bake]
	case Tidy{}.Kind():
		return read[Tidy]
	}
	return nil
}

func read[A Action](b json.RawMessage) (Action, error) {
	var a A
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&a); err != nil {
		return nil, err
	}
	return a, nil
}
