package iis

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"iiscanary/canary"
	"iiscanary/iis/agent"
)

// Lease is who may change the app on one server.
type Lease struct {
	Server     string
	Run        string
	Owner      string
	Reason     string
	Generation int64 // one higher for each run that took it
	Since      time.Time
	Until      time.Time // by the server's clock
}

// LeasedError says that another process may change the app on a server.
type LeasedError Lease

func (e *LeasedError) Error() string {
	return fmt.Sprintf("%s is leased to run %s of %s since %s (%s), until %s unless renewed",
		e.Server, e.Run, e.Owner, e.Since.UTC().Format(time.RFC3339), e.Reason, e.Until.UTC().Format(time.RFC3339))
}

// LeaseLostError says that a lease could not be kept: from now on the server refuses this run's changes.
type LeaseLostError struct {
	Server string
	Err    error
}

func (e *LeaseLostError) Error() string {
	return fmt.Sprintf("the lease on %s is lost: %v", e.Server, e.Err)
}

// Unwrap is why.
func (e *LeaseLostError) Unwrap() error { return e.Err }

// Is makes it one of [canary.ErrTaken].
func (e *LeaseLostError) Is(target error) bool { return target == canary.ErrTaken }

// Claim is what a process asks for when it locks servers.
type Claim struct {
	Run    string
	Owner  string // names the process: another one of the same run must have another name
	Reason string
	// Life is how long the lease lasts unless it is renewed. It must be longer than the longest operation, as a renewal waits for
	// the operation in hand; it is rounded up to whole seconds.
	Life time.Duration
	// TakeOver takes leases from another process of the same run. It must be dead: from then on its changes are refused.
	TakeOver bool
}

// Acquire takes the lease on every server, in the order of their names, and renews each in the background at a third of
// its life, from the moment it is taken until Release or Close. When another run or process holds one, those taken are given back and
// a *[LeasedError] says who. A lease that runs out, because the program died, may be taken by anybody.
func (f *Fleet) Acquire(ctx context.Context, servers []string, c Claim) error {
	k, err := f.startKeeping(c)
	if err != nil {
		return err
	}
	for _, name := range slices.Compact(slices.Sorted(slices.Values(servers))) {
		if err := f.take(ctx, name, c); err != nil {
			f.stopKeeping()
			select {
			case <-f.lost: // one of those taken: this is no run that could be told
			default:
			}
			after := context.WithoutCancel(ctx)
			return errors.Join(err, f.giveBackUnheard(after, name, c, err), f.giveBack(after, k.servers, c.Run))
		}
		f.keep(k, name)
	}
	return nil
}

func (f *Fleet) take(ctx context.Context, server string, c Claim) error {
	h, err := f.host(server)
	if err != nil {
		return err
	}
	lease, err := f.leaseOp(ctx, server, "acquire", c, nil)
	if err != nil {
		return err
	}
	if lease == nil {
		return fmt.Errorf("%s: the agent acquired a lease and named none", server)
	}
	h.hold(&agent.Fence{Run: lease.Run, Generation: lease.Generation})
	return nil
}

// giveBackUnheard gives back a lease that a server may have granted though its answer did not arrive: because of an interrupt, say. A
// server that cannot be asked either lets it run out.
func (f *Fleet) giveBackUnheard(ctx context.Context, server string, c Claim, why error) error {
	refused, held := (*agent.Error)(nil), (*LeasedError)(nil)
	if errors.As(why, &refused) || errors.As(why, &held) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, f.timeouts.Query)
	defer cancel()
	l, is, err := f.ReadLease(ctx, server)
	if err != nil || !is || l.Run != c.Run || l.Owner != c.Owner {
		return nil
	}
	return f.Break(ctx, l)
}

func (f *Fleet) leaseOp(ctx context.Context, server, action string, c Claim, fence *agent.Fence) (*agent.Lease, error) {
	args := agent.LeaseArgs{App: f.options.App, Action: action, Run: c.Run, Owner: c.Owner, Reason: c.Reason,
		Seconds: int64((c.Life + time.Second - 1) / time.Second), TakeOver: c.TakeOver}
	var out agent.LeaseResult
	op := operation{name: "lease", args: args, fence: fence, limit: f.timeouts.Query + f.timeouts.Change}
	err := f.run(ctx, server, op, &out)
	if refused := (*agent.Error)(nil); errors.As(err, &refused) && refused.Code == agent.Leased && out.Lease != nil {
		e := LeasedError(leaseOf(server, out.Lease))
		return nil, &e
	}
	return out.Lease, err
}

