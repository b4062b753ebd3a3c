package iis

import (
	"context"
	"encoding/json"
	"fmt"

	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

// reconnects is how often in a row a shell is asked on over a new connection.
const reconnects = 3

// poll receives. A dropped connection is no dropped shell: the same one is asked on, but for the rest of a frame, of which a part may be gone.
func (s *session) poll(ctx context.Context, between bool) (winrm.Output, error) {
	out, err := s.shell.Receive(ctx)
	for try := 1; between && lost(ctx, err) && try <= reconnects; try++ {
		if wait(ctx, eagerPoll) != nil {
			break
		}
		s.torn = true
		if err = s.repeat(ctx); err == nil {
			out, err = s.shell.Receive(ctx)
		}
	}
	return out, err
}

// insist asks again where a poll brought nothing after a connection was lost: the server may not have noticed the loss, and have given
// its answer to the poll of that connection.
func (s *session) insist(ctx context.Context) error {
	if !s.torn {
		return nil
	}
	if s.answered() {
		s.torn = false
		return nil
	}
	if err := s.repeat(ctx); !lost(ctx, err) {
		return err
	}
	return nil // the next poll finds that out
}

// answered says that nothing is waited for.
func (s *session) answered() bool {
	s.sending.Lock()
	defer s.sending.Unlock()
	return s.asked == nil || s.asked.ID == s.last
}

// send sends a request, and once more where its connection was lost: the agent answers what it has heard before from memory.
func (s *session) send(ctx context.Context, r agent.Request, frame []byte) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	err := s.shell.Send(ctx, frame)
	for try := 1; lost(ctx, err) && s.shell.AtOnce(len(frame)) && try <= reconnects; try++ {
		if wait(ctx, eagerPoll) != nil {
			return err
		}
		err = s.shell.Send(ctx, frame)
	}
	if err == nil {
		s.asked = &agent.Request{ID: r.ID, Op: r.Op}
	}
	return err
}

// lost says that only the connection is gone.
func lost(ctx context.Context, err error) bool {
	return err != nil && ctx.Err() == nil && diagnose(err).Kind == winrm.Lost
}

// repeat asks once more for the answer to the last request, which may have been on its way. By its id it is answered from memory, so
// nothing but that is sent.
func (s *session) repeat(ctx context.Context) error {
	s.sending.Lock()
	defer s.sending.Unlock()
	if s.asked == nil {
		return nil
	}
	body, err := json.Marshal(s.asked)
	if err != nil {
		return fmt.Errorf("encode the request: %w", err)
	}
	frame, err := agent.Frame{JSON: body}.Encode()
	if err != nil {
		return err
	}
	return s.shell.Send(ctx, frame)
}
