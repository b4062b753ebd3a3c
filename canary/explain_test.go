package canary_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/canarytest"
)

// asked is what an Explain was asked.
type asked struct {
	steps []string
	began time.Time
}

func (a *asked) saying(words string) func(context.Context, canary.Step, time.Time) string {
	return func(_ context.Context, s canary.Step, began time.Time) string {
		a.steps, a.began = append(a.steps, s.ID), began
		return words
	}
}

func TestWhatAServerSaysAboutAFailureIsInTheErrorAndInTheJournal(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "start", Server: "web-01", Kind: canarytest.Fails})
		var a asked
		r, before := st.runner(), time.Now()
		r.Explain = a.saying("the pool was disabled")
		err := r.Run(st.t.Context(), st.plan)
		if !is[*canary.StepError](err) || !is[*canary.ExplainedError](err) || !strings.HasSuffix(err.Error(), "; the pool was disabled") {
			t.Errorf("it ends as %v", err)
		}
		if len(a.steps) != 1 || a.steps[0] != "wave1/web-01/start" || a.began.Before(before) || a.began.After(time.Now()) {
			t.Errorf("asked of %v, since %s", a.steps, a.began)
		}
		for e := range st.journal.Events() {
			if e.Type == canary.Broke && !strings.HasSuffix(e.Err, "; the pool was disabled") {
				t.Errorf("the journal has %q", e.Err)
			}
		}
	})
}

func TestWhatServersSayAboutARefusalIsInTheVerdict(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Verdict = func([]string) (canary.Verdict, error) {
			return canary.Verdict{Answer: canary.Fail, Reason: "31 of 612 bad"}, nil
		}
		r := st.runner()
		r.Explain = (&asked{}).saying("an exception")
		refused, is := errors.AsType[*canary.RefusedError](r.Run(st.t.Context(), st.plan))
		if !is || refused.Verdict.Reason != "31 of 612 bad; an exception" {
			t.Errorf("refused: %v", refused)
		}
	})
}

// A server that cannot be reached would only be waited for.
func TestAServerThatCannotBeReachedIsNotAsked(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "start", Server: "web-01", Kind: canarytest.Unreachable})
		var a asked
		r := st.runner()
		r.Explain = a.saying("words")
		if err := r.Run(st.t.Context(), st.plan); err == nil || len(a.steps) > 0 {
			t.Errorf("asked of %v, ends as %v", a.steps, err)
		}
	})
}

func TestARunThatWasGivenUpIsNotExplained(t *testing.T) {
	bubble(t, func(st *stage) {
		ctx, cancel := context.WithCancel(st.t.Context())
		var a asked
		r := st.runner()
		r.Explain = a.saying("words")
		r.Watch = func(e canary.Event) {
			if e.Type == canary.Began && e.Step == "wave1/web-01/start" {
				cancel()
			}
		}
		if err := r.Run(ctx, st.plan); err == nil || len(a.steps) > 0 {
			t.Errorf("asked of %v, ends as %v", a.steps, err)
		}
	})
}

// An explanation that hangs costs seconds, and the failure stays what it was.
func TestAnExplanationThatHangsDoesNotHoldTheWayBackUp(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Break(canarytest.Fault{Op: "start", Server: "web-01", Kind: canarytest.Fails})
		r := st.runner()
		var took time.Duration
		r.Explain = func(ctx context.Context, _ canary.Step, _ time.Time) string {
			began := time.Now()
			<-ctx.Done()
			took = time.Since(began)
			return ""
		}
		err := r.Run(st.t.Context(), st.plan)
		if !is[*canary.StepError](err) || is[*canary.ExplainedError](err) || took > 10*time.Second || took == 0 {
			t.Errorf("after %s it ends as %v", took, err)
		}
		st.world.Heal()
		st.must(st.revert())
		st.all(oldSlot)
	})
}

func TestAReleaseWithUsersIsNotKeptForAnExplanation(t *testing.T) {
	bubble(t, func(st *stage) {
		st.world.Verdict = func([]string) (canary.Verdict, error) {
			return canary.Verdict{Answer: canary.Fail, Reason: "31 of 612 bad"}, nil
		}
		r := st.runner()
		var took time.Duration
		r.Explain = func(ctx context.Context, _ canary.Step, _ time.Time) string {
			began := time.Now()
			<-ctx.Done()
			took = time.Since(began)
			return ""
		}
		if err := r.Run(st.t.Context(), st.plan); !is[*canary.RefusedError](err) || took > 3*time.Second || took == 0 {
			t.Errorf("after %s it ends as %v", took, err)
		}
	})
}
