//go:build unix

package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// A process that slept while another one took its run over, put the fleet back and gave the servers free touches nothing more.
func TestAWayBackThatWasTakenOverEndsAtOnce(t *testing.T) {
	t.Parallel()
	f := putUpOf(t, 3)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	first := program(t, "revert", "-c", f.Config(), "--yes")
	var out, talk bytes.Buffer
	first.Stdout, first.Stderr = &out, &talk
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = first.Process.Kill() })
	until(t, "a server leaves rotation", func() bool { return f.Healthy() < len(f.Servers) })
	if err := first.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	enter(t, "revert", "-c", anotherMachine(t, f), "--yes", "--take-over").must(t, 0)
	everywhere(t, f, rehearsal.OldSlot)
	before := workOn(f)
	if err := first.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	code := wait(first)
	if n := workOn(f) - before; code != int(exitMixed) || n != 0 {
		t.Errorf("exit code %d after %d more changes, want %d after none\n%s\n%s", code, n, exitMixed, out.String(), talk.String())
	}
	for _, want := range []string{"the lease on web-0", "next:  iis-canary status --config "} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, out.String())
		}
	}
	everywhere(t, f, rehearsal.OldSlot)
}

// workOn is how often a server was moved at the balancer or changed. That a lease is asked for does no harm.
func workOn(f *rehearsal.Fleet) int {
	n := len(f.Balancer.Mutations())
	for _, s := range f.Servers {
		for _, op := range []string{"stage", "start", "stop", "own", "prune"} {
			n += s.Truth().Ops[op]
		}
	}
	return n
}

// anotherMachine is the configuration of a fleet on another machine, which has none of its journals.
func anotherMachine(t *testing.T, f *rehearsal.Fleet) string {
	t.Helper()
	text, err := os.ReadFile(f.Config())
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(f.Config()), "elsewhere.yaml")
	if err := os.WriteFile(path, bytes.Replace(text, []byte("\nstate: "), []byte("\nstate: elsewhere-"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
