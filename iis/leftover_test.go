package iis_test

import (
	"fmt"
	"os"
	"os/exec"
	"testing"
	"time"
)

// ended is the id of a process that this machine does not have.
func ended(t *testing.T) int {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^$")
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return cmd.Process.Pid
}

func TestShellsThatNobodyUsesAreDeletedByTheNextRun(t *testing.T) {
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, setup{})
	s := w.servers["web-01"]
	s.Abandon("iis-canary another-machine 4711", 5, 10*time.Minute)              // killed
	s.Abandon(fmt.Sprintf("iis-canary %s %d", host, ended(t)), 3, 2*time.Minute) // killed here
	s.Abandon("iis-canary another-machine 4712", 1, 90*time.Second)              // lives, perhaps
	s.Abandon(fmt.Sprintf("iis-canary %s %d", host, ended(t)), 1, 0)             // lives: in a container that has this one's name
	s.Abandon("another tool", 1, 10*time.Minute)
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	if n := s.Truth().Shells; n != 4 {
		t.Errorf("%d shells are open, want ours and the three that are not to be deleted", n)
	}
	s.Abandon("iis-canary another-machine 4713", 1, 10*time.Minute)
	s.EndShells()
	s.Abandon("iis-canary another-machine 4713", 1, 10*time.Minute)
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	if n := s.Truth().Shells; n != 2 {
		t.Errorf("%d shells are open: a run looks for leftovers once", n)
	}
}
