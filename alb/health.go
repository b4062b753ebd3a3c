package alb

import (
	"context"
	"time"

	"iiscanary/canary"
)

// Health reads the state of exactly these targets, in their order. All callers of one poll share one DescribeTargetHealth
// for each group; the reading is at most Options.Poll old and never older than this client's last write to the group. A
// target that its group no longer lists is unused. Words that the API may add later pass through.
//
// When nothing can be known the error wraps [canary.ErrUnreachable].
func (c *Client) Health(ctx context.Context, targets []canary.Target) ([]canary.TargetHealth, error) {
	if len(targets) == 0 {
		return nil, nil
	}
	shares, err := c.shares(targets)
	if err != nil {
		return nil, err
	}
	readings := map[string]listing{}
	for _, s := range shares {
		if readings[s.arn], err = s.health.get(ctx, time.Time{}); err != nil {
			return nil, err
		}
	}
	out := make([]canary.TargetHealth, len(targets))
	for i, t := range targets {
		out[i] = readings[t.Group].state(t)
	}
	return out, nil
}
