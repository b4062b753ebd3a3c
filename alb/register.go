package alb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iiscanary/canary"
)

// Register puts exactly these targets into their groups and returns once the balancer lists them. They serve when Health
// says so. A target that is in already is no error. A target by address that still drains is waited for: AWS takes it back
// only when its deregistration delay is over.
//
// A failing group does not keep the others from being tried: out of rotation is the worse state. The errors are
// *[UnusableError], *[InvalidTargetError], *[NotListedError], the ones of every call, and a *[PartialError] around them
// where several groups are concerned.
func (c *Client) Register(ctx context.Context, targets []canary.Target) error {
	shares, err := c.shares(targets)
	if err != nil {
		return err
	}
	outcomes := make([]Outcome, len(shares))
	for i, s := range shares {
		outcomes[i] = Outcome{Group: s.name, Err: s.enter(ctx)}
	}
	for i, s := range shares {
		if outcomes[i].Err == nil {
			outcomes[i].Err = s.awaitListed(ctx)
		}
	}
	return truth(ctx, "register", shares, outcomes)
}

// enter writes the registration. A refusal of a target that still drains is not the last word, and neither is one of a
// target whose drain has ended in the meantime.
func (s share) enter(ctx context.Context) error {
	err := s.join(ctx)
	if _, refused := errors.AsType[*InvalidTargetError](err); !refused {
		return err
	}
	l, failed := s.health.get(ctx, s.lastWrite())
	switch {
	case failed != nil:
		return err
	case l.draining(s.targets):
		return nil
	default:
		return s.join(ctx)
	}
}

// join registers; from then on the targets count as somebody's spare again, once they are healthy.
func (s share) join(ctx context.Context) error {
	err := s.register(ctx, s.targets)
	if err == nil {
		s.client.unmark(s.targets)
	}
	return err
}

func (l listing) draining(targets []canary.Target) bool {
	for _, h := range l.states(targets) {
		if h.State == canary.Draining {
			return true
		}
	}
	return false
}

// awaitListed reads back until every target is registered, and registers again what is still missing: the answer to a
// registration during a drain is a success with no effect in some groups, a refusal in others. It gives up when the grace is
// over and two registrations, neither of them during a drain, have had time to show.
func (s share) awaitListed(ctx context.Context) error {
	grace := s.client.options.RegisterGrace
	limit, every := time.Now().Add(grace), grace/4
	wrote, tries, extended := time.Now(), 1, false
	for {
		l, err := s.health.get(ctx, time.Now().Add(-s.client.options.pause()))
		if err != nil {
			return fmt.Errorf("registered in %s, and not seen there: %w", s.name, err)
		}
		missing, err := l.missing(s)
		if err != nil || len(missing) == 0 {
			return err
		}
		if l.draining(s.targets) {
			tries = 0
			if !extended && !isInstance(missing[0].ID) {
				extended = true
				limit = limit.Add(s.drainTime(ctx))
			}
		}
		if time.Since(wrote) >= every {
			if time.Now().After(limit) && tries != 1 {
				return &NotListedError{Group: s.name, Missing: missing}
			}
			if err := s.enter(ctx); err != nil {
				return err
			}
			wrote, tries = time.Now(), tries+1
		}
		if err := wait(ctx, s.client.options.pause()); err != nil {
			return fmt.Errorf("registered in %s, and still %s: %w", s.name, states(missing), err)
		}
	}
}

// missing is the targets that are not listed as registered yet; an error when one is, and can never serve.
func (l listing) missing(s share) ([]canary.TargetHealth, error) {
	var out []canary.TargetHealth
	for _, h := range l.states(s.targets) {
		switch {
		case h.In():
		case h.State == canary.Unused && (h.Reason == notInUse || h.Reason == invalidState || h.Reason == ipUnusable):
			return nil, &UnusableError{Group: s.name, Health: h}
		default:
			out = append(out, h)
		}
	}
	return out, nil
}

// drainTime is the group's deregistration delay; AWS's longest, an hour, is not assumed where it cannot be read.
func (s share) drainTime(ctx context.Context) time.Duration {
	attributes, err := s.settings.get(ctx, time.Time{})
	if err != nil {
		return settings{}.delay()
	}
	return attributes.delay()
}

// ProveRegister shows that this identity may register targets in a group, by registering one that is healthy there once
// more, which changes nothing. It refuses a target that is not healthy. The error is an *[AccessError] when the permission
// is missing. Do this before the first deregistration: a roll that may take out but not put back ends badly.
func (c *Client) ProveRegister(ctx context.Context, target canary.Target) error {
	shares, err := c.shares([]canary.Target{target})
	if err != nil {
		return err
	}
	done, err := c.takeTurn(ctx)
	if err != nil {
		return err
	}
	defer done()
	s := shares[0]
	l, err := s.health.get(ctx, time.Now())
	if err != nil {
		return err
	}
	if h := l.state(target); h.State != canary.Healthy {
		return fmt.Errorf("prove that targets can be registered in %s: %s, so that registering it would change something", s.name, states([]canary.TargetHealth{h}))
	}
	return s.register(ctx, s.targets)
}
