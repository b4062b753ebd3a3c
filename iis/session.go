package iis

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

const (
	// stderrKept is how much of the end of standard error an error may quote, in bytes, once it is readable and secrets are out of it.
	stderrKept = 4 << 10
	// stderrHeld is how much of it is held for that, in bytes.
	stderrHeld = 64 << 10
	// eagerPoll is the shortest time between two polls that brought nothing: a server that does not hold a Receive
	// open must not be asked a thousand times a second.
	eagerPoll = 100 * time.Millisecond
	// lastWords is how long to wait for what a process said before it stopped taking input.
	lastWords = 2 * time.Second
	// owedTime is how long a request waits for the answer to one that was given up before it.
	owedTime = 5 * time.Second
)

// errUnanswered says that a request was given up after it was sent whole: its answer may still come.
var errUnanswered = errors.New("no answer yet")

// session is one agent process on a server, from its start until its stream breaks. One request is in flight at a time.
type session struct {
	shell   *winrm.Shell
	mask    mask
	stop    context.CancelFunc
	answers chan agent.Answer
	last    string        // the id of the last answer, for the receiving end only
	torn    bool          // a connection was lost, and with it may be the answer that is waited for; for the receiving end only
	dead    chan struct{} // closed when the receiving end is over; err says why
	owed    string        // the request that was given up, whose answer comes first; empty: none
	err     error
	closing sync.WaitGroup

	sending sync.Mutex
	asked   *agent.Request // what was sent whole last

	hearing sync.Mutex
	stderr  []byte // the end of it
	cut     bool   // there was more before that
}

// heard is the end of what the process has said on standard error so far.
func (s *session) heard() string {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	said := s.mask.values(string(s.stderr)) // before lines are joined: a secret may have several
	if s.cut {
		said = s.mask.begun(said)
	}
	said = s.mask.words(agent.ErrorText(said))
	said = said[max(0, len(said)-stderrKept):]
	for said != "" && !utf8.RuneStart(said[0]) {
		said = said[1:]
	}
	return said
}

func (s *session) hear(p []byte) {
	s.hearing.Lock()
	defer s.hearing.Unlock()
	s.stderr = append(s.stderr, p...)
	if more := len(s.stderr) - stderrHeld; more > 0 {
		s.stderr, s.cut = s.stderr[more:], true
	}
}

// startSession starts the agent in a new shell. The shell is deleted when that fails. What the agent says goes through the mask.
func startSession(ctx context.Context, shell *winrm.Shell, program agent.Program, m mask) (*session, error) {
	if err := shell.Start(ctx, program.Command); err != nil {
		_ = shell.Close(ctx) // the reason for closing it is the better error
		return nil, err
	}
	receiving, stop := context.WithCancel(context.WithoutCancel(ctx))
	s := &session{shell: shell, mask: m, stop: stop, answers: make(chan agent.Answer, 1), dead: make(chan struct{})}
	s.closing.Go(func() {
		s.err = s.receive(receiving)
		close(s.dead)
	})
	if err := s.explained(ctx, shell.Send(ctx, program.Input)); err != nil {
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

func (s *session) lasting() bool { return true }

// call sends one request and waits for its answer. After any error but a *agent.Error the session must be closed; after errUnanswered it need
// not be: the late answer is passed over.
func (s *session) call(ctx context.Context, r agent.Request, blob []byte) (json.RawMessage, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	frame, err := agent.Frame{JSON: body, Blob: blob}.Encode()
	if err != nil {
		return nil, err
	}
	if err := s.settle(ctx); err != nil {
		return nil, err
	}
	if err := s.explained(ctx, s.send(ctx, r, frame)); err != nil {
		return nil, err
	}
	return s.await(ctx, r)
}

// settle passes over the answer to a request that was given up.
func (s *session) settle(ctx context.Context) error {
	if s.owed == "" {
		return nil
	}
	bound, cancel := context.WithTimeout(ctx, owedTime)
	defer cancel()
	_, err := s.await(bound, agent.Request{ID: s.owed})
	if refused := (*agent.Error)(nil); err != nil && !errors.As(err, &refused) {
		return fmt.Errorf("the agent is still at work on %s, which was given up: %w", s.owed, err)
	}
	s.owed = ""
	return nil
}

// await waits for the answer to a request that was sent.
func (s *session) await(ctx context.Context, r agent.Request) (json.RawMessage, error) {
	select {
	case a := <-s.answers:
		return read(r, a)
	case <-s.dead:
	case <-ctx.Done():
		s.owed = r.ID
		return nil, fmt.Errorf("%w: %w", errUnanswered, context.Cause(ctx))
	}
	select { // the last answer may have come together with the end
	case a := <-s.answers:
		return read(r, a)
	default:
		return nil, s.err
	}
}

// explained prefers the reason why the process ended over the refusal of the input that it can no longer take.
func (s *session) explained(ctx context.Context, err error) error {
	if fault := (*winrm.Fault)(nil); !errors.As(err, &fault) {
		return err
	}
	grace := time.NewTimer(lastWords)
	defer grace.Stop()
	select {
	case a := <-s.answers:
		if a.Fatal != "" {
			return a.StartError()
		}
	case <-s.dead:
		select { // the last words may have come together with the end
		case a := <-s.answers:
			if a.Fatal != "" {
				return a.StartError()
			}
		default:
		}
		return s.err
	case <-grace.C:
	case <-ctx.Done():
	}
	return err
}

func read(r agent.Request, a agent.Answer) (json.RawMessage, error) {
	switch {
	case a.Fatal != "":
		return nil, a.StartError()
	case a.ID != r.ID:
		return nil, fmt.Errorf("the agent answered %q instead of %q", a.ID, r.ID)
	case a.Error != nil:
		a.Error.Op = r.Op
		explainHop(a.Error)
		return a.Result, a.Error
	}
	return a.Result, nil
}

// receive keeps a Receive pending until the process ends or the stream breaks.
func (s *session) receive(ctx context.Context) error {
	var decoder agent.Decoder
	for {
		asked := time.Now()
		out, err := s.poll(ctx, decoder.Between())
		if err != nil {
			return err
		}
		s.hear(out.Stderr)
		decoder.Feed(out.Stdout)
		if err := s.deliver(ctx, &decoder); err != nil {
			return err
		}
		if out.Done {
			return &EndedError{Exit: out.ExitCode, Stderr: s.heard()}
		}
		if len(out.Stdout) == 0 {
			if err := s.insist(ctx); err != nil {
				return err
			}
			if err := wait(ctx, eagerPoll-time.Since(asked)); err != nil {
				return err
			}
		}
	}
}

// deliver is where a server's words come in: everything that is said, written or sent of them has gone through the mask here, or in heard.
func (s *session) deliver(ctx context.Context, d *agent.Decoder) error {
	for {
		frame, whole, err := d.Next()
		if noise, is := errors.AsType[*agent.NoiseError](err); is {
			return &agent.NoiseError{Text: s.mask.words(noise.Text)}
		}
		if err != nil || !whole {
			return err
		}
		var a agent.Answer
		if err := json.Unmarshal(frame.JSON, &a); err != nil {
			return fmt.Errorf("the agent's answer cannot be read: %w", err)
		}
		if a, err = a.Reworded(s.mask.words); err != nil {
			return fmt.Errorf("the agent's answer cannot be read: %w", err)
		}
		if a.ID != "" && a.ID == s.last {
			continue // it was asked for twice
		}
		s.last = a.ID
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
