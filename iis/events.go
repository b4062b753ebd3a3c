package iis

import (
	"context"
	"time"

	"iiscanary/iis/agent"
)

// Record is one thing that a server itself has noted: an entry of an event log, or refusals of http.sys.
type Record = agent.Record

// Events is what the server's own logs hold about a slot from the last so long: the newest 40 records at most, oldest first. Logs
// that could not be read are logged, and left out. The server answers in half the time that there is, with what it has by then; the
// operation after this one finds the connection as good as it was.
func (f *Fleet) Events(ctx context.Context, server, slot string, last time.Duration) ([]Record, error) {
	var r agent.EventsResult
	args := agent.EventsArgs{App: f.options.App, Slot: slot, LastMS: milliseconds(last)}
	limit := f.timeouts.Query
	if end, bound := ctx.Deadline(); bound {
		limit = min(limit, time.Until(end))
	}
	args.WithinMS = milliseconds(max(limit/2, time.Millisecond))
	if err := f.run(ctx, server, operation{name: "events", args: args, limit: limit, aside: true}, &r); err != nil {
		return nil, err
	}
	for _, why := range r.Unread {
		f.log.Debug("a log of the server could not be read", "server", server, "log", why)
	}
	return r.Entries, nil
}

// Explain is what the server's own logs say about why a slot failed, and what to do about it, in one line; empty: nothing that is
// known. It asks once, without patience: an explanation is not worth a wait.
func (f *Fleet) Explain(ctx context.Context, server, slot string, last time.Duration) string {
	records, err := f.Events(ctx, server, slot, last)
	if err != nil {
		f.log.Debug("the server's own logs could not be asked", "server", server, "err", err)
		return ""
	}
	return Explanation(Diagnose(records))
}
