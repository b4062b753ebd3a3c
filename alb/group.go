package alb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"iiscanary/canary"
)

// settingsAge is how long a group's attributes are taken as read; somebody may change them in the middle of a roll.
const settingsAge = time.Minute

// group is one target group as this client sees it.
type group struct {
	client   *Client
	arn      string
	name     string
	written  atomic.Pointer[time.Time] // when the last write of this client began or returned
	health   *shared[listing]
	settings *shared[settings]
}

// group returns the one view of a target group that all goroutines share.
func (c *Client) group(arn string) *group {
	c.mu.Lock()
	defer c.mu.Unlock()
	g, known := c.groups[arn]
	if !known {
		g = &group{client: c, arn: arn, name: groupName(arn)}
		g.health = newShared(c.options.Poll, g.lastWrite, g.readHealth)
		g.settings = newShared(settingsAge, func() time.Time { return time.Time{} }, g.readSettings)
		c.groups[arn] = g
	}
	return g
}

// groupName is the name in an ARN such as arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-443/0123456789abcdef.
func groupName(arn string) string {
	_, rest, found := strings.Cut(arn, ":targetgroup/")
	if !found {
		return arn
	}
	name, _, _ := strings.Cut(rest, "/")
	return name
}

func (g *group) lastWrite() time.Time {
	if t := g.written.Load(); t != nil {
		return *t
	}
	return time.Time{}
}

func (g *group) noteWrite() {
	now := time.Now()
	g.written.Store(&now)
}

// readHealth lists the whole group in one call. An answer without a list is not an empty group.
func (g *group) readHealth(ctx context.Context) (listing, error) {
	var out *elb.DescribeTargetHealthOutput
	attempt := "read the health of " + g.name
	err := g.client.call(ctx, attempt, func(ctx context.Context) (err error) {
		out, err = g.client.elb.DescribeTargetHealth(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &g.arn})
		return err
	})
	if err != nil {
		return nil, g.named(err)
	}
	if out.TargetHealthDescriptions == nil {
		return nil, empty(attempt)
	}
	return listed(g.arn, out.TargetHealthDescriptions), nil
}

// empty is for an answer with status 200 and nothing in it; the SDK takes it for a success.
func empty(attempt string) error {
	return unreachable(attempt, "the answer is empty, something else than the AWS API seems to be at that address", errors.New("empty answer"))
}

// named fills in which group was not found.
func (g *group) named(err error) error {
	if _, is := errors.AsType[*NotFoundError](err); is {
		return &NotFoundError{Name: g.name}
	}
	return err
}

func (g *group) register(ctx context.Context, targets []canary.Target) error {
	return g.write(ctx, fmt.Sprintf("register %s in %s", tuples(targets), g.name), func(ctx context.Context) error {
		_, err := g.client.elb.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &g.arn, Targets: described(targets)}, g.client.asWrite(targets))
		return err
	})
}

func (g *group) write(ctx context.Context, attempt string, operation func(context.Context) error) error {
	g.noteWrite()
	defer g.noteWrite()
	return g.named(g.client.call(ctx, attempt, operation))
}

// share is the targets of one server in one group.
type share struct {
	*group
	targets []canary.Target
}

// deregister takes targets out by these tuples. They are the share's own, though the group may list them in other words.
func (s share) deregister(ctx context.Context, tupled []canary.Target) error {
	return s.write(ctx, fmt.Sprintf("deregister %s from %s", tuples(tupled), s.name), func(ctx context.Context) error {
		_, err := s.client.elb.DeregisterTargets(ctx, &elb.DeregisterTargetsInput{TargetGroupArn: &s.arn, Targets: described(tupled)}, s.client.asWrite(s.targets))
		return err
	})
}

// shares splits targets by group, in the order in which the groups first occur.
func (c *Client) shares(targets []canary.Target) ([]share, error) {
	if len(targets) == 0 {
		return nil, errors.New("no targets are named")
	}
	var out []share
	place := map[string]int{}
	for _, t := range targets {
		if t.Group == "" || t.ID == "" || t.Port < 1 || t.Port > 65535 {
			return nil, fmt.Errorf("target %s in group %q is incomplete: group, id and port are needed exactly as they were listed", tuple(t), t.Group)
		}
		i, known := place[t.Group]
		if !known {
			i = len(out)
			place[t.Group] = i
			out = append(out, share{group: c.group(t.Group)})
		}
		out[i].targets = append(out[i].targets, t)
	}
	return out, nil
}

// truth adds to the outcomes of a write what the groups list now, as far as it can be read.
func truth(ctx context.Context, attempt string, shares []share, outcomes []Outcome) error {
	failed := &PartialError{Attempt: attempt, Outcomes: outcomes}
	errs := failed.Unwrap()
	if len(errs) == 0 {
		return nil
	}
	if len(outcomes) == 1 {
		return errs[0]
	}
	for i, s := range shares {
		if i >= len(outcomes) || errors.Is(outcomes[i].Err, canary.ErrUnreachable) {
			continue
		}
		if l, err := s.health.get(ctx, s.lastWrite()); err == nil {
			failed.Outcomes[i].Now = l.states(s.targets)
		}
	}
	return failed
}
