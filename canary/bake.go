package canary

import (
	"context"
	"fmt"
	"time"
)

// Bake watches real users' requests on the new slot.
type Bake struct {
	New      string        `json:"new"` // the slot under judgement
	On       []string      `json:"on"`  // servers in rotation that run it at this gate
	For      time.Duration `json:"for"`
	AtMost   time.Duration `json:"at_most"`
	Poll     time.Duration `json:"poll"`
	OnUnsure string        `json:"on_unsure"` // "hold", "revert" or "continue"
}

// Kind is "bake".
func (Bake) Kind() string { return "bake" }

// Describe names the slot, on how many servers and for how long.
func (a Bake) Describe() string {
	servers := fmt.Sprintf("%d servers", len(a.On))
	if len(a.On) == 1 {
		servers = a.On[0]
	}
	return fmt.Sprintf("watch users of %s on %s for %s, at most %s", a.New, servers, a.For, a.longest())
}

// Budget is the longest watch with one last poll that hangs.
func (a Bake) Budget() time.Duration { return a.longest() + a.patience() + slack }

// WhenUnsure is OnUnsure; no word means hold.
func (a Bake) WhenUnsure() Doubt {
	if a.OnUnsure == "" {
		return DoubtHold
	}
	return Doubt(a.OnUnsure)
}

func (a Bake) longest() time.Duration { return max(a.For, a.AtMost) }

// patience bounds one poll, so that a source that hangs makes the answer unsure and not the run hung.
func (a Bake) patience() time.Duration { return max(30*time.Second, 3*a.Poll) }

// Ask polls the judge. Fail ends it at once. Pass counts when For has been watched, and the logs of that time have been
// seen where the judge says how far it saw. At AtMost the last answer stands; a pass that rests on nothing newer than the
// beginning of the watch is unsure. A poll that cannot be read is unsure.
func (a Bake) Ask(ctx context.Context, w World) (Verdict, error) {
	began := w.Now()
	sawUntil := func(v Verdict, t time.Time) bool { return v.Until.IsZero() || !v.Until.Before(t) }
	for {
		v, err := a.poll(ctx, w)
		if err != nil {
			return Verdict{}, err
		}
		watched := w.Now().Sub(began)
		if v.Answer == Fail || v.Answer == Pass && watched >= a.For && sawUntil(v, began.Add(a.For)) {
			return v, nil
		}
		if watched >= a.longest() {
			return a.last(v, sawUntil(v, began.Add(time.Nanosecond))), nil
		}
		if err := w.Wait(ctx, pace(a.Poll)); err != nil {
			return Verdict{}, err
		}
	}
}

// last is the answer when the time is over.
func (a Bake) last(v Verdict, fresh bool) Verdict {
	switch {
	case v.Answer == Pass && fresh:
		return v
	case v.Answer == Pass:
		v.Answer, v.Reason = Unsure, fmt.Sprintf("in %s no log of that time was seen", a.longest())
	default:
		v.Reason = fmt.Sprintf("no answer in %s: %s", a.longest(), v.Reason)
	}
	return v
}

// poll asks the judge once. Only the end of ctx is an error.
func (a Bake) poll(ctx context.Context, w World) (Verdict, error) {
	once, cancel := context.WithTimeout(ctx, a.patience())
	defer cancel()
	v, err := w.Judge(once, a.On)
	switch {
	case ctx.Err() != nil:
		return Verdict{}, context.Cause(ctx)
	case err != nil:
		return Verdict{Answer: Unsure, Reason: "could not be read: " + err.Error()}, nil
	case v.Answer != Pass && v.Answer != Fail:
		v.Answer = Unsure
	}
	return v, nil
}
