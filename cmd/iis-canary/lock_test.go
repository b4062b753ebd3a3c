package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Nothing is in hand while a command waits for another run's lease, which may be for long: the first interrupt ends it.
func TestAnInterruptEndsTheWaitForAnotherRun(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	holder := underway(t, f)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait()
	talk, err := os.Create(filepath.Join(t.TempDir(), "talk"))
	if err != nil {
		t.Fatal(err)
	}
	defer talk.Close()
	said := func() string {
		text, err := os.ReadFile(talk.Name())
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	changes := f.Changes()
	cmd := program(t, "revert", "-c", elsewhereOf(t, f, "other"), "--yes", "--lock-wait", "10m")
	cmd.Stderr = talk
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	until(t, "it waits", func() bool { return strings.Contains(said(), "waiting for another run to end: ") })
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	over := make(chan int, 1)
	go func() { over <- wait(cmd) }()
	select {
	case code := <-over:
		if code != int(exitStopped) {
			t.Errorf("exit code %d, want %d\n%s", code, exitStopped, said())
		}
	case <-time.After(30 * time.Second):
		t.Fatalf("it still waits\n%s", said())
	}
	says(t, said(), "nothing was touched by this command")
	if n := f.Changes() - changes; n != 0 {
		t.Errorf("%d changes were made", n)
	}
}
