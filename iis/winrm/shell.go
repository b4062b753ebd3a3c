package winrm

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// Shell is one remote shell with at most one command in it. Send and Receive may run at the same time; two Sends may not.
type Shell struct {
	client  *Client
	id      string
	command string
	once    sync.Once
	closed  error
}

// Output is what one Receive brought.
type Output struct {
	Stdout, Stderr []byte
	Done           bool // the command has ended
	ExitCode       int  // when Done
}

// Open creates a shell. When the answer is lost, the shell that may have been made ends by itself when idle.
func (c *Client) Open(ctx context.Context) (*Shell, error) {
	r, err := c.exchange(ctx, "Create", c.createRequest())
	if err != nil {
		return nil, err
	}
	id := r.shellID()
	if id == "" {
		return nil, fmt.Errorf("winrm Create on %s: the answer names no shell", c.url)
	}
	return &Shell{client: c, id: id}, nil
}

// Start runs a command line in the shell, in pipe mode. A command line is at most 8,157 characters long.
func (s *Shell) Start(ctx context.Context, commandLine string) error {
	if s.command != "" {
		return errors.New("this shell has a command already")
	}
	r, err := s.client.exchange(ctx, "Command", s.client.commandRequest(s.id, commandLine))
	if err != nil {
		return err
	}
	s.command = strings.TrimSpace(r.Body.CommandID)
	if s.command == "" {
		return fmt.Errorf("winrm Command on %s: the answer names no command", s.client.url)
	}
	return nil
}

// Send writes to the command's standard input, in as many requests as the server's envelope limit asks for. After an
// error it is not known how much has arrived: the shell is good for [Shell.Close] only.
func (s *Shell) Send(ctx context.Context, p []byte) error {
	for len(p) > 0 {
		n := min(len(p), int(s.client.perSend.Load()))
		_, err := s.client.exchange(ctx, "Send", s.client.sendRequest(s.id, s.command, p[:n], false))
		if tooLarge(err) && n > leastPerSend {
			s.client.perSend.Store(int64(max(n/2, leastPerSend)))
			continue
		}
		if err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func tooLarge(err error) bool {
	if f := (*Fault)(nil); errors.As(err, &f) {
		return f.TooLarge()
	}
	e := (*StatusError)(nil)
	return errors.As(err, &e) && e.Status == http.StatusRequestEntityTooLarge
}

// Receive waits for output, for the end of the command, or for the operation timeout, after which it returns an empty
// Output and no error: receive again.
func (s *Shell) Receive(ctx context.Context) (Output, error) {
	r, err := s.client.exchange(ctx, "Receive", s.client.receiveRequest(s.id, s.command))
	if f := (*Fault)(nil); errors.As(err, &f) && f.TimedOut() {
		return Output{}, nil
	}
	if err != nil {
		return Output{}, err
	}
	out, err := r.output()
	if err != nil {
		return Output{}, fmt.Errorf("winrm Receive on %s: %w", s.client.url, err)
	}
	return out, nil
}

// Close ends the command and deletes the shell, which ends every process in it. It does so also when ctx has ended,
// within a bound of its own. A shell that is gone already is no error. Later calls return what the first returned.
func (s *Shell) Close(ctx context.Context) error {
	s.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.client.timeouts.Delete)
		defer cancel()
		if s.command != "" {
			// Deleting the shell ends the command too; the signal lets it end in order first.
			signalled, done := context.WithTimeout(ctx, s.client.timeouts.Delete/2)
			_, _ = s.client.exchange(signalled, "Signal", s.client.signalRequest(s.id, s.command))
			done()
		}
		_, s.closed = s.client.exchange(ctx, "Delete", s.client.deleteRequest(s.id))
		if f := (*Fault)(nil); errors.As(s.closed, &f) && f.Gone() {
			s.closed = nil
		}
	})
	return s.closed
}

// exchange posts a request and holds its answer to account: right action, right message.
func (c *Client) exchange(ctx context.Context, action string, r request) (reply, error) {
	text, err := c.post(ctx, action, r.message.String())
	if err != nil {
		return reply{}, err
	}
	answer, err := parse(text)
	if err != nil {
		return reply{}, fmt.Errorf("winrm %s on %s: %w", action, c.url, err)
	}
	if f := answer.Body.Fault; f != nil {
		fault, err := parseFault(text)
		if err != nil {
			return reply{}, fmt.Errorf("winrm %s on %s: %w", action, c.url, err)
		}
		fault.Action = action
		return reply{}, fault
	}
	if got := strings.TrimSpace(answer.Header.Action); !strings.HasSuffix(got, "/"+action+"Response") {
		return reply{}, fmt.Errorf("winrm %s on %s: answered with action %q", action, c.url, got)
	}
	if got := strings.TrimSpace(answer.Header.RelatesTo); !strings.EqualFold(got, r.id) {
		return reply{}, fmt.Errorf("winrm %s on %s: the answer relates to %q, not to this request", action, c.url, got)
	}
	return answer, nil
}
