package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/alb"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
)

func statusCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "status",
		Usage: "say what runs where, and any run in flight; changes nothing",
		Flags: []cli.Flag{configFlag(), outputFlag(),
			switchFlag("detailed-exitcode", "exit 10 when something is not as it should be, or a run is in flight")},
		Action: func(c *cli.Context) error {
			o, err := format(c)
			if err != nil {
				return err
			}
			ctx, stop := signal.NotifyContext(c.Context, os.Interrupt)
			defer stop()
			ses, err := connect(ctx, s, configPath(c), say(s))
			if err != nil {
				return orStopped(ctx, err)
			}
			defer ses.close()
			return orStopped(ctx, ses.status(ctx, s, o, c.Bool("detailed-exitcode")))
		},
	})
}

func (ses *session) status(ctx context.Context, s streams, format string, detailed bool) error {
	survey, err := ses.sight(ctx)
	if err != nil {
		return err
	}
	fleet := report.Assess(survey, typedFor(ses.path))
	write := fleet.Text
	if format == "json" {
		write = fleet.JSON
	}
	if err := write(s.out); err != nil {
		return err
	}
	if detailed && !fleet.Whole() {
		return quiet(exitChanges)
	}
	return nil
}

// sight reads the whole fleet, and what is known of its runs here and on the servers. It changes nothing.
func (ses *session) sight(ctx context.Context) (report.Survey, error) {
	survey, err := ses.elb.Survey(ctx)
	if err != nil {
		return report.Survey{}, unreached(err)
	}
	out := report.Survey{App: ses.spec.App, At: time.Now(), Groups: survey.Groups, Seen: make([]report.Sighting, len(survey.Members))}
	noted := make([][]string, len(survey.Members))
	free := make(chan struct{}, surveyAtOnce)
	var all sync.WaitGroup
	for i, m := range survey.Members {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			out.Seen[i], noted[i] = ses.sightOf(ctx, m)
		})
	}
	all.Wait()
	out.Runs, err = ses.known(ctx, whereNoted(out.Seen, noted))
	return out, err
}

// sightOf reads one server, and the runs that it has notes of.
func (ses *session) sightOf(ctx context.Context, m alb.Member) (report.Sighting, []string) {
	found, survey := ses.look(ctx, m)
	seen := report.Sighting{Found: found}
	if survey == nil {
		return seen, nil
	}
	if l := survey.Lease; l != nil {
		seen.Lease = &report.Lease{Run: l.Run, Owner: l.Owner, Reason: l.Reason, Since: l.Since, Until: l.Until,
			Over: !l.Until.After(survey.At.Add(survey.ClockOff)) || shelf(ses.spec, ses.path).fate(l.Run, l.Owner) == dead}
	}
	seen.Omens = omens(*survey)
	loads, err := ses.hosts.Loads(ctx, seen.Found.Name)
	if err != nil {
		seen.Found.Problems = append(seen.Found.Problems, err.Error())
	}
	for _, l := range loads {
		seen.Loads = append(seen.Loads, report.Load{Slot: l.Slot, Requests: l.Requests, Queue: l.Queue})
	}
	if seen.Odd() {
		seen.Changed = ses.changed(ctx, seen.Found.Name)
	}
	return seen, survey.Runs
}

// whereNoted is, by run, the servers that have notes of it.
func whereNoted(seen []report.Sighting, noted [][]string) map[string][]string {
	out := map[string][]string{}
	for i, runs := range noted {
		for _, run := range runs {
			if isRunID(run) {
				out[run] = append(out[run], seen[i].Found.Name)
			}
		}
	}
	return out
}

// knownRuns bounds how many runs are looked at, the newest first: older ones were overtaken long ago.
const knownRuns = 5

// known is the newest runs, from the journals here and from the notes on the servers, whichever says more.
func (ses *session) known(ctx context.Context, where map[string][]string) ([]report.Run, error) {
	books, typed := shelf(ses.spec, ses.path), typedFor(ses.path)
	ids, err := books.ids()
	if err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched", "look at the rights of the state folder ("+ses.spec.State+")")
	}
	for run := range where {
		if !slices.Contains(ids, run) {
			ids = append(ids, run)
		}
	}
	slices.SortFunc(ids, func(a, b string) int { return strings.Compare(b, a) })
	var out []report.Run
	for _, run := range ids[:min(knownRuns, len(ids))] {
		here, err := books.story(run, typed)
		if len(where[run]) > 0 && (err != nil || !over(here) && !here.Alive) {
			here = later(here, ses.noted(ctx, run, where[run], typed))
		}
		out = append(out, here)
	}
	return out, nil
}

func over(r report.Run) bool { return r.Outcome == report.Deployed || r.Outcome == report.Reverted }

// later is the story that knows more.
func later(here, there report.Run) report.Run {
	if there.Ended.After(here.Ended) || here.Run == "" {
		return there
	}
	return here
}

// noted is what the servers know of a run; nothing where none can be asked.
func (ses *session) noted(ctx context.Context, run string, where []string, typed report.Typed) report.Run {
	events, err := journal.Collect(ctx, where, func(ctx context.Context, server string) ([]string, error) {
		return ses.shard(ctx, server, run)
	})
	rec := report.Record{Run: run, Events: events}
	if _, some := errors.AsType[*journal.IncompleteError](err); err != nil && !some {
		rec.Damage = []report.Damage{{What: fmt.Sprintf("collect it from the servers: %v", err)}}
	}
	return report.Tell(rec, typed)
}
