package canary

import (
	"context"
	"fmt"
	"time"
)

// Warm asks whether a started slot answers as users will expect it to: a first request with a long budget, then a
// series in which every request is fast and right and one worker process answers them all.
type Warm struct {
	Server  string `json:"server"`
	Slot    string `json:"slot"`
	Version string `json:"version,omitempty"` // expected in WarmSpec.Header; empty: not looked at
	// Patient passes a slot that answers rightly but never fast, after all tries: one that served before the run.
	Patient bool `json:"patient,omitempty"`
	WarmSpec
}

// Kind is "warm".
func (Warm) Kind() string { return "warm" }

// Describe names the slot, the path and the limit.
func (a Warm) Describe() string {
	return fmt.Sprintf("warm %s on %s: %d requests to %s, each under %s", a.Slot, a.Server, a.Requests, a.Path, a.Under)
}

// Budget covers every series with every request at its own limit.
func (a Warm) Budget() time.Duration {
	series := a.First + time.Duration(a.Requests)*a.each() + a.pause()
	return time.Duration(a.tries())*series + slack
}

func (a Warm) tries() int {
	if a.Tries <= 0 {
		return 3
	}
	return a.Tries
}

// each is the budget of a later request: long enough to see how slow it is.
func (a Warm) each() time.Duration { return max(a.First/10, 2*a.Under) }

// pause is the rest between two series, in which an application may compile.
func (a Warm) pause() time.Duration { return max(a.First/100, time.Millisecond) }

// Ask runs series until one is right and fast. It fails with the numbers of the last series; an error of the host is
// an error, never a verdict.
func (a Warm) Ask(ctx context.Context, w World) (Verdict, error) {
	p := Probe{Slot: a.Slot, Path: a.Path, Host: a.Host, First: a.First, Each: a.each(), Requests: a.Requests, Header: a.Header}
	var miss miss
	for try := 1; ; try++ {
		answers, err := w.Probe(ctx, a.Server, p)
		if err != nil {
			return Verdict{}, fmt.Errorf("probe: %w", err)
		}
		if miss = a.judge(answers); miss.why == "" {
			return Verdict{Answer: Pass, Reason: fmt.Sprintf("%d requests under %s, slowest %s, in series %d", a.Requests, a.Under, slowest(answers), try)}, nil
		}
		if try == a.tries() {
			break
		}
		if err := w.Wait(ctx, a.pause()); err != nil {
			return Verdict{}, err
		}
	}
	if a.Patient && miss.slow {
		return Verdict{Answer: Pass, Reason: fmt.Sprintf("right but never under %s in %d series, as before the run: %s", a.Under, a.tries(), miss.why)}, nil
	}
	return Verdict{Answer: Fail, Reason: fmt.Sprintf("not warm after %d series: %s", a.tries(), miss.why)}, nil
}

// miss is why a series does not count; slow, when its answers were right but took too long.
type miss struct {
	why  string
	slow bool
}

// judge finds the first thing wrong with a series; being slow counts as the least of them.
func (a Warm) judge(answers []Answered) miss {
	var late miss
	fast := 0
	for i, r := range answers {
		if why := a.wrong(r, answers[0].Worker); why != "" {
			return miss{why: fmt.Sprintf("request %d of %d: %s", i+1, a.Requests+1, why)}
		}
		switch {
		case i == 0:
		case r.Took < a.Under:
			fast++
		default:
			late = miss{why: fmt.Sprintf("request %d of %d took %s", i+1, a.Requests+1, r.Took.Round(time.Millisecond)), slow: true}
		}
	}
	if len(answers) != a.Requests+1 {
		return miss{why: fmt.Sprintf("%d answers to %d requests", len(answers), a.Requests+1)}
	}
	if late.slow {
		late.why = fmt.Sprintf("%d of %d under %s, %s", fast, a.Requests, a.Under, late.why)
	}
	return late
}

// wrong says what is wrong with one answer other than its time.
func (a Warm) wrong(r Answered, worker int) string {
	switch {
	case r.Status == 0:
		return "no answer: " + r.Err
	case r.Status != a.Status && r.Err != "":
		return fmt.Sprintf("status %d, not %d: %s", r.Status, a.Status, r.Err)
	case r.Status != a.Status:
		return fmt.Sprintf("status %d, not %d", r.Status, a.Status)
	case a.Header != "" && a.Version != "" && r.Version != a.Version:
		return fmt.Sprintf("%s says %q, not %q", a.Header, r.Version, a.Version)
	case r.Worker == 0:
		return "no worker process"
	case r.Worker != worker:
		return fmt.Sprintf("worker process %d, the first was %d: the pool recycled", r.Worker, worker)
	}
	return ""
}

// slowest is the longest time of a series, its first request left out.
func slowest(answers []Answered) time.Duration {
	var most time.Duration
	for _, r := range answers[1:] {
		most = max(most, r.Took)
	}
	return most.Round(time.Millisecond)
}
