package main

import (
	"os"
	"strings"
	"testing"
	"time"
)

// Nothing is in hand while a command waits for another run's lease, which may be for long: the first interrupt ends it.
func TestAnInterruptEndsTheWaitForAnotherRun(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	underway(t, f).kill()
	changes := f.Changes()
	cmd := background(t, "revert", "-c", elsewhereOf(t, f, "other"), "--yes", "--lock-wait", "10m")
	until(t, "it waits", func() bool { return strings.Contains(cmd.talk.String(), "waiting for another run to end: ") })
	cmd.signal(os.Interrupt)
	over := make(chan typed, 1)
	go func() { over <- cmd.ended() }()
	select {
	case y := <-over:
		y.must(t, int(exitStopped))
		says(t, y.err, "nothing was touched by this command")
	case <-time.After(30 * time.Second):
		t.Fatal("it still waits")
	}
	if n := f.Changes() - changes; n != 0 {
		t.Errorf("%d changes were made", n)
	}
}
