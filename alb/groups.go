package alb

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"iiscanary/canary"
)

// findGroups describes the configured groups, in their order, each once.
func (c *Client) findGroups(ctx context.Context) ([]types.TargetGroup, error) {
	var names, arns []string
	for _, g := range c.options.Groups {
		switch {
		case !strings.HasPrefix(g, "arn:"):
			names = append(names, g)
		case regionOf(g) != c.region:
			return nil, &ElsewhereError{Group: groupName(g), Kind: "region", Has: regionOf(g), Want: c.region}
		default:
			arns = append(arns, g)
		}
	}
	var found []types.TargetGroup
	for _, in := range []elb.DescribeTargetGroupsInput{{Names: names}, {TargetGroupArns: arns}} {
		if in.Names == nil && in.TargetGroupArns == nil {
			continue
		}
		part, err := c.describeGroups(ctx, in)
		if _, missing := errors.AsType[*NotFoundError](err); missing {
			return nil, c.notFound(ctx)
		}
		if err != nil {
			return nil, err
		}
		found = append(found, part...)
	}
	return c.ordered(found)
}

// ordered puts groups into the order of the configuration; one that is missing from the answer is an error.
func (c *Client) ordered(found []types.TargetGroup) ([]types.TargetGroup, error) {
	var out []types.TargetGroup
	for _, asked := range c.options.Groups {
		i := slices.IndexFunc(found, func(g types.TargetGroup) bool { return is(g, asked) })
		if i < 0 {
			return nil, &NotFoundError{Name: groupName(asked), Region: c.region, Nearest: nearest(groupName(asked), namesOf(found))}
		}
		if !slices.ContainsFunc(out, func(g types.TargetGroup) bool { return is(g, aws.ToString(found[i].TargetGroupArn)) }) {
			out = append(out, found[i])
		}
	}
	return out, nil
}

func is(g types.TargetGroup, asked string) bool {
	return aws.ToString(g.TargetGroupArn) == asked || aws.ToString(g.TargetGroupName) == asked
}

func namesOf(groups []types.TargetGroup) []string {
	out := make([]string, len(groups))
	for i, g := range groups {
		out[i] = aws.ToString(g.TargetGroupName)
	}
	return out
}

// notFound lists every group there is, to tell which one is missing and what it may have been meant to be.
func (c *Client) notFound(ctx context.Context) error {
	all, err := c.describeGroups(ctx, elb.DescribeTargetGroupsInput{})
	if err != nil {
		return err
	}
	if _, err := c.ordered(all); err != nil {
		return err
	}
	return errors.New("the target groups were not found at first, and then were: try again")
}

func (c *Client) describeGroups(ctx context.Context, in elb.DescribeTargetGroupsInput) ([]types.TargetGroup, error) {
	var found []types.TargetGroup
	for {
		var out *elb.DescribeTargetGroupsOutput
		const attempt = "describe the target groups"
		err := c.call(ctx, attempt, func(ctx context.Context) (err error) {
			out, err = c.elb.DescribeTargetGroups(ctx, &in)
			return err
		})
		if err != nil {
			return nil, err
		}
		if out.TargetGroups == nil {
			return nil, empty(attempt)
		}
		found = append(found, out.TargetGroups...)
		if in.Marker = out.NextMarker; aws.ToString(in.Marker) == "" {
			return found, nil
		}
	}
}

// describe is a group in the words of the domain.
func describe(g types.TargetGroup, attributes settings, balancers []string) canary.Group {
	seconds := func(n *int32) time.Duration { return time.Duration(aws.ToInt32(n)) * time.Second }
	matcher, isHTTP := "", false
	if g.Matcher != nil {
		matcher = aws.ToString(g.Matcher.HttpCode)
		isHTTP = matcher != ""
		if matcher == "" {
			matcher = aws.ToString(g.Matcher.GrpcCode)
		}
	}
	algorithm := attributes["load_balancing.algorithm.type"]
	if algorithm == "" {
		algorithm = "round_robin"
	}
	return canary.Group{
		ARN:           aws.ToString(g.TargetGroupArn),
		Name:          aws.ToString(g.TargetGroupName),
		Type:          string(g.TargetType),
		Delay:         attributes.delay(),
		Interval:      seconds(g.HealthCheckIntervalSeconds),
		Timeout:       seconds(g.HealthCheckTimeoutSeconds),
		HealthyAfter:  int(aws.ToInt32(g.HealthyThresholdCount)),
		UnhealthyAt:   int(aws.ToInt32(g.UnhealthyThresholdCount)),
		SlowStart:     attributes.seconds("slow_start.duration_seconds", 0),
		Algorithm:     algorithm,
		CheckPath:     aws.ToString(g.HealthCheckPath),
		CheckMatcher:  matcher,
		CheckHTTP:     isHTTP && aws.ToString(g.HealthCheckPort) == "traffic-port",
		LoadBalancers: balancers,
	}
}

// regionOf is the region in an ARN.
func regionOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[3]
}
