package canary

import (
	"errors"
	"fmt"
	"time"
)

// ErrStopped says that the run was asked to stop and did: no server is in hand, and the run can be taken up again.
var ErrStopped = errors.New("stopped before the plan was at its end")

// RefusedError says that a question was answered with no: the release is not good enough.
type RefusedError struct {
	Step    Step
	Verdict Verdict
}

func (e *RefusedError) Error() string {
	return e.Step.Action.Describe() + ": fail, " + e.Verdict.Reason
}

// HeldError says that a question could not be answered, and that its policy is to leave everything as it is.
type HeldError struct {
	Step    Step
	Verdict Verdict
}

func (e *HeldError) Error() string { return e.Step.Action.Describe() + ": unsure: " + e.Verdict.Reason }

// StepError says that a step broke.
type StepError struct {
	Step Step
	Err  error
}

func (e *StepError) Error() string { return e.Step.Action.Describe() + ": " + e.Err.Error() }

// Unwrap is why it broke.
func (e *StepError) Unwrap() error { return e.Err }

// ExplainedError is why a step broke, with what the servers themselves say about it.
type ExplainedError struct {
	Err   error
	Words string
}

func (e *ExplainedError) Error() string { return e.Err.Error() + "; " + e.Words }

// Unwrap is why it broke.
func (e *ExplainedError) Unwrap() error { return e.Err }

// HungError is why a step broke that did not end within its budget.
type HungError struct{ After time.Duration }

func (e *HungError) Error() string { return fmt.Sprintf("hung: no end after %s", e.After) }

// NotSeenError is why a change broke that reported success, and that a look did not find.
type NotSeenError struct{ State State }

func (e *NotSeenError) Error() string {
	return fmt.Sprintf("reported done, and is not: found %s", e.State)
}

// JournalError says that an event could not be written. Nothing more was done after it.
type JournalError struct{ Err error }

func (e *JournalError) Error() string { return "write the journal: " + e.Err.Error() }

// Unwrap is why it could not be written.
func (e *JournalError) Unwrap() error { return e.Err }

// PlanError says that a plan was not begun. Nothing was touched.
type PlanError struct{ Why string }

func (e *PlanError) Error() string { return "plan refused: " + e.Why }
