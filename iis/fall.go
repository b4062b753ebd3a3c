package iis

import (
	"errors"
	"fmt"
	"time"

	"iiscanary/iis/agent"
)

// Fall is why a server is spoken to in the slow way, with a process for each operation, although nobody asked for it.
type Fall struct {
	Why string
	Do  string // what a person can do
}

// errNoHello is an agent that says nothing on its streams.
var errNoHello = errors.New("the agent's process runs and says nothing")

// fell tells whether the long-lived channel will never work here, from the first that it did or did not say.
func fell(err error, heard string, budget time.Duration) (Fall, bool) {
	noise, isNoise := errors.AsType[*agent.NoiseError](err)
	ended, isEnded := errors.AsType[*EndedError](err)
	switch {
	case errors.Is(err, errNoHello):
		why := fmt.Sprintf("the agent's process runs and says nothing on its output for %s", budget)
		if heard != "" {
			why += ", and on its standard error: " + heard
		}
		return Fall{why, "look for a product that guards or records PowerShell on the server and holds its streams back; " + spare}, true
	case isNoise:
		return Fall{fmt.Sprintf("something else writes to the agent's output, beginning with %q", noise.Text),
			"find what prints whenever PowerShell starts there, such as a product that wraps it; " + spare}, true
	case isEnded && ended.Diagnosis().Name == "input-taken":
		return Fall{ended.Diagnosis().Advice, "find what starts together with PowerShell there and reads its input, such as a policy's start script; " + spare}, true
	}
	return Fall{}, false
}

const spare = "servers.winrm.channel: oneshot spares the trial at each start"

// Fallen is why a server is spoken to in the slow way; false: it is not, or was asked for.
func (f *Fleet) Fallen(server string) (Fall, bool) {
	h, known := f.servers[server]
	if !known || h.way.fall.Load() == nil {
		return Fall{}, false
	}
	return *h.way.fall.Load(), true
}

// fallBack says that a server is spoken to in the slow way.
func (f *Fleet) fallBack(server string, why Fall) {
	f.mention(server, why.Why+"; each operation gets a process of its own there, which is slower (channel: oneshot)")
}
