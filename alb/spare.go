package alb

import (
	"context"
	"time"

	"iiscanary/canary"
)

// Spare returns nil when the server behind these targets may leave now: in each of their groups at least floor other
// servers are healthy and the group's own target_group_health thresholds hold afterwards. A server that is not healthy in a
// group costs it nothing. Servers that this client is taking out at the same time do not count. The error is a
// *[canary.NoSpareError], or says why nothing can be known.
func (c *Client) Spare(ctx context.Context, targets []canary.Target, floor int) error {
	shares, err := c.shares(targets)
	if err != nil {
		return err
	}
	return c.spare(ctx, shares, floor, time.Time{})
}

// spare judges readings that began at since or later; zero: shared ones.
func (c *Client) spare(ctx context.Context, shares []share, floor int, since time.Time) error {
	for _, s := range shares {
		l, err := s.health.get(ctx, since)
		if err != nil {
			return err
		}
		attributes, err := s.settings.get(ctx, time.Time{})
		if err != nil {
			return err
		}
		if err := l.spare(s, c.markedExcept(s.targets), floor, attributes); err != nil {
			return err
		}
	}
	return nil
}

// spare counts who is healthy in a group now, and who would be left. Under min_healthy a server with several ports counts
// once, and only when it is healthy on all of them; the group's own thresholds count targets.
func (l listing) spare(s share, leaving []canary.Target, floor int, attributes settings) error {
	var now, left, registered int
	costs := false
	serving := map[string]bool{}
	for _, h := range l {
		mine := contains(s.targets, h.Target) || isInstance(h.ID) && hasID(s.targets, h.ID)
		if !h.In() || !mine && contains(leaving, h.Target) {
			continue
		}
		healthy := h.State == canary.Healthy
		if healthy {
			now++
		}
		if mine {
			costs = costs || healthy
			continue
		}
		registered++
		if healthy {
			left++
		}
		id := server(h.Target)
		whole, seen := serving[id]
		serving[id] = healthy && (whole || !seen)
	}
	if !costs {
		return nil
	}
	if n := countTrue(serving); n < floor {
		return &canary.NoSpareError{Group: s.name, Healthy: now, Left: n, Need: floor, Why: "min_healthy"}
	}
	for _, t := range attributes.thresholds(registered) {
		if left < t.need {
			return &canary.NoSpareError{Group: s.name, Healthy: now, Left: left, Need: t.need, Why: t.name}
		}
	}
	return nil
}

// server identifies who is behind a target. Behind one address there may be several servers, told apart by port.
func server(t canary.Target) string {
	if isInstance(t.ID) {
		return t.ID
	}
	return tuple(t)
}

func countTrue(m map[string]bool) int {
	n := 0
	for _, yes := range m {
		if yes {
			n++
		}
	}
	return n
}
