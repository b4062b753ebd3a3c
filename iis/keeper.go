package iis

import (
	"context"
	"errors"
	"sync"
	"time"

	"iiscanary/canary"
)

// keeper renews the leases of a run until it is stopped.
type keeper struct {
	claim   Claim
	servers []string // as far as they are taken
	renew   func(server string)
	stop    context.CancelFunc
	done    sync.WaitGroup
}

func (f *Fleet) startKeeping(c Claim) (*keeper, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keeper != nil {
		return nil, errors.New("this fleet holds a lease already")
	}
	c.TakeOver = false // only those that are there now: one that takes over later is not to be thrown out again
	ctx, stop := context.WithCancel(context.Background())
	f.keeper = &keeper{claim: c, stop: stop, renew: func(server string) { f.renew(ctx, server, c.Life) }}
	return f.keeper, nil
}

// keep renews one lease more, unless the fleet was closed meanwhile.
func (f *Fleet) keep(k *keeper, server string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keeper != k {
		return
	}
	k.servers = append(k.servers, server)
	k.done.Go(func() { k.renew(server) })
}

func (f *Fleet) stopKeeping() *keeper {
	f.mu.Lock()
	k := f.keeper
	f.keeper = nil
	f.mu.Unlock()
	if k != nil {
		k.stop()
		k.done.Wait()
	}
	return k
}

// renew keeps one lease. A server that cannot be reached keeps its lease until that runs out, and is asked again; only
// another run in between makes it lost.
func (f *Fleet) renew(ctx context.Context, server string, life time.Duration) {
	for wait(ctx, life/3) == nil {
		err := f.Hold(ctx, server)
		if ctx.Err() != nil || errors.Is(err, canary.ErrTaken) {
			return
		}
		if err != nil {
			f.log.Warn("lease not renewed, trying again", "server", server, "err", err)
		}
	}
}

func (f *Fleet) claimed() (Claim, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.keeper == nil {
		return Claim{}, false
	}
	return f.keeper.claim, true
}
