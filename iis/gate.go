package iis

import (
	"context"
	"errors"
	"fmt"

	"iiscanary/iis/winrm"
)

// login is one account with its password.
type login struct {
	user     string
	password Secret
}

// gate lets one server at a time try a login until it has worked once. A login that was refused before it ever worked is
// refused everywhere: a wrong password tried on a whole fleet locks the account out.
type gate struct {
	turn    chan struct{} // holds one token; whoever has it owns the fields below
	proven  bool
	refused *winrm.AuthError
}

func newGate() *gate {
	g := &gate{turn: make(chan struct{}, 1)}
	g.turn <- struct{}{}
	return g
}

func (g *gate) open(ctx context.Context, c *winrm.Client) (*winrm.Shell, error) {
	select {
	case <-g.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if g.proven {
		g.turn <- struct{}{}
		return c.Open(ctx)
	}
	defer func() { g.turn <- struct{}{} }()
	if g.refused != nil {
		return nil, fmt.Errorf("not tried, so that the account is not locked out: %w", g.refused)
	}
	shell, err := c.Open(ctx)
	var refused *winrm.AuthError
	switch {
	case err == nil:
		g.proven = true
	case errors.As(err, &refused):
		g.refused = refused
	}
	return shell, err
}
