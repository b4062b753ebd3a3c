package iis

import (
	"context"
	"encoding/json"
	"fmt"

	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

// oneshot gives each request a process of its own, in a shell of its own: shells give back what they took of the quotas.
type oneshot struct {
	open  func(context.Context) (*winrm.Shell, error)
	batch agent.Batch
	mask  mask
}

func (o *oneshot) alive() bool { return true }

func (o *oneshot) lasting() bool { return false }

func (o *oneshot) close(context.Context) error { return nil }

func (o *oneshot) call(ctx context.Context, r agent.Request, blob []byte) (json.RawMessage, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	frame, err := agent.Frame{JSON: body, Blob: blob}.Encode()
	if err != nil {
		return nil, err
	}
	shell, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	s, err := startSession(ctx, shell, agent.Program{Command: o.batch.Command, Input: o.batch.Input(frame)}, o.mask)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.close(ctx) }() // the answer is here, or the better error
	if err := shell.End(ctx); err != nil {
		return nil, err
	}
	return s.await(ctx, r)
}
