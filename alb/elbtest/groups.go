package elbtest

import (
	"encoding/base64"
	"slices"
	"strconv"
	"time"
)

type targetGroupXML struct {
	TargetGroupArn, TargetGroupName, Protocol, ProtocolVersion string
	Port                                                       int
	VpcID                                                      string `xml:"VpcId"`
	TargetType                                                 string
	IPAddressType                                              string `xml:"IpAddressType"`
	HealthCheckEnabled                                         bool
	HealthCheckProtocol, HealthCheckPort, HealthCheckPath      string
	HealthCheckIntervalSeconds, HealthCheckTimeoutSeconds      int
	HealthyThresholdCount, UnhealthyThresholdCount             int
	Matcher                                                    struct {
		HTTPCode string `xml:"HttpCode"`
	}
	LoadBalancerArns members[string]
}

type targetGroupList struct {
	TargetGroups members[targetGroupXML]
	NextMarker   string `xml:",omitempty"`
}

func (b *Balancer) describeTargetGroups(p params) (any, *failure) {
	arns, names := p.scalars("TargetGroupArns.member"), p.scalars("Names.member")
	arn, byBalancer := p["LoadBalancerArn"]
	if boolCount(len(arns) > 0, len(names) > 0, byBalancer) > 1 {
		return nil, invalid("Target group ARNs, target group names and a load balancer ARN cannot be specified at the " +
			"same time")
	}
	if problem := b.foreignARNs(arns, targetGroups()); problem != nil {
		return nil, problem
	}
	if byBalancer && arn != b.LoadBalancerARN() {
		return nil, b.balancerMissing(arn)
	}
	found := map[string]bool{}
	var all []targetGroupXML
	for _, g := range b.groups {
		found[g.arn], found[g.Name] = true, true
		if len(arns) > 0 && !slices.Contains(arns, g.arn) || len(names) > 0 && !slices.Contains(names, g.Name) ||
			byBalancer && g.NotInUse {
			continue
		}
		all = append(all, b.describeGroup(g))
	}
	for _, wanted := range slices.Concat(arns, names) {
		if !found[wanted] {
			return nil, &failure{400, "TargetGroupNotFound", "One or more target groups not found"}
		}
	}
	page, next, problem := paged(p, all, b.config.PageSize)
	return targetGroupList{members[targetGroupXML]{page}, next}, problem
}

func boolCount(flags ...bool) int {
	n := 0
	for _, set := range flags {
		if set {
			n++
		}
	}
	return n
}

func (b *Balancer) describeGroup(g *group) targetGroupXML {
	x := targetGroupXML{
		TargetGroupArn: g.arn, TargetGroupName: g.Name, Protocol: g.Protocol, ProtocolVersion: "HTTP1", Port: g.Port,
		VpcID: vpc, TargetType: g.Type, IPAddressType: "ipv4",
		HealthCheckEnabled: true, HealthCheckProtocol: g.Protocol, HealthCheckPort: "traffic-port",
		HealthCheckPath:            g.Path,
		HealthCheckIntervalSeconds: wholeSeconds(g.Interval), HealthCheckTimeoutSeconds: wholeSeconds(g.Timeout),
		HealthyThresholdCount: g.HealthyCount, UnhealthyThresholdCount: g.UnhealthyCount,
	}
	x.Matcher.HTTPCode = g.Matcher
	if !g.NotInUse {
		x.LoadBalancerArns.Member = []string{b.LoadBalancerARN()}
	}
	return x
}

// wholeSeconds rounds up, since the API knows no fractions.
func wholeSeconds(d time.Duration) int { return int((d + time.Second - 1) / time.Second) }

type attributeXML struct{ Key, Value string }

type attributeList struct {
	Attributes []attributeXML `xml:"Attributes>member"`
}

func (b *Balancer) describeTargetGroupAttributes(p params) (any, *failure) {
	g, problem := b.named(p)
	if problem != nil {
		return nil, problem
	}
	percent := "off"
	if g.MinHealthyPercent > 0 {
		percent = strconv.Itoa(g.MinHealthyPercent)
	}
	return attributeList{[]attributeXML{
		{"deregistration_delay.timeout_seconds", strconv.Itoa(wholeSeconds(g.Delay))},
		{"stickiness.enabled", "false"},
		{"stickiness.type", "lb_cookie"},
		{"stickiness.lb_cookie.duration_seconds", "86400"},
		{"slow_start.duration_seconds", strconv.Itoa(wholeSeconds(g.SlowStart))},
		{"load_balancing.algorithm.type", g.Algorithm},
		{"load_balancing.algorithm.anomaly_mitigation", "off"},
		{"load_balancing.cross_zone.enabled", "use_load_balancer_configuration"},
		{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", strconv.Itoa(g.MinHealthyCount)},
		{"target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", percent},
		{"target_group_health.dns_failover.minimum_healthy_targets.count", "1"},
		{"target_group_health.dns_failover.minimum_healthy_targets.percentage", "off"},
	}}, nil
}

// paged cuts a list at the caller's PageSize or ours, whichever is shorter.
func paged[T any](p params, all []T, longest int) ([]T, string, *failure) {
	size, problem := p.number("PageSize", 1, 400, longest)
	if problem != nil {
		return nil, "", problem
	}
	start := 0
	if marker, given := p["Marker"]; given {
		text, err := base64.StdEncoding.DecodeString(marker)
		n, errNumber := strconv.Atoi(string(text))
		if err != nil || errNumber != nil || n < 1 || n >= len(all) {
			return nil, "", invalid("The marker '%s' is not valid", marker)
		}
		start = n
	}
	end := min(start+min(size, longest), len(all))
	if end == len(all) {
		return all[start:], "", nil
	}
	return all[start:end], base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(end))), nil
}
