package elbtest

import "time"

// health is a target's state in the words of DescribeTargetHealth.
type health struct{ state, reason, description string }

func notRegistered() health {
	return health{"unused", "Target.NotRegistered", "Target is not registered to the target group"}
}

func draining() health {
	return health{"draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"}
}

// health is what a reader is told of a target now; the caller holds b.mu.
func (b *Balancer) health(t *target, now time.Time) health {
	stay := t.now
	if !stay.settled && stay.left.IsZero() && now.Before(stay.at.Add(b.readLag())) {
		if stay.returned {
			return draining()
		}
		return notRegistered()
	}
	if !stay.left.IsZero() && !now.Before(stay.left.Add(b.readLag())) {
		return draining()
	}
	if t.group.NotInUse {
		return health{"unused", "Target.NotInUse",
			"Target group is not configured to receive traffic from the load balancer"}
	}
	if state, stopped := b.notRunning(t); stopped {
		return health{"unused", "Target.InvalidState", "Target is in the " + state + " state"}
	}
	return stay.found()
}

// found is what the nodes together found: healthy when more than half say so, unhealthy when one of the rest does.
func (r *registration) found() health {
	healthy, listed := 0, 0
	var sick *seat
	for _, s := range r.seats {
		if s.listed {
			listed++
		}
		switch s.state {
		case seatHealthy:
			healthy++
		case seatUnhealthy:
			sick = s
		}
	}
	switch {
	case listed < len(r.seats):
		return health{"initial", "Elb.RegistrationInProgress", "Target registration is in progress"}
	case 2*healthy > len(r.seats):
		return health{state: "healthy"}
	case sick != nil:
		return health{"unhealthy", sick.reason, sick.description}
	default:
		return health{"initial", "Elb.InitialHealthChecking", "Initial health checks in progress"}
	}
}

// notRunning returns the state of the target's instance when that is not running.
func (b *Balancer) notRunning(t *target) (string, bool) {
	if t.group.Type != "instance" {
		return "", false
	}
	state := b.instances[t.ID].State
	return state, state != "running"
}
