package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"iiscanary/canary"
	"iiscanary/canary/journal"
)

// forgotten refuses to begin while a run that died has left a server in no target group: the survey cannot find such a
// server, only the notes on the others know of it.
func (ses *session) forgotten(ctx context.Context, inv canary.Inventory) error {
	run, where := ses.newest(ctx, inv)
	if run == "" {
		return nil
	}
	events, err := journal.Collect(ctx, where, func(ctx context.Context, server string) ([]string, error) {
		return ses.shard(ctx, server, run)
	})
	if _, some := errors.AsType[*journal.IncompleteError](err); err != nil && !some {
		return fmt.Errorf("read what is noted of run %s on the servers: %w", run, err)
	}
	missing := lost(events, inv)
	if len(missing) == 0 {
		return nil
	}
	again := func(verb string) string {
		return commandLine("iis-canary "+verb, "--config", ses.path, "--run", run)
	}
	return fail(exitPreflight, fmt.Errorf("run %s did not end, and %s, which it took out of rotation, is in no target group", run, strings.Join(missing, ", ")),
		"nothing was touched by this command", again("resume")+"   (go on)",
		again("revert")+"   (put every server back)")
}

// newest is the latest run that any server has notes of, and the servers that do.
func (ses *session) newest(ctx context.Context, inv canary.Inventory) (run string, where []string) {
	for _, f := range inv.Servers {
		survey, err := ses.hosts.Survey(ctx, f.Name)
		if err != nil || len(survey.Runs) == 0 {
			continue
		}
		switch latest := slices.Max(survey.Runs); {
		case latest > run:
			run, where = latest, []string{f.Name}
		case latest == run:
			where = append(where, f.Name)
		}
	}
	return run, where
}

// lost is the servers of a run's plan that are not in the inventory, where the run did not come to its end.
func lost(events []canary.Event, inv canary.Inventory) []string {
	plan, known := firstPlan(slices.Values(events))
	if !known || events[len(events)-1].Type == canary.Finished {
		return nil
	}
	var out []string
	for _, s := range plan.Servers {
		if !slices.ContainsFunc(inv.Servers, func(f canary.Found) bool { return f.Name == s.Name }) {
			out = append(out, s.Name)
		}
	}
	return out
}

// firstPlan is the plan that a run began with.
func firstPlan(events iter.Seq[canary.Event]) (canary.Plan, bool) {
	for e := range events {
		if e.Type == canary.Planned && e.Plan != nil && !e.Plan.Revert {
			return *e.Plan, true
		}
	}
	return canary.Plan{}, false
}

// shard is what one server knows of a run.
func (ses *session) shard(ctx context.Context, server, run string) ([]string, error) {
	shards, err := ses.hosts.Notes(ctx, server, run)
	if err != nil {
		return nil, err
	}
	var lines []string
	for _, s := range shards {
		lines = append(lines, s.Lines...)
	}
	return lines, nil
}
