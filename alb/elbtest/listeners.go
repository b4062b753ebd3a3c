package elbtest

import (
	"fmt"
	"net"
	"slices"
	"strconv"
)

const vpc = "vpc-00000000000000001"

type zoneXML struct {
	ZoneName string
	SubnetID string `xml:"SubnetId"`
}

type loadBalancerXML struct {
	LoadBalancerArn, LoadBalancerName, DNSName, CreatedTime, Scheme, Type string
	CanonicalHostedZoneID                                                 string `xml:"CanonicalHostedZoneId"`
	VpcID                                                                 string `xml:"VpcId"`
	IPAddressType                                                         string `xml:"IpAddressType"`
	State                                                                 struct{ Code string }
	AvailabilityZones                                                     []zoneXML `xml:"AvailabilityZones>member"`
}

type loadBalancerList struct {
	LoadBalancers members[loadBalancerXML]
	NextMarker    string `xml:",omitempty"`
}

type tupleXML struct {
	TargetGroupArn string
	Weight         int
}

type forwardXML struct {
	TargetGroups []tupleXML             `xml:"TargetGroups>member"`
	Stickiness   struct{ Enabled bool } `xml:"TargetGroupStickinessConfig"`
}

type actionXML struct {
	Type           string
	Order          int
	TargetGroupArn string `xml:",omitempty"`
	ForwardConfig  forwardXML
}

type listenerXML struct {
	ListenerArn, LoadBalancerArn string
	Port                         int
	Protocol                     string
	DefaultActions               []actionXML `xml:"DefaultActions>member"`
}

type listenerList struct {
	Listeners  members[listenerXML]
	NextMarker string `xml:",omitempty"`
}

type conditionXML struct {
	Field             string
	Values            []string `xml:"Values>member"`
	PathPatternValues []string `xml:"PathPatternConfig>Values>member"`
}

type ruleXML struct {
	RuleArn, Priority string
	IsDefault         bool
	Conditions        members[conditionXML]
	Actions           []actionXML `xml:"Actions>member"`
}

type ruleList struct {
	Rules      members[ruleXML]
	NextMarker string `xml:",omitempty"`
}

func balancerNotFound(what string) *failure {
	return &failure{400, "LoadBalancerNotFound", fmt.Sprintf("Load balancers '[%s]' not found", what)}
}

// balancerMissing is the answer to an ARN that is not the load balancer's.
func (b *Balancer) balancerMissing(arn string) *failure {
	if problem := b.foreignARN(arn, loadBalancers()); problem != nil {
		return problem
	}
	return balancerNotFound(arn)
}

func (b *Balancer) listenerMissing(arn string) *failure {
	if problem := b.foreignARN(arn, listeners()); problem != nil {
		return problem
	}
	return &failure{400, "ListenerNotFound", "One or more listeners not found"}
}

func (b *Balancer) describeLoadBalancers(p params) (any, *failure) {
	for _, arn := range p.scalars("LoadBalancerArns.member") {
		if arn != b.LoadBalancerARN() {
			return nil, b.balancerMissing(arn)
		}
	}
	for _, name := range p.scalars("Names.member") {
		if name != b.config.Name {
			return nil, balancerNotFound(name)
		}
	}
	x := loadBalancerXML{
		LoadBalancerArn: b.LoadBalancerARN(), LoadBalancerName: b.config.Name, DNSName: "localhost",
		CanonicalHostedZoneID: "Z000000000000", CreatedTime: "2026-01-01T00:00:00.000Z", Scheme: "internal",
		Type: "application", VpcID: vpc, IPAddressType: "ipv4",
	}
	x.State.Code = "active"
	for _, zone := range b.zones() {
		x.AvailabilityZones = append(x.AvailabilityZones, zoneXML{zone, "subnet-" + zone})
	}
	page, next, problem := paged(p, []loadBalancerXML{x}, b.config.PageSize)
	return loadBalancerList{members[loadBalancerXML]{page}, next}, problem
}

// zones are those of the instances, or the region's first.
func (b *Balancer) zones() []string {
	var zones []string
	for _, i := range b.instances {
		zones = append(zones, i.Zone)
	}
	if len(zones) == 0 {
		zones = []string{b.config.Region + "a"}
	}
	slices.Sort(zones)
	return slices.Compact(zones)
}

func (b *Balancer) describeListeners(p params) (any, *failure) {
	arns := p.scalars("ListenerArns.member")
	arn, byBalancer := p["LoadBalancerArn"]
	if !byBalancer && len(arns) == 0 {
		return nil, invalid("You must specify either listener ARNs or a load balancer ARN")
	}
	if byBalancer && arn != b.LoadBalancerARN() {
		return nil, b.balancerMissing(arn)
	}
	for _, arn := range arns {
		if arn != b.listenerARN() {
			return nil, b.listenerMissing(arn)
		}
	}
	protocol := "HTTP"
	if b.config.Certificate != nil {
		protocol = "HTTPS"
	}
	_, text, _ := net.SplitHostPort(b.frontListener.Addr().String())
	port, _ := strconv.Atoi(text)
	all := []listenerXML{{b.listenerARN(), b.LoadBalancerARN(), port, protocol, []actionXML{b.defaultAction()}}}
	page, next, problem := paged(p, all, b.config.PageSize)
	return listenerList{members[listenerXML]{page}, next}, problem
}

func (b *Balancer) defaultAction() actionXML {
	var shared []*group
	for _, g := range b.groups {
		if !g.NotInUse && g.PathPattern == "" {
			shared = append(shared, g)
		}
	}
	return forwardTo(shared...)
}

// forwardTo names a single group twice, as the API does, and several only in the forward configuration.
func forwardTo(groups ...*group) actionXML {
	x := actionXML{Type: "forward", Order: 1}
	for _, g := range groups {
		x.ForwardConfig.TargetGroups = append(x.ForwardConfig.TargetGroups, tupleXML{g.arn, 1})
	}
	if len(groups) == 1 {
		x.TargetGroupArn = groups[0].arn
	}
	return x
}

func (b *Balancer) describeRules(p params) (any, *failure) {
	arns := p.scalars("RuleArns.member")
	listener, byListener := p["ListenerArn"]
	if byListener == (len(arns) > 0) {
		return nil, invalid("You must specify either listener rule ARNs or a listener ARN")
	}
	if byListener && listener != b.listenerARN() {
		return nil, b.listenerMissing(listener)
	}
	var rules []ruleXML
	for _, g := range b.groups {
		if g.NotInUse || g.PathPattern == "" {
			continue
		}
		rules = append(rules, ruleXML{
			RuleArn: b.ruleARN(g.Name), Priority: strconv.Itoa(len(rules) + 1),
			Conditions: members[conditionXML]{[]conditionXML{{"path-pattern", []string{g.PathPattern}, []string{g.PathPattern}}}},
			Actions:    []actionXML{forwardTo(g)},
		})
	}
	rules = append(rules, ruleXML{
		RuleArn: b.ruleARN("default"), Priority: "default", IsDefault: true, Actions: []actionXML{b.defaultAction()},
	})
	if !byListener {
		rules = slices.DeleteFunc(rules, func(r ruleXML) bool { return !slices.Contains(arns, r.RuleArn) })
		if len(rules) != len(arns) {
			return nil, &failure{400, "RuleNotFound", "One or more rules not found"}
		}
	}
	page, next, problem := paged(p, rules, b.config.PageSize)
	return ruleList{members[ruleXML]{page}, next}, problem
}

func (b *Balancer) ruleARN(name string) string {
	return b.arn("listener-rule/app/"+b.config.Name+"/front", name)
}
