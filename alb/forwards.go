package alb

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// forwards tells, for each target group, the load balancers of which a rule sends it requests.
type forwards map[string][]string

// readForwards reads every rule of every load balancer that the groups belong to. That a group belongs to a load balancer
// is not enough: a rule may give it the weight 0.
func (c *Client) readForwards(ctx context.Context, groups []types.TargetGroup) (forwards, error) {
	var balancers []string
	for _, g := range groups {
		for _, lb := range g.LoadBalancerArns {
			if !slices.Contains(balancers, lb) {
				balancers = append(balancers, lb)
			}
		}
	}
	found := forwards{}
	for _, lb := range balancers {
		listeners, err := c.readListeners(ctx, lb)
		if err != nil {
			return nil, err
		}
		for _, l := range listeners {
			if err := c.readRules(ctx, lb, aws.ToString(l.ListenerArn), found); err != nil {
				return nil, err
			}
		}
	}
	return found, nil
}

func (c *Client) readListeners(ctx context.Context, balancer string) ([]types.Listener, error) {
	in := elb.DescribeListenersInput{LoadBalancerArn: &balancer}
	var found []types.Listener
	for {
		var out *elb.DescribeListenersOutput
		attempt := "describe the listeners of " + balancer
		err := c.call(ctx, attempt, func(ctx context.Context) (err error) {
			out, err = c.elb.DescribeListeners(ctx, &in)
			return err
		})
		if err != nil {
			return nil, err
		}
		if out.Listeners == nil {
			return nil, empty(attempt)
		}
		found = append(found, out.Listeners...)
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			return found, nil
		}
	}
}

// readRules notes what the rules of one listener forward to; the default action is a rule too.
func (c *Client) readRules(ctx context.Context, balancer, listener string, found forwards) error {
	in := elb.DescribeRulesInput{ListenerArn: &listener}
	for {
		var out *elb.DescribeRulesOutput
		attempt := fmt.Sprintf("describe the rules of %s", listener)
		err := c.call(ctx, attempt, func(ctx context.Context) (err error) {
			out, err = c.elb.DescribeRules(ctx, &in)
			return err
		})
		if err != nil {
			return err
		}
		if out.Rules == nil {
			return empty(attempt)
		}
		for _, r := range out.Rules {
			found.note(balancer, r)
		}
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			return nil
		}
	}
}

func (f forwards) note(balancer string, r types.Rule) {
	for _, a := range r.Actions {
		if a.Type != types.ActionTypeEnumForward {
			continue
		}
		if a.ForwardConfig == nil || len(a.ForwardConfig.TargetGroups) == 0 {
			f.add(balancer, aws.ToString(a.TargetGroupArn))
			continue
		}
		for _, g := range a.ForwardConfig.TargetGroups {
			if g.Weight == nil || *g.Weight > 0 {
				f.add(balancer, aws.ToString(g.TargetGroupArn))
			}
		}
	}
}

func (f forwards) add(balancer, group string) {
	if !slices.Contains(f[group], balancer) {
		f[group] = append(f[group], balancer)
	}
}
