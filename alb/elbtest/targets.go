package elbtest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

type empty struct{}

// members is a list; it is written even when it has none.
type members[T any] struct {
	Member []T `xml:"member"`
}

type targetXML struct {
	ID   string `xml:"Id"`
	Port int
	Zone string `xml:"AvailabilityZone,omitempty"`
}

type targetHealthXML struct {
	State       string
	Reason      string `xml:",omitempty"`
	Description string `xml:",omitempty"`
}

type anomalyXML struct{ Result, MitigationInEffect string }

type targetHealthDescription struct {
	Target                 targetXML
	HealthCheckPort        string
	TargetHealth           targetHealthXML
	AnomalyDetection       *anomalyXML
	AdministrativeOverride targetHealthXML
}

type targetHealthList struct {
	Descriptions members[targetHealthDescription] `xml:"TargetHealthDescriptions"`
}

// named finds the target group of a call.
func (b *Balancer) named(p params) (*group, *failure) {
	arn := p["TargetGroupArn"]
	if arn == "" {
		return nil, invalid("1 validation error detected: Value null at 'targetGroupArn' failed to satisfy constraint: " +
			"Member must not be null")
	}
	for _, g := range b.groups {
		if g.arn == arn {
			return g, nil
		}
	}
	if problem := b.foreignARN(arn, targetGroups()); problem != nil {
		return nil, problem
	}
	return nil, &failure{400, "TargetGroupNotFound", "One or more target groups not found"}
}

// asked reads the Targets of a call, ports filled in.
func asked(p params, g *group, required bool) ([]Target, *failure) {
	list := p.list("Targets.member")
	if len(list) == 0 && required {
		return nil, invalid("1 validation error detected: Value null at 'targets' failed to satisfy constraint: " +
			"Member must not be null")
	}
	var targets []Target
	for i, element := range list {
		if element["Id"] == "" {
			return nil, invalid("1 validation error detected: Value null at 'targets.%d.member.id' failed to satisfy "+
				"constraint: Member must not be null", i+1)
		}
		port, problem := element.number("Port", 1, 65535, g.Port)
		if problem != nil {
			return nil, problem
		}
		targets = append(targets, Target{ID: element["Id"], Port: port, Zone: element["AvailabilityZone"]})
	}
	return targets, nil
}

// unfit tells why a target cannot be registered; nil when it can.
func (b *Balancer) unfit(g *group, t Target) *failure {
	if g.Type == "ip" {
		if _, err := netip.ParseAddr(t.ID); err != nil {
			return invalid("The IP address '%s' is not a valid IPv4 or IPv6 address", t.ID)
		}
		return nil
	}
	if !strings.HasPrefix(t.ID, "i-") {
		return invalid("Instance ID '%s' is not valid", t.ID)
	}
	i, known := b.instances[t.ID]
	if !known {
		return &failure{400, "InvalidTarget", fmt.Sprintf("The following targets are not valid: '%s'", t.ID)}
	}
	if i.State != "running" {
		return &failure{400, "InvalidTarget", fmt.Sprintf(
			"The following targets are not in a running state and cannot be registered: '%s'", t.ID)}
	}
	return nil
}

func (b *Balancer) registerTargets(p params) (any, *failure) {
	g, problem := b.named(p)
	if problem != nil {
		return nil, problem
	}
	targets, problem := asked(p, g, true)
	if problem != nil {
		return nil, problem
	}
	for _, t := range targets {
		if problem := b.unfit(g, t); problem != nil {
			return nil, problem
		}
		if b.early(g, t) && !b.config.IgnoreEarlyReturn {
			return nil, &failure{400, "InvalidTarget", fmt.Sprintf(
				"The following targets are deregistering and cannot be registered yet: '%s'", t.ID)}
		}
	}
	effect := false
	for _, t := range targets {
		if !b.early(g, t) && b.register(g, t, false) {
			effect = true
		}
	}
	b.note(Mutation{time.Now(), "RegisterTargets", g.Name, targets, effect})
	return empty{}, nil
}

// early reports whether a target returns before it may: an ip target that still drains.
func (b *Balancer) early(g *group, t Target) bool {
	known := g.find(t)
	return g.Type == "ip" && known != nil && !known.now.left.IsZero()
}

func (b *Balancer) deregisterTargets(p params) (any, *failure) {
	g, problem := b.named(p)
	if problem != nil {
		return nil, problem
	}
	targets, problem := asked(p, g, true)
	if problem != nil {
		return nil, problem
	}
	effect := false
	for _, t := range targets {
		if b.deregister(g, t) {
			effect = true
		}
	}
	b.note(Mutation{time.Now(), "DeregisterTargets", g.Name, targets, effect})
	return empty{}, nil
}

func (b *Balancer) describeTargetHealth(p params) (any, *failure) {
	g, problem := b.named(p)
	if problem != nil {
		return nil, problem
	}
	filter, problem := asked(p, g, false)
	if problem != nil {
		return nil, problem
	}
	anomalies := slices.Contains(p.scalars("Include.member"), "AnomalyDetection")
	now := time.Now()
	var list targetHealthList
	add := func(t Target, h health) {
		list.Descriptions.Member = append(list.Descriptions.Member, describeHealth(t, h, anomalies))
	}
	for _, t := range filter {
		add(t, b.healthOf(g, t, now))
	}
	if len(filter) > 0 {
		return list, nil
	}
	for _, t := range g.targets {
		h := b.health(t, now)
		if h != notRegistered() && !b.terminated(g, t.ID) {
			add(t.Target, h)
		}
	}
	return list, nil
}

// healthOf is the health of a target that a reader asked for by name.
func (b *Balancer) healthOf(g *group, t Target, now time.Time) health {
	if b.terminated(g, t.ID) {
		return draining()
	}
	if known := g.find(t); known != nil {
		return b.health(known, now)
	}
	return notRegistered()
}

func (b *Balancer) terminated(g *group, id string) bool {
	return g.Type == "instance" && b.instances[id].State == "terminated"
}

func describeHealth(t Target, h health, anomalies bool) targetHealthDescription {
	d := targetHealthDescription{
		Target:          targetXML(t),
		HealthCheckPort: fmt.Sprint(t.Port),
		TargetHealth:    targetHealthXML{h.state, h.reason, h.description},
		AdministrativeOverride: targetHealthXML{
			State:       "no_override",
			Reason:      "AdministrativeOverride.NoOverride",
			Description: "No override is currently active on target",
		},
	}
	if anomalies {
		d.AnomalyDetection = &anomalyXML{Result: "normal", MitigationInEffect: "no"}
	}
	return d
}
