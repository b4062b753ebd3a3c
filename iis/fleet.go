// Package iis operates the Windows servers of a fleet: slots (one IIS site, its pool and its folder) are surveyed,
// staged, started, stopped and removed through a host agent that lives only as long as its connection.
//
// What it promises: every call ends with its context and within a bound of its own; an operation whose connection broke
// is asked again on a new one, because all of them are idempotent; what cannot be known after that wraps
// [canary.ErrUnreachable]; changes carry the lease, which the server checks; a password that one server refused is not
// tried on the next; nothing but the files of the release stays on a server after Close.
package iis

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"iiscanary/canary"
	"iiscanary/iis/agent"
	"iiscanary/iis/bundle"
	"iiscanary/iis/winrm"
)

// Fleet is the servers of one app. It is safe for concurrent use; operations on one server run one after the other.
type Fleet struct {
	options  Options
	timeouts Timeouts
	log      *slog.Logger
	servers  map[string]*host
	problem  error // of the options; every operation reports it
	lost     chan error

	mu       sync.Mutex
	release  *bundle.Release
	origin   *Origin
	demanded *Authenticode
	keeper   *keeper
}

// host is one server with its connection and the lease held on it.
type host struct {
	name    string
	client  *winrm.Client
	way     *way
	channel *channel

	mu    sync.Mutex
	fence *agent.Fence
}

func (h *host) held() *agent.Fence {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.fence
}

func (h *host) hold(f *agent.Fence) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.fence = f
}

var _ canary.Host = (*Fleet)(nil)

// NewFleet prepares the fleet. Nothing is sent before the first operation; a mistake in the options is returned by
// every operation, and by [Fleet.Check] before any.
func NewFleet(o Options) *Fleet {
	f := &Fleet{options: o, timeouts: o.Timeouts.withDefaults(), log: o.Log, servers: map[string]*host{}, lost: make(chan error, 1)}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	if f.options.HostHeader == "" {
		f.options.HostHeader = o.App
	}
	if f.options.UserAgent == "" {
		f.options.UserAgent = "iis-canary"
	}
	programs, err := loadPrograms()
	problems := []error{err, o.Channel.check()}
	if o.App == "" || o.Root == "" {
		problems = append(problems, fmt.Errorf("app %q with root %q: both are needed", o.App, o.Root))
	}
	logins := map[login]*gate{}
	known := newMask(o.Secrets)
	for _, e := range o.Endpoints {
		problems = append(problems, f.add(e, programs, known, logins))
	}
	f.problem = errors.Join(problems...)
	return f
}

func (f *Fleet) add(e Endpoint, programs programs, known mask, logins map[login]*gate) error {
	if _, twice := f.servers[e.Server]; twice {
		return fmt.Errorf("server %q is named twice", e.Server)
	}
	key := login{e.User, e.Password}
	if logins[key] == nil {
		logins[key] = newGate()
	}
	entrance := logins[key]
	back := &returning{gate: entrance}
	client, err := winrm.New(winrm.Options{
		Host: e.Host, Port: e.Port, Plain: !e.HTTPS, Auth: e.Auth, User: e.User, Password: string(e.Password),
		Certificate: e.Identity, Tickets: e.Tickets, SPN: e.SPN, CAs: e.CAs, ServerName: e.ServerName, MinTLS: e.MinTLS,
		UserAgent: f.options.UserAgent, ShellName: shellName(), Guard: back,
		Timeouts: winrm.Timeouts{Dial: f.timeouts.Dial, Operation: f.timeouts.Poll, Margin: f.timeouts.Margin, Delete: f.timeouts.Close},
	})
	if err != nil {
		return fmt.Errorf("server %q: %w", e.Server, err)
	}
	way := &way{setting: f.options.Channel, budget: f.timeouts.Hello, hello: agent.AppArgs{App: f.options.App, Root: f.options.Root},
		programs: programs, mask: known, open: f.opener(e.Server, entrance, client),
		fallen: func(why Fall) { f.fallBack(e.Server, why) }}
	way.slow.Store(f.options.Channel == Oneshot)
	f.servers[e.Server] = &host{name: e.Server, client: client, way: way, channel: newChannel(e.Server, f.timeouts, f.log, back, way.connect)}
	return nil
}

// Check reports what is wrong with the options, all of it.
func (f *Fleet) Check() error { return f.problem }

// Address is the host that a server's WinRM listener is reached at; false: there is no such server.
func (f *Fleet) Address(server string) (string, bool) {
	for _, e := range f.options.Endpoints {
		if e.Server == server {
			return e.Host, true
		}
	}
	return "", false
}

// Servers is the names of the servers, sorted.
func (f *Fleet) Servers() []string {
	names := make([]string, 0, len(f.servers))
	for n := range f.servers {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}

// Use sets the package that Stage brings to the servers.
func (f *Fleet) Use(r *bundle.Release) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.release = r
}

// Close stops renewing the lease, which then runs out by itself, and deletes every shell, all servers at the same time.
func (f *Fleet) Close() error {
	f.stopKeeping()
	ctx, cancel := context.WithTimeout(context.Background(), 2*f.timeouts.Close)
	defer cancel()
	err := f.everywhere(f.Servers(), func(h *host) error {
		defer h.client.Close()
		return h.channel.close(ctx)
	})
	return err
}

// everywhere runs do for all the servers at the same time and joins what went wrong, in the order of names.
func (f *Fleet) everywhere(names []string, do func(*host) error) error {
	var wg sync.WaitGroup
	failed := make([]error, len(names))
	for i, name := range names {
		wg.Go(func() {
			h, err := f.host(name)
			if err == nil {
				err = do(h)
			}
			failed[i] = err
		})
	}
	wg.Wait()
	return errors.Join(failed...)
}

func (f *Fleet) host(server string) (*host, error) {
	h, known := f.servers[server]
	if !known {
		return nil, fmt.Errorf("no server named %q in the fleet", server)
	}
	return h, nil
}

// query runs an operation that changes nothing.
func (f *Fleet) query(ctx context.Context, server, name string, args, out any) error {
	return f.run(ctx, server, operation{name: name, args: args, limit: f.timeouts.Query}, out)
}

// change runs an operation under the lease of the server.
func (f *Fleet) change(ctx context.Context, server string, op operation, out any) error {
	h, err := f.host(server)
	if err != nil {
		return err
	}
	op.fence = h.held()
	if op.fence == nil {
		return fmt.Errorf("%s: %s: the lease is not held; acquire it first", server, op.name)
	}
	c, keeping := f.claimed()
	if !keeping {
		return f.run(ctx, server, op, out)
	}
	return f.underLease(ctx, server, c, func() error { return f.run(ctx, server, op, out) })
}

// mention says what a person should know although nothing failed.
func (f *Fleet) mention(server, what string) {
	if f.options.Notify != nil {
		f.options.Notify(server + ": " + what)
	}
}

func (f *Fleet) run(ctx context.Context, server string, op operation, out any) error {
	if f.problem != nil {
		return f.problem
	}
	h, err := f.host(server)
	if err != nil {
		return err
	}
	return h.channel.do(ctx, op, out)
}
