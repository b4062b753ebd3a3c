package canary

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Check refuses a plan that no runner may begin: ids that are missing or not unique, steps that neither change nor ask, a
// change that cannot be undone outside a final wave, and a final wave before the last gate. The error is a *PlanError.
func (p Plan) Check() error {
	if p.Run == "" {
		return &PlanError{"it has no run id"}
	}
	seen := map[string]bool{}
	for s := range p.Steps() {
		if s.ID == "" || seen[s.ID] {
			return &PlanError{fmt.Sprintf("the step id %q is empty or taken", s.ID)}
		}
		seen[s.ID] = true
		_, change := s.Action.(Change)
		_, question := s.Action.(Question)
		if change == question {
			return &PlanError{fmt.Sprintf("step %s neither changes nor asks", s.ID)}
		}
	}
	return p.checkFinal()
}

func (p Plan) checkFinal() error {
	final := ""
	for _, w := range p.Waves {
		if w.Final {
			final = w.Name
		}
		if final != "" && (!w.Final || len(w.Gate) > 0) {
			return &PlanError{fmt.Sprintf("wave %s stands after %s, which cannot be undone", w.Name, final)}
		}
		for _, l := range append([]Lane{w.Gate}, w.Lanes...) {
			for _, s := range l {
				if _, bad := s.Action.(Irrevocable); bad && !w.Final {
					return &PlanError{fmt.Sprintf("step %s cannot be undone and stands before the last gate", s.ID)}
				}
			}
		}
	}
	return nil
}

// follows refuses a plan that the journal's own plans forbid, and reports whether it stands in the journal already.
func (p Plan) follows(j Journal) (recorded bool, err error) {
	var last *Plan
	any := false
	for e := range j.Events() {
		any = true
		if e.Run != p.Run {
			return false, &PlanError{fmt.Sprintf("the journal is of run %s, the plan of run %s", e.Run, p.Run)}
		}
		if e.Type == Planned && e.Plan != nil {
			last = e.Plan
		}
	}
	switch {
	case last == nil && any:
		return false, &PlanError{"the journal does not begin with a plan"}
	case last == nil:
		return false, nil
	case last.Revert && !p.Revert:
		return false, &PlanError{"run " + p.Run + " is being put back; carry on with the revert, then begin a new run"}
	}
	same, err := equalPlans(*last, p)
	if err == nil && !same && last.Revert == p.Revert {
		return false, &PlanError{"the journal of run " + p.Run + " holds another plan"}
	}
	return same, err
}

// equalPlans compares plans as they stand in JSON.
func equalPlans(a, b Plan) (bool, error) {
	x, err := json.Marshal(a)
	if err != nil {
		return false, fmt.Errorf("write the plan as JSON: %w", err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		return false, fmt.Errorf("write the plan as JSON: %w", err)
	}
	return bytes.Equal(x, y), nil
}
