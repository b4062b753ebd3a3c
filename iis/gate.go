package iis

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"iiscanary/iis/winrm"
)

// UntriedError says that a login was not tried on a server, because it was refused a moment ago, there or on another one.
type UntriedError struct {
	Refused *winrm.AuthError // the one refusal
	Worked  bool             // whoever refused it had let it in before
}

func (e *UntriedError) Error() string {
	return "not tried, so that the account is not locked out: " + e.Refused.Error()
}

// Unwrap is the refusal.
func (e *UntriedError) Unwrap() error { return e.Refused }

// login is one account with its password; without both, whatever each server is shown.
type login struct {
	user     string
	password Secret
}

// gate lets one server at a time try a login until it has worked once. A login that was refused is shown to no server any more: a wrong
// password tried on a whole fleet locks the account out. Where it worked before, one server that refuses it may have got another
// password for itself, and the way back needs the others: the second such server ends it for all.
type gate struct {
	turn   chan struct{} // holds one token, for those who come before the login is proven
	proven atomic.Bool

	mu      sync.Mutex
	refused *UntriedError // by all, as far as anybody will ask
	lone    *UntriedError // by one server that had let the login in
	loner   *returning    // that server
	excused int           // refusals that were put down to a boot since a shell was opened last
	booting *returning    // the server whose they are; nil: several have such
}

func newGate() *gate {
	g := &gate{turn: make(chan struct{}, 1)}
	g.turn <- struct{}{}
	return g
}

func (g *gate) open(ctx context.Context, c *winrm.Client) (*winrm.Shell, error) {
	if g.proven.Load() {
		return g.opened(openShell(ctx, c))
	}
	if err := c.Reach(ctx); err != nil { // whoever cannot be reached keeps nobody waiting
		return nil, unreached(err)
	}
	select {
	case <-g.turn:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if g.proven.Load() { // while it was waited for
		g.turn <- struct{}{}
		return g.opened(openShell(ctx, c))
	}
	defer func() { g.turn <- struct{}{} }()
	shell, err := g.opened(openShell(ctx, c))
	if err == nil {
		g.proven.Store(true)
	}
	return shell, err
}

// unreached adds what can be done.
func unreached(err error) error {
	advice := winrm.Diagnose(err).Advice
	if advice == "" || strings.Contains(err.Error(), advice) {
		return err
	}
	return fmt.Errorf("%w; %s", err, advice)
}

// opened notes that the login is right after all.
func (g *gate) opened(shell *winrm.Shell, err error) (*winrm.Shell, error) {
	if err == nil {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.excused = 0
	}
	return shell, err
}

// shut is why the login must not be shown to a server; nil: it may be.
func (g *gate) shut(to *returning) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.refused != nil:
		return g.refused
	case g.loner == to:
		return g.lone
	}
	return nil
}

// refuse notes a server's refusal of a login that may have worked there before, and says whether it is put down to the server's
// booting, if that is to be. Few are in the whole fleet: it is one account that they lock out.
func (g *gate) refuse(by *winrm.AuthError, server *returning, worked, booting bool) (excused bool) {
	if !by.Everywhere() {
		return booting
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	no := &UntriedError{Refused: by, Worked: worked}
	switch {
	case g.refused != nil, g.loner == server:
		return false
	case booting && g.excused < bootLogins:
		if g.excused == 0 {
			g.booting = server
		} else if g.booting != server {
			g.booting = nil
		}
		g.excused++
		return true
	case worked && g.loner == nil && (g.excused == 0 || g.booting == server):
		g.lone, g.loner = no, server
		return false
	}
	g.refused = no
	return false
}