func leaseOf(server string, l *agent.Lease) Lease {
	return Lease{Server: server, Run: l.Run, Owner: l.Owner, Reason: l.Reason, Generation: l.Generation, Since: l.Taken, Until: l.Until}
}

// ReadLease is the lease on one server, whoever holds it, and false when there is none.
func (f *Fleet) ReadLease(ctx context.Context, server string) (Lease, bool, error) {
	l, err := f.leaseOp(ctx, server, "read", Claim{}, nil)
	if err != nil || l == nil {
		return Lease{}, false, err
	}
	return leaseOf(server, l), true, nil
}

// LeaseLost delivers a *[LeaseLostError] when a lease could not be kept, whoever noticed it: a renewal, a change or a note that a
// server refused. Only the first is delivered.
func (f *Fleet) LeaseLost() <-chan error { return f.lost }

// Hold asks for nothing but whether the lease still holds, and renews it.
func (f *Fleet) Hold(ctx context.Context, server string) error {
	h, err := f.host(server)
	if err != nil {
		return err
	}
	c, keeping := f.claimed()
	if h.held() == nil || !keeping {
		return fmt.Errorf("%s: the lease is not held: %w", server, canary.ErrUnreachable)
	}
	return f.underLease(ctx, server, c, func() error {
		_, err := f.leaseOp(ctx, server, "renew", c, h.held())
		return err
	})
}

// underLease asks for what a server refuses to whoever does not hold its lease. A lease that only ran out, while the server
// could not be reached or this machine slept, is taken again and the server asked once more; one that another process had in
// between is lost, which everybody hears of.
func (f *Fleet) underLease(ctx context.Context, server string, c Claim, ask func() error) error {
	err := ask()
	if !isFenced(err) {
		return err
	}
	if lost := f.regain(ctx, server, c); lost != nil {
		err = fmt.Errorf("%w: %w", err, lost)
	} else if err = ask(); isFenced(err) {
		err = &LeaseLostError{Server: server, Err: err}
	}
	if gone := (*LeaseLostError)(nil); errors.As(err, &gone) {
		select {
		case f.lost <- gone:
		default: // it was told of another
		}
	}
	return err
}

// Release gives every lease back.
func (f *Fleet) Release(ctx context.Context) error {
	k := f.stopKeeping()
	if k == nil {
		return nil
	}
	return f.giveBack(ctx, k.servers, k.claim.Run)
}

func (f *Fleet) giveBack(ctx context.Context, servers []string, run string) error {
	return f.everywhere(servers, func(h *host) error {
		if h.held() == nil {
			return nil
		}
		_, err := f.leaseOp(ctx, h.name, "release", Claim{Run: run}, h.held())
		if err != nil && !isFenced(err) {
			return err
		}
		h.hold(nil)
		return nil
	})
}

func isFenced(err error) bool {
	refused := (*agent.Error)(nil)
	return errors.As(err, &refused) && refused.Code == agent.Fenced
}

// regain takes a lease again that ran out while the server could not be reached. Its generation tells whether another
// run had it in between.
func (f *Fleet) regain(ctx context.Context, server string, c Claim) error {
	h, err := f.host(server)
	if err != nil {
		return err
	}
	before := h.held()
	lease, err := f.leaseOp(ctx, server, "acquire", c, nil)
	taken := (*LeasedError)(nil)
	switch {
	case errors.As(err, &taken):
		return &LeaseLostError{Server: server, Err: err}
	case err != nil:
		return err
	case lease == nil || before == nil:
		return &LeaseLostError{Server: server, Err: errors.New("it was given back")}
	case lease.Generation == before.Generation:
		return nil
	}
	// What the others did meanwhile is not known. The lease just taken would only keep them out.
	fence := &agent.Fence{Run: lease.Run, Generation: lease.Generation}
	_, err = f.leaseOp(ctx, server, "release", c, fence)
	between := errors.New("another run held it for a while, or somebody released it")
	return &LeaseLostError{Server: server, Err: errors.Join(between, err)}
}

// Break gives back a lease of another run, as [Fleet.ReadLease] returned it. When the lease has changed hands since, it
// fails and changes nothing. The run that held it is refused every change from then on.
func (f *Fleet) Break(ctx context.Context, l Lease) error {
	_, err := f.leaseOp(ctx, l.Server, "release", Claim{Run: l.Run}, &agent.Fence{Run: l.Run, Generation: l.Generation})
	return err
}
