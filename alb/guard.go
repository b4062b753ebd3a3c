package alb

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"iiscanary/canary"
)

// Guard has ask called before each attempt of a registration or a deregistration, repetitions among them: AWS knows of nobody who
// may have taken the servers over meanwhile. It is asked about targets as they were named. An error of it ends the operation. Guard is
// set before the operations that it is for.
func (c *Client) Guard(ask func(ctx context.Context, targets []canary.Target) error) { c.guard = ask }

// guarded asks before each attempt.
type guarded struct {
	aws.RetryerV2
	ask     func(ctx context.Context, targets []canary.Target) error
	targets []canary.Target
}

// GetAttemptToken waits for the attempt's turn, and then asks.
func (g guarded) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	release, err := g.RetryerV2.GetAttemptToken(ctx)
	if err != nil {
		return nil, err
	}
	if err := g.ask(ctx, g.targets); err != nil {
		return nil, errors.Join(err, release(err))
	}
	return release, nil
}

// asWrite makes an operation count against the limit of writes, under the guard.
func (c *Client) asWrite(targets []canary.Target) func(*elb.Options) {
	return func(o *elb.Options) {
		o.Retryer = c.writes
		if c.guard != nil {
			o.Retryer = guarded{c.writes, c.guard, targets}
		}
	}
}
