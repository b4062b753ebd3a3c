package iis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

const (
	// stderrKept is how much of the end of standard error an error may quote.
	stderrKept = 4 << 10
	// eagerPoll is the shortest time between two polls that brought nothing: a server that does not hold a Receive
	// open must not be asked a thousand times a second.
	eagerPoll = 100 * time.Millisecond
	// lastWords is how long to wait for what a process said before it stopped taking input.
	lastWords = 2 * time.Second
)

// session is one agent process on a server, from its start until its stream breaks. One request is in flight at a time.
type session struct {
	shell   *winrm.Shell
	stop    context.CancelFunc
	answers chan agent.Answer
	dead    chan struct{} // closed when the receiving end is over; err says why
	err     error
	closing sync.WaitGroup
}

// endedError is an agent process that went away.
type endedError struct {
	exit   int
	stderr string
}

func (e *endedError) Error() string {
	s := fmt.Sprintf("the agent process ended with exit code %d", e.exit)
	if e.stderr != "" {
		s += ": " + e.stderr
	}
	return s
}

// startSession starts the agent in a new shell. The shell is deleted when that fails.
func startSession(ctx context.Context, shell *winrm.Shell, program agent.Program) (*session, error) {
	if err := shell.Start(ctx, program.Command); err != nil {
		_ = shell.Close(ctx) // the reason for closing it is the better error
		return nil, err
	}
	receiving, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &session{shell: shell, stop: stop, answers: make(chan agent.Answer, 1), dead: make(chan struct{})}
	s.closing.Go(func() {
		s.err = s.receive(receiving)
		close(s.dead)
	})
	if err := s.send(ctx, program.Input); err != nil {
		_ = s.close(ctx)
		return nil, err
	}
	return s, nil
}

func (s *session) alive() bool {
	select {
	case <-s.dead:
		return false
	default:
		return true
	}
}

// close ends the process and deletes its shell, also when ctx has ended.
func (s *session) close(ctx context.Context) error {
	s.stop()
	err := s.shell.Close(ctx)
	s.closing.Wait()
	return err
}

// call sends one request and waits for its answer. After any error but a *agent.Error the session must be closed.
func (s *session) call(ctx context.Context, r agent.Request, blob []byte) (json.RawMessage, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	frame, err := agent.Frame{JSON: body, Blob: blob}.Encode()
	if err != nil {
		return nil, err
	}
	if err := s.send(ctx, frame); err != nil {
		return nil, err
	}
	select {
	case a := <-s.answers:
		return read(r, a)
	case <-s.dead:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	select { // the last answer may have come together with the end
	case a := <-s.answers:
		return read(r, a)
	default:
		return nil, s.err
	}
}

// send prefers the reason why the process ended over the refusal of the input that it can no longer take.
func (s *session) send(ctx context.Context, p []byte) error {
	err := s.shell.Send(ctx, p)
	if fault := (*winrm.Fault)(nil); !errors.As(err, &fault) {
		return err
	}
	grace := time.NewTimer(lastWords)
	defer grace.Stop()
	select {
	case a := <-s.answers:
		if a.Fatal != "" {
			return &agent.StartError{Text: a.Fatal, Language: a.Language, Version: a.Version}
		}
	case <-s.dead:
		return s.err
	case <-grace.C:
	case <-ctx.Done():
	}
	return err
}

func read(r agent.Request, a agent.Answer) (json.RawMessage, error) {
	switch {
	case a.Fatal != "":
		return nil, &agent.StartError{Text: a.Fatal, Language: a.Language, Version: a.Version}
	case a.ID != r.ID:
		return nil, fmt.Errorf("the agent answered %q instead of %q", a.ID, r.ID)
	case a.Error != nil:
		a.Error.Op = r.Op
		return a.Result, a.Error
	}
	return a.Result, nil
}

// receive keeps a Receive pending until the process ends or the stream breaks.
func (s *session) receive(ctx context.Context) error {
	var decoder agent.Decoder
	var stderr []byte
	for {
		asked := time.Now()
		out, err := s.shell.Receive(ctx)
		if err != nil {
			return err
		}
		stderr = append(stderr, out.Stderr...)
		stderr = stderr[max(0, len(stderr)-stderrKept):]
		decoder.Feed(out.Stdout)
		if err := s.deliver(ctx, &decoder); err != nil {
			return err
		}
		if out.Done {
			return &endedError{exit: out.ExitCode, stderr: agent.ErrorText(string(stderr))}
		}
		if len(out.Stdout) == 0 {
			if err := wait(ctx, eagerPoll-time.Since(asked)); err != nil {
				return err
			}
		}
	}
}

func (s *session) deliver(ctx context.Context, d *agent.Decoder) error {
	for {
		frame, whole, err := d.Next()
		if err != nil || !whole {
			return err
		}
		var a agent.Answer
		if err := json.Unmarshal(frame.JSON, &a); err != nil {
			return fmt.Errorf("the agent's answer cannot be read: %w", err)
		}
		select {
		case s.answers <- a:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// wait returns at once when d is not positive.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
