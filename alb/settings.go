package alb

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// settings is a group's attributes, as DescribeTargetGroupAttributes words them.
type settings map[string]string

func (g *group) readSettings(ctx context.Context) (settings, error) {
	var out *elb.DescribeTargetGroupAttributesOutput
	attempt := "read the attributes of " + g.name
	err := g.client.call(ctx, attempt, func(ctx context.Context) (err error) {
		out, err = g.client.elb.DescribeTargetGroupAttributes(ctx, &elb.DescribeTargetGroupAttributesInput{TargetGroupArn: &g.arn})
		return err
	})
	if err != nil {
		return nil, g.named(err)
	}
	if out.Attributes == nil {
		return nil, empty(attempt)
	}
	read := settings{}
	for _, a := range out.Attributes {
		read[aws.ToString(a.Key)] = aws.ToString(a.Value)
	}
	return read, nil
}

// seconds is an attribute in seconds, or fallback where it is missing or no number.
func (s settings) seconds(key string, fallback time.Duration) time.Duration {
	n, err := strconv.Atoi(s[key])
	if err != nil {
		return fallback
	}
	return time.Duration(n) * time.Second
}

// delay is how long a target drains; AWS's default is 300 s.
func (s settings) delay() time.Duration {
	return s.seconds("deregistration_delay.timeout_seconds", 5*time.Minute)
}

// warnings says what about a group makes rolling it harder.
func (s settings) warnings(group string) []string {
	var out []string
	say := func(format string, a ...any) { out = append(out, group+": "+fmt.Sprintf(format, a...)) }
	if s.delay() == 0 {
		say("the deregistration delay is 0, requests in flight are cut when a server leaves")
	}
	if s["stickiness.enabled"] == "true" {
		say("sticky sessions are on, users of a drained server move to another and a returned server gets few requests at first")
	}
	if s["load_balancing.algorithm.anomaly_mitigation"] == "on" {
		say("anomaly mitigation is on, the load balancer itself may starve a bad canary and hide its errors")
	}
	if s["load_balancing.cross_zone.enabled"] == "false" {
		say("cross-zone balancing is off, each zone needs healthy servers of its own, which min_healthy does not count")
	}
	return out
}

// threshold is the least number of healthy targets that a group asks for.
type threshold struct {
	name string // the attribute
	need int
}

// thresholds reads the target_group_health attributes for a group that has so many registered targets left. A percentage
// is of the registered ones, which a roll itself makes fewer. Source: "Target group health" in the guide for Application
// Load Balancers.
func (s settings) thresholds(registered int) []threshold {
	var out []threshold
	for _, of := range []string{"unhealthy_state_routing", "dns_failover"} {
		prefix := "target_group_health." + of + ".minimum_healthy_targets."
		if n, err := strconv.Atoi(s[prefix+"count"]); err == nil {
			out = append(out, threshold{prefix + "count", n})
		}
		percent, err := strconv.ParseFloat(strings.TrimSuffix(s[prefix+"percentage"], "%"), 64)
		if err == nil && percent >= 0 && percent <= 100 {
			out = append(out, threshold{prefix + "percentage", int(math.Ceil(percent*float64(registered)/100 - 1e-9))})
		}
	}
	return out
}
