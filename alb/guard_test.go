package alb

import (
	"context"
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/google/go-cmp/cmp"

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

// A group may list a server's target in other words than it was recorded in: who is asked about it is the same.
func TestTheGuardIsAskedAboutTheTargetsThatWereNamed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	listed := in(web, "10.1.0.7", 443, canary.Healthy)
	listed.Zone = "eu-west-1a"
	s.on("DescribeTargetHealth", lists(listed, in(web, "10.1.0.8", 443, canary.Healthy)))
	client, named := s.client(), at("10.1.0.7", 443)
	var asked [][]canary.Target
	client.Guard(func(_ context.Context, targets []canary.Target) error {
		asked = append(asked, targets)
		return nil
	})
	err := client.Deregister(t.Context(), []canary.Target{named}, 1)
	if _, is := errors.AsType[*IneffectiveError](err); !is {
		t.Errorf("it ends as %v", err)
	}
	if want := [][]canary.Target{{named}, {named}}; !cmp.Equal(asked, want) {
		t.Errorf("asked about %v, want %v", asked, want)
	}
}

// turns is a retryer that says when an attempt has its turn, and when that is over.
type turns struct {
	aws.RetryerV2
	said *[]string
}

func (r turns) GetAttemptToken(context.Context) (func(error) error, error) {
	*r.said = append(*r.said, "turn")
	return func(error) error { *r.said = append(*r.said, "over"); return nil }, nil
}

// Writes wait for each other, for seconds in a large fleet: what was true before that wait says nothing about the write.
func TestTheGuardIsAskedOnceTheWriteHasItsTurn(t *testing.T) {
	t.Parallel()
	for _, no := range []error{nil, canary.ErrTaken} {
		var said []string
		g := guarded{turns{said: &said}, func(context.Context, []canary.Target) error { said = append(said, "asked"); return no }, nil}
		release, err := g.GetAttemptToken(t.Context())
		if !errors.Is(err, no) {
			t.Errorf("it ends as %v, want %v", err, no)
		}
		if err == nil {
			_ = release(nil) // it has no error
		}
		if want := []string{"turn", "asked", "over"}; !cmp.Equal(said, want) {
			t.Errorf("answered %v: %v, want %v", no, said, want)
		}
	}
}
