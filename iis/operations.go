package iis

import (
	"context"
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
	return f.change(ctx, server, operation{name: "stop", args: args, limit: f.timeouts.StopWait + f.timeouts.Change}, nil)
}

// Own sets in one commit which of the named slots start at boot.
func (f *Fleet) Own(ctx context.Context, server string, boot map[string]bool) error {
	args := agent.OwnArgs{App: f.options.App, Boot: boot}
	return f.change(ctx, server, operation{name: "own", args: args, limit: f.timeouts.Change}, nil)
}

// Probe sends one series of warm-up requests on one connection from the server to its own site.
func (f *Fleet) Probe(ctx context.Context, server string, p canary.Probe) ([]canary.Answered, error) {
	args := agent.ProbeArgs{
		App: f.options.App, Slot: p.Slot, Path: p.Path, Host: p.Host, FirstMS: milliseconds(p.First), EachMS: milliseconds(p.Each),
		Requests: p.Requests, Header: p.Header, UserAgent: f.options.UserAgent,
	}
	if args.Host == "" {
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
		answers[i] = canary.Answered{Status: a.Status, Took: took, Version: a.Version, Worker: a.Worker, Err: a.Error}
	}
	return answers, nil
}

// Requests counts the requests that a slot is working on.
func (f *Fleet) Requests(ctx context.Context, server, slot string) (int, error) {
	var r agent.RequestsResult
	err := f.query(ctx, server, "requests", agent.SlotArgs{App: f.options.App, Slot: slot}, &r)
	return r.Current, err
}

// Flush makes http.sys write its access-log lines now.
func (f *Fleet) Flush(ctx context.Context, server string) error {
	return f.query(ctx, server, "flush", struct{}{}, nil)
}

// Prune removes every slot that is not in keep, not running and not starting at boot. What could not be deleted is left
// for the next time and logged.
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
		f.log.Warn("not everything could be removed", "server", server, "warning", w)
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
