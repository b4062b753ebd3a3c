package main

import (
	"bufio"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// An operator's connection that breaks closes the terminal: the kernel says so to every process of it, and the shell once more.
func TestAClosedTerminalLetsTheServerInHandFinish(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := underway(t, f)
	for range 3 {
		cmd.signal(syscall.SIGHUP)
	}
	cmd.ended().must(t, int(exitStopped))
	if n := f.Healthy(); n != len(f.Servers) {
		t.Errorf("%d of %d servers are healthy", n, len(f.Servers))
	}
	enter(t, "resume", "-c", f.Config()).must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARunThatWasToldNotToMindTheTerminalDoesNot(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := launch(t, exec.Command("sh", "-c", `trap '' HUP; exec iis-canary "$@"`, "sh", "deploy", "-c", f.Config(), "--package", f.Package(), "--yes"))
	until(t, "a server leaves rotation", func() bool { return f.Healthy() < len(f.Servers) })
	cmd.signal(syscall.SIGHUP)
	cmd.ended().must(t, int(exitDone))
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARunGoesOnWhenNobodyReadsWhatItSays(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := program(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p := launch(t, cmd)
	for lines := bufio.NewScanner(talk); lines.Scan() && !strings.Contains(lines.Text(), "began  drain"); {
	}
	if err := talk.Close(); err != nil {
		t.Fatal(err)
	}
	y := p.ended().must(t, int(exitDone))
	if said := strings.Contains(y.out, "✔ deployed"); !said || slices.Contains(openShells(f), 1) {
		t.Errorf("shells: %v, the answer is %q", openShells(f), y.out)
	}
	everywhere(t, f, rehearsal.NewSlot)
}
