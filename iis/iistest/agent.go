package iistest

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"
)

// remembered is how many answers a process keeps for requests that come again.
const remembered = 1000

// fence is the lease member of a request.
type fence struct {
	Run        string `json:"run"`
	Generation int64  `json:"generation"`
}

type agentRequest struct {
	ID    string          `json:"id"`
	Op    string          `json:"op"`
	Args  json.RawMessage `json:"args"`
	Lease *fence          `json:"lease"`
}

type agentAnswer struct {
	ID     string   `json:"id"`
	Result any      `json:"result,omitempty"`
	Error  *refusal `json:"error,omitempty"`
}

// agent is one process that speaks the agent protocol on its streams.
type agent struct {
	server *Server
	memory map[string][]byte
	order  []string
}

// run answers requests until the input ends.
func (a *agent) run(ctx context.Context, in io.Reader, out io.Writer) int {
	return answering(ctx, in, out, func(body, blob []byte) ([]byte, error) { return a.reply(ctx, body, blob), nil })
}

// answering reads requests and writes answers until the input ends. It is the exit code: 0 between frames, 3 within one, 4 after something
// that is no frame, 1 where nobody answers or listens.
func answering(ctx context.Context, in io.Reader, out io.Writer, answer func(body, blob []byte) ([]byte, error)) int {
	for {
		body, blob, err := readFrame(in)
		switch {
		case errors.Is(err, errFrame):
			writeFatal(out, err.Error(), true)
			return 4
		case errors.Is(err, io.EOF):
			return 0
		case err != nil:
			return 3
		}
		text, err := answer(body, blob)
		if err != nil || writeFrame(out, text) != nil || ctx.Err() != nil {
			return 1
		}
	}
}

// writeFatal says in one frame why the agent cannot go on, and whether IIS is there at all. Its reader may be gone.
func writeFatal(out io.Writer, text string, iis bool) {
	body, err := json.Marshal(map[string]any{"fatal": text, "language": "FullLanguage", "version": powerShell, "iis": iis})
	if err == nil {
		_ = writeFrame(out, body)
	}
}

func (a *agent) reply(ctx context.Context, body, blob []byte) []byte {
	var r agentRequest
	if err := json.Unmarshal(body, &r); err != nil {
		return encode(agentAnswer{Error: refuse("bad_request", "the request cannot be read: %v", err)})
	}
	if r.ID == "" {
		return encode(agentAnswer{Error: refuse("bad_request", "the request has no id")})
	}
	if known, ok := a.memory[r.ID]; ok {
		return known
	}
	result, err := a.server.operate(ctx, r, blob)
	answer := agentAnswer{ID: r.ID, Result: result}
	if err != nil {
		answer.Error = asRefusal(err)
		answer.Result = answer.Error.with
	}
	a.server.noteCall(r, answer.Error)
	text := encode(answer)
	a.remember(r.ID, text)
	return text
}

func encode(answer agentAnswer) []byte {
	text, err := json.Marshal(answer)
	if err != nil {
		text, _ = json.Marshal(agentAnswer{ID: answer.ID, Error: refuse("internal", "%v", err)}) // two strings always encode
	}
	return text
}

func asRefusal(err error) *refusal {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return refuse("internal", "%v", err)
}

func (a *agent) remember(id string, text []byte) {
	a.memory[id] = text
	a.order = append(a.order, id)
	if len(a.order) > remembered {
		delete(a.memory, a.order[0])
		a.order = a.order[1:]
	}
}

func (s *Server) noteCall(r agentRequest, e *refusal) {
	var named struct {
		Slot string `json:"slot"`
	}
	_ = json.Unmarshal(r.Args, &named) // arguments that cannot be read name no slot
	c := Call{At: time.Now(), ID: r.ID, Op: r.Op, Slot: named.Slot}
	if e != nil {
		c.Error = e.Code
	}
	s.calls.note(c)
}
