package alb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iiscanary/canary"
)

// Deregister takes exactly these targets out of their groups and returns once no group lists one of them as taking new
// requests. One server at a time is checked against fresh readings, as Spare does, and then written; a target that is out
// already is no error.
//
// Nothing was changed after a *[canary.NoSpareError], an *[UnrecordedError] or an error of the first group. After an
// *[IneffectiveError] the load balancer still sends requests: leave the server alone. With several groups a
// *[PartialError] says what is true in each.
func (c *Client) Deregister(ctx context.Context, targets []canary.Target, floor int) error {
	shares, err := c.shares(targets)
	if err != nil {
		return err
	}
	outcomes, err := c.release(ctx, shares, floor)
	if err != nil {
		return err
	}
	for i := range outcomes {
		if outcomes[i].Err == nil {
			outcomes[i].Err = shares[i].awaitOut(ctx)
		}
	}
	return truth(ctx, "deregister", shares, outcomes)
}

// release checks and writes in one turn. It stops at the first group that fails: the fewer groups a server is half out of,
// the better. Its outcomes say how far it came.
func (c *Client) release(ctx context.Context, shares []share, floor int) ([]Outcome, error) {
	done, err := c.takeTurn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	since := time.Now()
	if err := c.spare(ctx, shares, floor, since); err != nil {
		return nil, err
	}
	leaving := make([][]canary.Target, len(shares))
	for i, s := range shares {
		l, err := s.health.get(ctx, since)
		if err != nil {
			return nil, err
		}
		if others := l.beside(s.targets); len(others) > 0 {
			return nil, &UnrecordedError{Group: s.name, Listed: others}
		}
		leaving[i] = l.removable(s.targets)
	}
	outcomes := make([]Outcome, len(shares))
	stopped := false
	for i, s := range shares {
		outcomes[i].Group = s.name
		if stopped {
			outcomes[i].Err = errNotTried
			continue
		}
		outcomes[i].Err = s.leave(ctx, leaving[i])
		stopped = outcomes[i].Err != nil
	}
	return outcomes, nil
}

// errNotTried is the outcome of a group after the one that failed.
var errNotTried = errors.New("not tried")

// removable is the targets that a deregistration has something to say about. A target that was not listed is among them: it
// may have been registered a moment ago. Those that drain already, or are registered and unused, keep what they have.
func (l listing) removable(targets []canary.Target) []canary.Target {
	var out []canary.Target
	for _, h := range l.states(targets) {
		if h.In() || h.State == canary.Unused && h.Reason == notRegistered {
			out = append(out, h.Target)
		}
	}
	return out
}

// leave writes the deregistration. From then on, and until they are seen out, the targets count as nobody's spare. Some
// servers of this API refuse a target that they do not know; the reading that follows decides.
func (s share) leave(ctx context.Context, targets []canary.Target) error {
	if len(targets) == 0 {
		return nil
	}
	s.client.mark(targets)
	err := s.deregister(ctx, targets)
	if _, unknown := errors.AsType[*InvalidTargetError](err); unknown {
		return nil
	}
	if err != nil && !errors.Is(err, canary.ErrUnreachable) && ctx.Err() == nil {
		s.client.unmark(targets)
	}
	return err
}

// awaitOut reads back until none of the targets is in rotation. At half of the grace it deregisters once more, by the tuple
// that the group lists: a registration that was still on its way may have overtaken the first.
func (s share) awaitOut(ctx context.Context) error {
	wrote, again := time.Now(), false
	half := s.client.options.DeregisterGrace / 2
	for {
		l, err := s.health.get(ctx, time.Now().Add(-s.client.options.pause()))
		if err != nil {
			return fmt.Errorf("deregistered from %s, and not seen out: %w", s.name, err)
		}
		still := l.in(s.targets)
		if len(still) == 0 {
			s.client.unmark(s.targets)
			return nil
		}
		if time.Since(wrote) >= half {
			if again {
				return &IneffectiveError{Group: s.name, Still: still, Listed: l.registrations(s.targets)}
			}
			if err := s.deregister(ctx, l.asListed(still)); err != nil {
				return err
			}
			wrote, again = time.Now(), true
		}
		if err := wait(ctx, s.client.options.pause()); err != nil {
			return fmt.Errorf("deregistered from %s, and still %s: %w", s.name, states(still), err)
		}
	}
}

// asListed is the tuples by which the group itself names these targets.
func (l listing) asListed(health []canary.TargetHealth) []canary.Target {
	var asked, out []canary.Target
	for _, h := range health {
		asked = append(asked, h.Target)
	}
	for _, h := range l {
		if contains(asked, h.Target) {
			out = append(out, h.Target)
		}
	}
	return out
}
