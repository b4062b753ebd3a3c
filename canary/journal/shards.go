package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"time"

	"iiscanary/canary"
)

// noteLimit bounds one note to one server.
const noteLimit = 30 * time.Second

// Noter keeps lines of a run on a server, durable when it returns.
type Noter interface {
	Note(ctx context.Context, server, run string, lines []string) error
}

// Shards is a [canary.Journal] that also writes each line to the servers that it is about: the plan to all of them, a
// step to its server, everything else to all as far as they can be reached.
//
// While a release is rolled out, the plan and the beginning of a step must reach their servers before anything changes:
// otherwise Append fails, wrapping [canary.ErrUnreachable] where that is why. Every other line, and every line of a
// revert, is kept for a server that does not take it and is sent before the next one. The file here always has it. Where a
// server refuses a line because another process took it over, Append fails, wrapping [canary.ErrTaken].
type Shards struct {
	inner canary.Journal
	noter Noter

	mu        sync.Mutex
	run       string
	servers   []string
	reverting bool
	backlog   map[string][]string // lines that a server has not taken yet
}

var _ canary.Journal = (*Shards)(nil)

// NewShards goes on where inner ends, for a plan that inner holds or is about to.
func NewShards(inner canary.Journal, noter Noter, plan canary.Plan) *Shards {
	s := &Shards{inner: inner, noter: noter, backlog: map[string][]string{}}
	s.follow(plan)
	for e := range inner.Events() {
		if e.Type == canary.Planned {
			s.follow(*e.Plan)
		}
	}
	return s
}

// follow takes the run, its servers and its direction from a plan.
func (s *Shards) follow(p canary.Plan) {
	s.run, s.reverting, s.servers = p.Run, p.Revert, nil
	for _, server := range p.Servers {
		s.servers = append(s.servers, server.Name)
	}
}

// Events yields what the inner journal holds.
func (s *Shards) Events() iter.Seq[canary.Event] { return s.inner.Events() }

// Append writes the line to its servers and to the inner journal.
func (s *Shards) Append(e canary.Event) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := format(e)
	if err != nil {
		return err
	}
	if e.Plan != nil {
		s.follow(*e.Plan)
	}
	line := strings.TrimSuffix(string(b), "\n")
	must := !s.reverting && (e.Type == canary.Planned || e.Type == canary.Began && e.Server != "")
	if must {
		if err := s.tell(e, line); err != nil {
			s.forget(line)
			return err
		}
		return s.inner.Append(e)
	}
	if err := s.inner.Append(e); err != nil {
		return err
	}
	if err := s.tell(e, line); errors.Is(err, canary.ErrTaken) {
		return err
	}
	return nil // the backlog has what was not taken
}

// tell sends a line to the servers that it is about, side by side.
func (s *Shards) tell(e canary.Event, line string) error {
	to := s.servers
	if e.Server != "" {
		to = []string{e.Server}
	}
	errs := make([]error, len(to))
	var wg sync.WaitGroup
	for i, server := range to {
		s.backlog[server] = append(s.backlog[server], line)
		lines := s.backlog[server]
		wg.Go(func() { errs[i] = s.note(server, lines) })
	}
	wg.Wait()
	for i, server := range to {
		if errs[i] == nil {
			delete(s.backlog, server)
		}
	}
	return errors.Join(errs...)
}

func (s *Shards) note(server string, lines []string) error {
	ctx, cancel := context.WithTimeout(context.Background(), noteLimit)
	defer cancel()
	if err := s.noter.Note(ctx, server, s.run, lines); err != nil {
		return fmt.Errorf("write the journal on %s: %w", server, err)
	}
	return nil
}

// forget takes a line that was never written here out of every backlog. Servers that took it keep it; merged, it says
// that a step may have begun, which is safe to believe.
func (s *Shards) forget(line string) {
	for server, lines := range s.backlog {
		if n := len(lines); n > 0 && lines[n-1] == line {
			s.backlog[server] = lines[:n-1]
		}
	}
}
