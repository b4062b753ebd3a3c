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

// leftError says that the newest run went beyond bringing files to the servers and did not come to its end.
type leftError struct {
	run, slot string
	missing   []string // servers that it took out of rotation and that are in no target group any more
}

func (e *leftError) Error() string {
	text := fmt.Sprintf("run %s to %s did not come to its end", e.run, e.slot)
	if len(e.missing) > 0 {
		text += fmt.Sprintf(", and %s, which it took out of rotation, is in no target group", strings.Join(e.missing, ", "))
	}
	return text
}

// unfinished refuses to begin on what a run has left half way. The servers' own notes tell of it, also of a server that is in
// no target group any more, which no survey can find. A run that is abandoned by its id is let be.
func (ses *session) unfinished(ctx context.Context, inv canary.Inventory, abandoned string) error {
	run, where := ses.newest(ctx, inv)
	if run == "" || run == abandoned {
		return nil
	}
	events, err := journal.Collect(ctx, where, func(ctx context.Context, server string) ([]string, error) {
		return ses.shard(ctx, server, run)
	})
	if _, some := errors.AsType[*journal.IncompleteError](err); err != nil && !some {
		return fmt.Errorf("read what is noted of run %s on the servers: %w", run, err)
	}
	plan, known := firstPlan(slices.Values(events))
	if !known || events[len(events)-1].Type == canary.Finished {
		return nil
	}
	missing := lost(plan, inv) // what began on those, their own notes would tell
	if len(missing) == 0 && !rolled(plan, slices.Values(events)) {
		return nil
	}
	return &leftError{run, plan.New.Slot, missing}
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

// lost is the servers of a run's plan that are not in the inventory.
func lost(plan canary.Plan, inv canary.Inventory) []string {
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
