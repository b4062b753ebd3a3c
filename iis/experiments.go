package iis

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"iiscanary/iis/agent"
)

// Experiments ask open questions on one server. What is tried on IIS is tried on a throw-away site of its own, on 127.0.0.1 and a
// free port; the app's slots are never touched. The lease must be held, so that no run is beside it.
type Experiments struct {
	fleet *Fleet
	host  *host
	id    string
}

// Finding is what came out of one question.
type Finding struct {
	Question Question
	Observed map[string]any // strings, bools, float64s and lists of these
	Answer   Answer
	Why      string // for any answer but [AsExpected]
	Err      error  // the server could not be asked, or did not answer; nil: it did
	Took     time.Duration
}

// Cleaned is what was removed, and what could not be.
type Cleaned struct {
	Removed  []string
	Warnings []string
}

const (
	// experimentLimit is more than the waits of an experiment together when something goes wrong.
	experimentLimit = 3 * time.Minute
	// ExperimentLife is the life of a lease under which experiments run: longer than the longest one.
	ExperimentLife = experimentLimit + 2*time.Minute
)

// Experiments prepares to ask a server. Nothing is sent.
func (f *Fleet) Experiments(server string) (*Experiments, error) {
	h, err := f.host(server)
	if err != nil {
		return nil, err
	}
	return &Experiments{fleet: f, host: h, id: strings.ToLower(rand.Text()[:8])}, nil
}

// Site is the name of the throw-away site, of its pool and of its folder.
func (e *Experiments) Site() string { return "iis-canary-probe-" + e.id }

// ID is the part of that name that no other probe has.
func (e *Experiments) ID() string { return e.id }

// Ask tries to find one answer. Whatever happens is in the finding.
func (e *Experiments) Ask(ctx context.Context, q Question) Finding {
	ctx, cancel := context.WithTimeoutCause(ctx, experimentLimit, fmt.Errorf("no end after %s", experimentLimit))
	defer cancel()
	began := time.Now()
	observed, err := e.try(ctx, q.ID)
	f := Finding{Question: q, Observed: observed, Took: time.Since(began)}
	if f.Observed == nil {
		f.Observed = map[string]any{}
	}
	if err != nil {
		f.Answer, f.Why, f.Err = CouldNotTell, err.Error(), err
		if _, is := errors.AsType[hindrance](err); is {
			f.Err = nil
		}
		return f
	}
	f.Answer, f.Why = q.Judge(f.Observed)
	return f
}

// hindrance is why a server that was asked could not tell.
type hindrance string

func (h hindrance) Error() string { return string(h) }

// try makes one experiment. What was seen before an error comes with it.
func (e *Experiments) try(ctx context.Context, id string) (map[string]any, error) {
	if own, is := e.channelTrials()[id]; is {
		observed := map[string]any{}
		err := own(ctx, observed)
		return observed, err
	}
	var r agent.ExperimentResult
	if err := e.fleet.change(ctx, e.host.name, e.operation(id), &r); err != nil {
		return nil, err
	}
	if r.Hindrance != "" {
		return r.Observed, hindrance(r.Hindrance)
	}
	return r.Observed, nil
}

// operation ends later than the context of [Experiments.Ask]: one that hangs is given up, and the server is not taken for dead.
func (e *Experiments) operation(name string) operation {
	return operation{name: "experiment", args: e.args(name), limit: experimentLimit + time.Minute}
}

func (e *Experiments) args(name string) agent.ExperimentArgs {
	o := e.fleet.options
	return agent.ExperimentArgs{App: o.App, Root: o.Root, ID: e.id, Name: name}
}

// Clean removes this probe's throw-away site and everything that earlier ones have left.
func (e *Experiments) Clean(ctx context.Context) (Cleaned, error) {
	var r agent.PruneResult
	if err := e.fleet.change(ctx, e.host.name, e.operation("clean"), &r); err != nil {
		return Cleaned{}, err
	}
	return Cleaned(r), nil
}
