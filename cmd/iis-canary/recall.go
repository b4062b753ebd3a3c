package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"iiscanary/canary"
	"iiscanary/canary/journal"
)

// recall finds the run's journal: in the state folder, or in shards on the servers.
func (cd *conduct) recall(ctx context.Context, run string) (past, error) {
	var p past
	books, err := cd.books()
	if err != nil {
		return p, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	if run == "" {
		if run, err = cd.newest(ctx, books); err != nil {
			return p, fail(exitPreflight, err, "nothing was touched", commandLine("iis-canary status", "--config", cd.ses.path))
		}
	}
	if err := books.clear(run); err != nil {
		return p, fail(exitUnexpected, err, "nothing was touched by this command", "look at the rights of that file and its folder, then type the same line again")
	}
	p.path = books.journal(run)
	p.collected = !exists(p.path)
	if err := cd.collect(ctx, run, books); err != nil {
		return p, fail(exitPreflight, err, "nothing was touched", commandLine("iis-canary status", "--config", cd.ses.path))
	}
	p.file, err = journal.Open(p.path)
	if _, used := errors.AsType[*journal.InUseError](err); used {
		return p, fail(exitLocked, err, "nothing was touched by this command", "wait for it to end, or end it with Ctrl-C",
			commandLine("iis-canary status", "--config", cd.ses.path))
	}
	if corrupt, is := errors.AsType[*journal.CorruptError](err); is {
		return p, cd.damaged(run, p.path, corrupt)
	}
	if err != nil {
		return p, fail(exitUnexpected, err, "nothing was touched by this command", "look at the rights of that file and its folder, then type the same line again")
	}
	plan, found := firstPlan(p.file.Events())
	if !found {
		_ = p.file.Close() // nothing was written
		return p, cd.damaged(run, p.path, errors.New("it holds no plan"))
	}
	if plan.Run != run {
		_ = p.file.Close() // nothing was written
		return p, cd.damaged(run, p.path, errors.New("it is the journal of run "+plan.Run))
	}
	p.plan = plan
	p.progress = canary.Fold(p.plan, p.file.Events())
	return p, nil
}

// damaged refuses a journal on this machine that cannot be read. The servers have its lines too.
func (cd *conduct) damaged(run, path string, what error) error {
	typed := typedFor(cd.ses.path)
	return fail(exitPreflight, fmt.Errorf("the journal of run %s cannot be read: %w", run, what), "nothing was touched by this command",
		"move "+path+" away: the journal is then collected from the servers by either of these",
		typed("resume", run)+"   (go on)", typed("revert", run)+"   (put every server back)")
}

// collect writes the journal file from the servers' shards where this machine has none: first from the servers that are in
// the target groups, to learn the plan, then from all that the plan names. The one in hand may be in no group any more.
func (cd *conduct) collect(ctx context.Context, run string, books runs) error {
	if exists(books.journal(run)) {
		return nil
	}
	events, err := cd.gather(ctx, run)
	plan, known := firstPlan(slices.Values(events))
	if errors.Is(err, journal.ErrNoPlan) || err == nil && !known {
		return fmt.Errorf("neither this machine nor any server that answers knows a run %s", run)
	}
	if err != nil {
		return err
	}
	if err := cd.ses.aim(plan.Servers); err != nil {
		return err
	}
	if events, err = cd.gather(ctx, run); err != nil {
		return err
	}
	if err := books.disown(run); err != nil {
		return err
	}
	return journal.Write(books.journal(run), events)
}

// behind refuses a journal on this machine that the servers know more of: the run was gone on with elsewhere. One line more is
// what a process leaves that died between writing it there and writing it here.
func (cd *conduct) behind(ctx context.Context, was past) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	events, err := cd.gather(ctx, was.plan.Run)
	if err != nil {
		return nil // an unreachable server is met by its own step
	}
	last := 0
	for e := range was.file.Events() {
		last = max(last, e.Seq)
	}
	if len(events) == 0 || events[len(events)-1].Seq <= last+1 {
		return nil
	}
	return fail(exitPreflight, fmt.Errorf("the servers know more of run %s than %s: it was gone on with on another machine", was.plan.Run, was.path),
		"nothing was touched by this command", "move that file away, then type the same line again: the journal is then collected from the servers")
}

// gather merges what each server at hand knows of a run. A server that cannot be asked is said, and left out.
func (cd *conduct) gather(ctx context.Context, run string) ([]canary.Event, error) {
	events, err := journal.Collect(ctx, cd.ses.hosts.Servers(), func(ctx context.Context, server string) ([]string, error) {
		return cd.ses.shard(ctx, server, run)
	})
	if missing, some := errors.AsType[*journal.IncompleteError](err); some {
		cd.screen.Note(missing.Error())
	} else if err != nil {
		return nil, fmt.Errorf("collect run %s from the servers: %w", run, err)
	}
	return events, nil
}

// newest is the newest run of this machine and of all servers: the one to take up may have been begun elsewhere.
func (cd *conduct) newest(ctx context.Context, books runs) (string, error) {
	here, err := books.latest()
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	there := cd.newestNoted(ctx)
	switch {
	case ctx.Err() != nil:
		return "", context.Cause(ctx)
	case here == "" && there == "":
		return "", errors.New("no run is known, neither here nor on any server")
	case here != "" && there > here:
		cd.screen.Note("the servers know of a newer run than this machine: " + there)
	}
	return max(here, there), nil
}

// newestNoted asks the servers for the newest run. One that cannot be asked is said, and left out.
func (cd *conduct) newestNoted(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	servers := cd.ses.hosts.Servers()
	noted, silent := make([][]string, len(servers)), make([]error, len(servers))
	var asked sync.WaitGroup
	for i, server := range servers {
		asked.Go(func() {
			survey, err := cd.ses.hosts.Survey(ctx, server)
			noted[i], silent[i] = survey.Runs, err
		})
	}
	asked.Wait()
	newest := ""
	for i, server := range servers {
		if silent[i] != nil {
			cd.screen.Note(server + " cannot be asked for its newest run: " + silent[i].Error())
			continue
		}
		for _, run := range slices.DeleteFunc(noted[i], func(run string) bool { return !isRunID(run) }) {
			newest = max(newest, run)
		}
	}
	return newest
}
