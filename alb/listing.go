package alb

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"iiscanary/canary"
)

// The reasons of an unused target, as DescribeTargetHealth words them.
const (
	notRegistered = "Target.NotRegistered"
	notInUse      = "Target.NotInUse"
	invalidState  = "Target.InvalidState"
	ipUnusable    = "Target.IpUnusable"
)

// listing is one reading of a group: every target that it lists, in its order.
type listing []canary.TargetHealth

func listed(group string, descriptions []types.TargetHealthDescription) listing {
	out := make(listing, 0, len(descriptions))
	for _, d := range descriptions {
		if d.Target == nil {
			continue
		}
		h := canary.TargetHealth{Target: canary.Target{
			Group: group, ID: aws.ToString(d.Target.Id), Port: int(aws.ToInt32(d.Target.Port)), Zone: aws.ToString(d.Target.AvailabilityZone),
		}}
		if d.TargetHealth != nil {
			h.State = canary.HealthState(d.TargetHealth.State)
			h.Reason = string(d.TargetHealth.Reason)
			h.Description = aws.ToString(d.TargetHealth.Description)
		}
		out = append(out, h)
	}
	return out
}

// state is what the group says about one target. A group no longer lists a target whose drain is over: that is unused. Id
// and port decide where the list names another zone; a target that may take requests is never overlooked.
func (l listing) state(t canary.Target) canary.TargetHealth {
	var near *canary.TargetHealth
	for i, h := range l {
		switch {
		case h.Target == t:
			return h
		case h.ID == t.ID && h.Port == t.Port && (near == nil || h.In()):
			near = &l[i]
		}
	}
	if near != nil {
		return canary.TargetHealth{Target: t, State: near.State, Reason: near.Reason, Description: near.Description}
	}
	return canary.TargetHealth{Target: t, State: canary.Unused, Reason: notRegistered, Description: "Target is not registered to the target group"}
}

func (l listing) states(targets []canary.Target) []canary.TargetHealth {
	out := make([]canary.TargetHealth, len(targets))
	for i, t := range targets {
		out[i] = l.state(t)
	}
	return out
}

// in is those of the targets that are in rotation.
func (l listing) in(targets []canary.Target) []canary.TargetHealth {
	return slices.DeleteFunc(l.states(targets), func(h canary.TargetHealth) bool { return !h.In() })
}

// beside is what the group lists in rotation of the same instances and the targets do not name. Addresses are left out:
// servers may share one and differ by port.
func (l listing) beside(targets []canary.Target) []canary.Target {
	var out []canary.Target
	for _, h := range l {
		if h.In() && isInstance(h.ID) && hasID(targets, h.ID) && !contains(targets, h.Target) {
			out = append(out, h.Target)
		}
	}
	return out
}

// registrations is every tuple that the group lists with an id of the targets.
func (l listing) registrations(targets []canary.Target) []canary.Target {
	var out []canary.Target
	for _, h := range l {
		if hasID(targets, h.ID) {
			out = append(out, h.Target)
		}
	}
	return out
}

func isInstance(id string) bool { return strings.HasPrefix(id, "i-") }

func hasID(targets []canary.Target, id string) bool {
	return slices.ContainsFunc(targets, func(t canary.Target) bool { return t.ID == id })
}

// contains compares as a group does: by id and port.
func contains(targets []canary.Target, t canary.Target) bool {
	return slices.ContainsFunc(targets, func(o canary.Target) bool {
		return o.Group == t.Group && o.ID == t.ID && o.Port == t.Port
	})
}

func described(targets []canary.Target) []types.TargetDescription {
	out := make([]types.TargetDescription, len(targets))
	for i, t := range targets {
		out[i] = types.TargetDescription{Id: aws.String(t.ID), Port: aws.Int32(int32(t.Port))}
		if t.Zone != "" {
			out[i].AvailabilityZone = aws.String(t.Zone)
		}
	}
	return out
}

func tuple(t canary.Target) string {
	if t.Zone != "" {
		return t.ID + ":" + strconv.Itoa(t.Port) + "@" + t.Zone
	}
	return t.ID + ":" + strconv.Itoa(t.Port)
}

func tuples(targets []canary.Target) string {
	if len(targets) == 0 {
		return "nothing"
	}
	out := make([]string, len(targets))
	for i, t := range targets {
		out[i] = tuple(t)
	}
	return strings.Join(out, ", ")
}

func states(health []canary.TargetHealth) string {
	out := make([]string, len(health))
	for i, h := range health {
		out[i] = fmt.Sprintf("%s %s", tuple(h.Target), h.State)
		if h.Reason != "" {
			out[i] += " (" + h.Reason + ")"
		}
	}
	return strings.Join(out, ", ")
}
