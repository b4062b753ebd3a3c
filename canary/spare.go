package canary

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Spare asks whether a server may leave rotation now.
type Spare struct {
	Server  string        `json:"server"`
	Targets []Target      `json:"targets"`
	Floor   int           `json:"floor"` // other healthy targets that must remain in each group
	Wait    time.Duration `json:"wait"`  // how long to wait for spare capacity
	Poll    time.Duration `json:"poll"`
}

// Kind is "spare".
func (Spare) Kind() string { return "spare" }

// Describe names the server and the floor.
func (a Spare) Describe() string {
	return fmt.Sprintf("check that %s can be spared: %s", a.Server, others(a.Floor))
}

// Budget is the wait, and some slack.
func (a Spare) Budget() time.Duration { return a.Wait + slack }

// Ask passes as soon as the server can be spared. It is unsure, with the balancer's arithmetic, when Wait has passed
// without that.
func (a Spare) Ask(ctx context.Context, w World) (Verdict, error) {
	err := untilSpare(ctx, w, a.Wait, a.Poll, func() error { return w.Spare(ctx, a.Targets, a.Floor) })
	if full, ok := errors.AsType[*NoSpareError](err); ok {
		return Verdict{Answer: Unsure, Reason: fmt.Sprintf("%s cannot be spared after %s: %s", a.Server, a.Wait, full)}, nil
	}
	if err != nil {
		return Verdict{}, err
	}
	return Verdict{Answer: Pass, Reason: fmt.Sprintf("%s can be spared: at least %s", a.Server, others(a.Floor))}, nil
}

// others is so many servers that stay healthy, in words.
func others(n int) string {
	if n == 1 {
		return "1 other stays healthy"
	}
	return fmt.Sprintf("%d others stay healthy", n)
}
