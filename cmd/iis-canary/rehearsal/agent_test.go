package rehearsal_test

import (
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

func TestOnlyAnAgentThatThereIsCanBeRehearsedWith(t *testing.T) {
	o := rehearsal.Options{Servers: 2, Speed: 20, Traffic: 5, Agent: "wine"}
	if err := o.Check(); err == nil || !strings.Contains(err.Error(), `--agent is "wine", allowed: model, mono`) {
		t.Errorf("got %v", err)
	}
	o.Agent = rehearsal.AgentMono
	if err := o.Check(); err != nil {
		t.Error(err)
	}
}

func TestAMachineWithoutMonoIsToldWhatToInstall(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	_, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: 20, Traffic: 5, Agent: rehearsal.AgentMono, Dir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "is not installed") || !strings.Contains(err.Error(), "apt-get install mono-mcs") {
		t.Errorf("got %v", err)
	}
}
