package iis

import (
	"cmp"
	"context"
	"fmt"
	"net"
	"strconv"
	"time"

	"iiscanary/canary"
	"iiscanary/iis/agent"
)

// Start starts pool and site, and returns when both stayed started for Timeouts.Stable with a worker.
func (f *Fleet) Start(ctx context.Context, server, slot string) error {
	args := agent.StartArgs{App: f.options.App, Slot: slot, StableMS: milliseconds(f.timeouts.Stable)}
	return f.change(ctx, server, operation{name: "start", args: args, limit: f.timeouts.Change}, nil)
}

// Stop stops site and pool, and returns when the slot's workers are gone, within Timeouts.StopWait.
func (f *Fleet) Stop(ctx context.Context, server, slot string) error {
	args := agent.StopArgs{App: f.options.App, Slot: slot, WaitMS: milliseconds(f.timeouts.StopWait)}
	return f.alter(ctx, server, operation{name: "stop", args: args, limit: f.timeouts.StopWait + f.timeouts.Change})
}

// Own sets in one commit which of the named slots start at boot.
func (f *Fleet) Own(ctx context.Context, server string, boot map[string]bool) error {
	args := agent.OwnArgs{App: f.options.App, Boot: boot}
	return f.alter(ctx, server, operation{name: "own", args: args, limit: f.timeouts.Change})
}

// alter makes a change of the agent's, and mentions what it warns of.
func (f *Fleet) alter(ctx context.Context, server string, op operation) error {
	var made agent.Change
	if err := f.change(ctx, server, op, &made); err != nil {
		return err
	}
	for _, w := range made.Warnings {
		f.mention(server, w)
	}
	return nil
}

// Probe sends one series of warm-up requests on one connection from the server to its own site.
func (f *Fleet) Probe(ctx context.Context, server string, p canary.Probe) ([]canary.Answered, error) {
	args := agent.ProbeArgs{
		App: f.options.App, Slot: p.Slot, Path: p.Path, Host: p.Host, FirstMS: milliseconds(p.First), EachMS: milliseconds(p.Each),
		Requests: p.Requests, Header: p.Header, UserAgent: f.options.UserAgent,
	}
	if args.Port = p.Port; p.Balancer {
		args.Host, args.UserAgent = f.address(server, p.Port), balancerAgent
	} else if args.Host == "" {
		args.Host = f.options.HostHeader
	}
	limit := p.First + time.Duration(p.Requests)*p.Each + f.timeouts.Query
	var r agent.ProbeResult
	if err := f.run(ctx, server, operation{name: "probe", args: args, limit: limit}, &r); err != nil {
		return nil, err
	}
	answers := make([]canary.Answered, len(r.Answers))
	for i, a := range r.Answers {
		took := time.Duration(a.MS * float64(time.Millisecond))
		answers[i] = canary.Answered{Status: a.Status, Took: took, Version: a.Version, Worker: a.Worker,
			Err: cmp.Or(a.Error, diagnosePage(a.Status, a.Server, a.Page))}
	}
	return answers, nil
}

// balancerAgent is what health checks of the balancer say they are, which a site's rules may look at.
const balancerAgent = "ELB-HealthChecker/2.0"

// address is what the balancer's health check has as Host, where the server is known by its address; else the agent uses its own.
func (f *Fleet) address(server string, port int) string {
	for _, e := range f.options.Endpoints {
		if ip := net.ParseIP(e.Host); e.Server == server && ip != nil && port != 0 {
			return net.JoinHostPort(ip.String(), strconv.Itoa(port))
		}
	}
	return ""
}

// Requests counts the requests that a slot is working on. A server without Request Monitor and counters cannot tell, which is an error
// and not nought.
func (f *Fleet) Requests(ctx context.Context, server, slot string) (int, error) {
	var r agent.RequestsResult
	err := f.query(ctx, server, "requests", agent.SlotArgs{App: f.options.App, Slot: slot}, &r)
	if err == nil && r.Current < 0 {
		return 0, fmt.Errorf("%s: requests of %s: IIS cannot tell; install the feature Request Monitor (Web-Request-Monitor)", server, slot)
	}
	return r.Current, err
}

// Load is how much a slot has to do. A number is -1 where the server cannot tell.
type Load = agent.SlotLoad

// Loads tells how much the slots have to do that have a worker.
func (f *Fleet) Loads(ctx context.Context, server string) ([]Load, error) {
	var r agent.PerfResult
	err := f.query(ctx, server, "perf", agent.AppArgs{App: f.options.App}, &r)
	return r.Slots, err
}

// History is who has been at work on a server.
type History = agent.HistoryResult

// History tells who has been at work on a server: when IIS' configuration was written last, by whom it may have been, and the runs
// that left notes.
func (f *Fleet) History(ctx context.Context, server string) (History, error) {
	var r agent.HistoryResult
	err := f.query(ctx, server, "history", agent.AppArgs{App: f.options.App}, &r)
	return r, err
}

// Flush makes http.sys write its access-log lines now, which it would do by itself within a minute: that is not worth a process of its own,
// nor the end of one whose server has too much to do.
func (f *Fleet) Flush(ctx context.Context, server string) error {
	return f.run(ctx, server, operation{name: "flush", args: struct{}{}, limit: f.timeouts.Query, aside: true}, nil)
}

// Prune removes every slot that is not in keep, not running and not starting at boot. What could not be deleted is left
// for the next time and mentioned.
func (f *Fleet) Prune(ctx context.Context, server string, keep []string) ([]string, error) {
	if keep == nil {
		keep = []string{}
	}
	args := agent.PruneArgs{App: f.options.App, Root: f.options.Root, Keep: keep}
	var r agent.PruneResult
	if err := f.change(ctx, server, operation{name: "prune", args: args, limit: f.timeouts.Transfer}, &r); err != nil {
		return nil, err
	}
	for _, w := range r.Warnings {
		f.mention(server, "tidied, and to be known: "+w)
	}
	return r.Removed, nil
}

// Note appends lines to a run's shard on the server, durably. Lines have no line breaks. After a broken connection the
// same lines may be there twice.
func (f *Fleet) Note(ctx context.Context, server, run string, lines []string) error {
	args := agent.NoteArgs{App: f.options.App, Run: run, Lines: lines}
	return f.change(ctx, server, operation{name: "note", args: args, limit: f.timeouts.Change}, nil)
}

// Shard is the lines that a run noted on one server.
type Shard struct {
	Run   string
	Lines []string
}

// Notes reads a run's shard; an empty run means all, newest first, at most 20.
func (f *Fleet) Notes(ctx context.Context, server, run string) ([]Shard, error) {
	var r agent.NotesResult
	if err := f.query(ctx, server, "notes", agent.NotesArgs{App: f.options.App, Run: run}, &r); err != nil {
		return nil, err
	}
	shards := make([]Shard, len(r.Runs))
	for i, s := range r.Runs {
		shards[i] = Shard(s)
	}
	return shards, nil
}

// milliseconds rounds up, so that a short time never becomes none.
func milliseconds(d time.Duration) int64 {
	return int64((d + time.Millisecond - 1) / time.Millisecond)
}
