package rehearsal

import (
	"fmt"
	"os"
	"path/filepath"

	"iiscanary/iis/agent/standin"
)

// What may answer on the servers of a rehearsal.
const (
	AgentModel = "model" // a model of the host agent, written in Go
	AgentMono  = "mono"  // the host agent itself: the C# source that arrives is compiled and run under Mono
)

// workshop is where the servers have the agent that arrives compiled, once for all; nil: a model of it answers.
func (f *Fleet) workshop() (*standin.Workshop, error) {
	if f.options.Agent != AgentMono {
		return nil, nil
	}
	dir := filepath.Join(f.options.Dir, "servers", "agent")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the compiled agent: %w", err)
	}
	shop, err := standin.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("--agent %s: %w", AgentMono, err)
	}
	return shop, nil
}
