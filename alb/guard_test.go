package alb

import (
	"context"
	"errors"
	"testing"

	"iiscanary/canary"
)

// Each write is asked for, also one that is only made because the one before had no effect or no answer.
func TestNothingIsWrittenOnceTheGuardSaysNo(t *testing.T) {
	t.Parallel()
	stays := func(s *service) {
		s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy), in(web, "i-2", 443, canary.Healthy)))
	}
	for name, c := range map[string]struct {
		action string
		answer answer
		write  func(context.Context, *Client) error
	}{
		"a deregistration without effect": {"DeregisterTargets", ok("DeregisterTargets", ""), func(ctx context.Context, c *Client) error {
			return c.Deregister(ctx, []canary.Target{at("i-1", 443)}, 1)
		}},
		"a deregistration without an answer": {"DeregisterTargets", failure(503, "ServiceUnavailable", "later"), func(ctx context.Context, c *Client) error {
			return c.Deregister(ctx, []canary.Target{at("i-1", 443)}, 1)
		}},
		"a registration without an answer": {"RegisterTargets", failure(503, "ServiceUnavailable", "later"), func(ctx context.Context, c *Client) error {
			return c.Register(ctx, []canary.Target{at("i-1", 443)})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			stays(s)
			s.on(c.action, c.answer)
			client, asked := s.client(), 0
			client.Guard(func(_ context.Context, targets []canary.Target) error {
				if asked++; len(targets) != 1 || targets[0].ID != "i-1" {
					t.Errorf("asked about %v", targets)
				}
				if asked > 1 {
					return canary.ErrTaken
				}
				return nil
			})
			if err := c.write(t.Context(), client); !errors.Is(err, canary.ErrTaken) {
				t.Errorf("it ends as %v", err)
			}
			if n := len(s.sent(c.action)); n != 1 || asked != 2 {
				t.Errorf("%d writes, asked %d times", n, asked)
			}
		})
	}
}
