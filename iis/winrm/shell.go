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
func (c *Client) Open(ctx context.Context) (*Shell, error) { return c.open(ctx, idleTimeOut) }

func (c *Client) open(ctx context.Context, idle string) (*Shell, error) {
	r, err := c.exchange(ctx, "Create", c.createRequest(idle))
	if err != nil {
		return nil, err
	}
	id := r.shellID()
	if id == "" {
		return nil, c.garbled("Create", errors.New("the answer names no shell"))
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
		return s.client.garbled("Command", errors.New("the answer names no command"))
	}
	return nil
}

// Send writes to the command's standard input, in as many requests as the server's envelope limit asks for. After an
// error it is not known how much has arrived, or, of what goes [Shell.AtOnce], whether.
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

// AtOnce says that so many bytes go in one request: they arrive whole, or not at all.
func (s *Shell) AtOnce(n int) bool { return n <= s.client.AtOnce() }

// AtOnce is how many bytes of input go in one request, as far as is known: a server that takes less says so when it is sent more.
func (c *Client) AtOnce() int { return int(c.perSend.Load()) }

// End tells the command that its standard input is over.
func (s *Shell) End(ctx context.Context) error {
	_, err := s.client.exchange(ctx, "Send", s.client.sendRequest(s.id, s.command, nil, true))
	return err
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
		return Output{}, s.client.garbled("Receive", err)
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
		return reply{}, c.garbled(action, err)
	}
	if f := answer.Body.Fault; f != nil {
		fault, err := parseFault(text)
		if err != nil {
			return reply{}, c.garbled(action, err)
		}
		fault.Action = action
		return reply{}, fault
	}
	if got := strings.TrimSpace(answer.Header.Action); !strings.HasSuffix(got, "/"+action+"Response") {
		return reply{}, c.garbled(action, fmt.Errorf("it is answered with the action %q", got))
	}
	if got := strings.TrimSpace(answer.Header.RelatesTo); !strings.EqualFold(got, r.id) {
		return reply{}, c.garbled(action, fmt.Errorf("the answer relates to %q, not to this request", got))
	}
	return answer, nil
}
