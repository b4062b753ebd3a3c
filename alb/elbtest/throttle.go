package elbtest

// throttle refuses calls in bursts.
type throttle struct {
	after, burst int // after so many answered calls, so many are refused; burst 0: off
	position     int
	refused      int
}

// Throttle makes the API refuse calls of every client from now on: after so many answered calls, the next burst calls
// get Throttling or, every other time, ThrottlingException (EC2: RequestLimitExceeded). A burst of 0 ends it.
func (b *Balancer) Throttle(after, burst int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.throttle = throttle{after: after, burst: burst}
}

func (t *throttle) refuse(service string) *failure {
	if t.burst <= 0 {
		return nil
	}
	place := t.position % (t.after + t.burst)
	t.position++
	if place < t.after {
		return nil
	}
	t.refused++
	switch {
	case service == "ec2":
		return &failure{503, "RequestLimitExceeded", "Request limit exceeded."}
	case t.refused%2 == 1:
		return &failure{400, "Throttling", "Rate exceeded"}
	default:
		return &failure{400, "ThrottlingException", "Rate exceeded"}
	}
}
