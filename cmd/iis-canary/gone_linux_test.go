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
	cmd := program(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
	var talk strings.Builder
	cmd.Stderr = &talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	until(t, "a server leaves rotation", func() bool { return f.Healthy() < len(f.Servers) })
	for range 3 {
		if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
	}
	if code := wait(cmd); code != int(exitStopped) {
		t.Errorf("exit code %d, want %d: %s", code, exitStopped, talk.String())
	}
	if n := f.Healthy(); n != len(f.Servers) {
		t.Errorf("%d of %d servers are healthy", n, len(f.Servers))
	}
	enter(t, "resume", "-c", f.Config()).must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARunThatWasToldNotToMindTheTerminalDoesNot(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := exec.Command("sh", "-c", `trap '' HUP; exec iis-canary "$@"`, "sh", "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	until(t, "a server leaves rotation", func() bool { return f.Healthy() < len(f.Servers) })
	if err := cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if code := wait(cmd); code != int(exitDone) {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARunGoesOnWhenNobodyReadsWhatItSays(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := program(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
	var out strings.Builder
	cmd.Stdout = &out
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	for lines := bufio.NewScanner(talk); lines.Scan() && !strings.Contains(lines.Text(), "began  drain"); {
	}
	if err := talk.Close(); err != nil {
		t.Fatal(err)
	}
	if code := wait(cmd); code != int(exitDone) {
		t.Errorf("exit code %d, want %d", code, exitDone)
	}
	if said := strings.Contains(out.String(), "✔ deployed"); !said || slices.Contains(openShells(f), 1) {
		t.Errorf("shells: %v, the answer is %q", openShells(f), out.String())
	}
	everywhere(t, f, rehearsal.NewSlot)
}
