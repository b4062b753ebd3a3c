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
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"iiscanary/canary"
	"iiscanary/iis/agent"
	"iiscanary/iis/bundle"
	"iiscanary/iis/winrm"
)

// Options describe the app and its servers.
type Options struct {
	App         string // base name, such as app.domain.com
	Root        string // folder on the servers that holds one folder per slot, such as D:\sites
	Bindings    []string
	Certificate Certificate
	Runtime     string // "v4.0", or "none" for ASP.NET Core
	HostHeader  string // of probes that name no host; empty: App
	UserAgent   string // of WinRM and of probes; empty: iis-canary
	Endpoints   []Endpoint
	Timeouts    Timeouts
	Log         *slog.Logger // reconnects, at debug level; nil: nothing is logged
}

// Certificate selects the certificate of https bindings. Both empty: the one that http.sys has for the port.
type Certificate struct {
	Subject    string
	Thumbprint string
}

// Endpoint is the WinRM listener of one server.
type Endpoint struct {
	Server     string // name in the fleet
	Host       string
	Port       int
	HTTPS      bool // must be true: Basic over plain HTTP would send the password in clear
	User       string
	Password   Secret
	CAs        *x509.CertPool // nil: the authorities of this machine
	ServerName string         // that the certificate must carry; empty: Host
}

// Timeouts bound every wait. A zero value stands for its default.
type Timeouts struct {
	Dial     time.Duration // TCP connect, and TLS handshake; default 10 s
	Poll     time.Duration // how long the server may hold a poll that brings nothing; default 20 s
	Margin   time.Duration // how much later an answer counts as lost; default 15 s
	Tries    int           // connections that one operation may use; default 8
	Pause    time.Duration // before the second connection, doubled up to 10 s for each further one; default 500 ms
	Query    time.Duration // for an operation that only reads; default 2 min
	Change   time.Duration // for one that starts, flips or notes; default 3 min
	Transfer time.Duration // for one batch of files, and for creating a slot; default 15 min
	Stable   time.Duration // how long a slot must stay started; default 2 s
	StopWait time.Duration // for a pool's workers to go; default 2 min: the pool's own limit is 90 s
	Close    time.Duration // for deleting a shell whose caller has gone; default 5 s
}

func (t Timeouts) withDefaults() Timeouts {
	set := func(d *time.Duration, to time.Duration) {
		if *d <= 0 {
			*d = to
		}
	}
	set(&t.Dial, 10*time.Second)
	set(&t.Poll, 20*time.Second)
	set(&t.Margin, 15*time.Second)
	set(&t.Pause, 500*time.Millisecond)
	set(&t.Query, 2*time.Minute)
	set(&t.Change, 3*time.Minute)
	set(&t.Transfer, 15*time.Minute)
	set(&t.Stable, 2*time.Second)
	set(&t.StopWait, 2*time.Minute)
	set(&t.Close, 5*time.Second)
	if t.Tries <= 0 {
		t.Tries = 8
	}
	return t
}

// Fleet is the servers of one app. It is safe for concurrent use; operations on one server run one after the other.
type Fleet struct {
	options  Options
	timeouts Timeouts
	log      *slog.Logger
	servers  map[string]*host
	problem  error // of the options; every operation reports it
	lost     chan error

	mu      sync.Mutex
	release *bundle.Release
	keeper  *keeper
}

// host is one server with its connection and the lease held on it.
type host struct {
	name    string
	client  *winrm.Client
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
	program, err := agent.Load()
	problems := []error{err}
	if o.App == "" || o.Root == "" {
		problems = append(problems, fmt.Errorf("app %q with root %q: both are needed", o.App, o.Root))
	}
	logins := map[login]*gate{}
	for _, e := range o.Endpoints {
		problems = append(problems, f.add(e, program, logins))
	}
	f.problem = errors.Join(problems...)
	return f
}

func (f *Fleet) add(e Endpoint, program agent.Program, logins map[login]*gate) error {
	if _, twice := f.servers[e.Server]; twice {
		return fmt.Errorf("server %q is named twice", e.Server)
	}
	if !e.HTTPS {
		return fmt.Errorf("server %q: WinRM over plain http would send the password in clear; use https (port 5986)", e.Server)
	}
	client, err := winrm.New(winrm.Options{
		Host: e.Host, Port: e.Port, User: e.User, Password: string(e.Password), CAs: e.CAs, ServerName: e.ServerName,
		UserAgent: f.options.UserAgent,
		Timeouts:  winrm.Timeouts{Dial: f.timeouts.Dial, Operation: f.timeouts.Poll, Margin: f.timeouts.Margin, Delete: f.timeouts.Close},
	})
	if err != nil {
		return fmt.Errorf("server %q: %w", e.Server, err)
	}
	key := login{e.User, e.Password}
	if logins[key] == nil {
		logins[key] = newGate()
	}
	entrance := logins[key]
	open := func(ctx context.Context) (*session, error) {
		shell, err := entrance.open(ctx, client)
		if err != nil {
			return nil, err
		}
		return startSession(ctx, shell, program)
	}
	f.servers[e.Server] = &host{name: e.Server, client: client, channel: newChannel(e.Server, f.timeouts, f.log, open)}
	return nil
}

// Check reports what is wrong with the options, all of it.
func (f *Fleet) Check() error { return f.problem }

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

// change runs an operation under the lease of the server. A lease that only ran out, while the server could not be reached
// or this machine slept, is taken again and the operation asked once more; one that another run had in between is lost.
func (f *Fleet) change(ctx context.Context, server string, op operation, out any) error {
	h, err := f.host(server)
	if err != nil {
		return err
	}
	op.fence = h.held()
	if op.fence == nil {
		return fmt.Errorf("%s: %s: the lease is not held; acquire it first", server, op.name)
	}
	err = f.run(ctx, server, op, out)
	c, keeping := f.claimed()
	if !isFenced(err) || !keeping {
		return err
	}
	if lost := f.regain(ctx, server, c); lost != nil {
		return fmt.Errorf("%w: %w", err, lost)
	}
	return f.run(ctx, server, op, out)
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
