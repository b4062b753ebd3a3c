//go:build unix

package main

import (
	"syscall"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// A process that slept while another one took its run over, put the fleet back and gave the servers free touches nothing more.
func TestAWayBackThatWasTakenOverEndsAtOnce(t *testing.T) {
	t.Parallel()
	f := putUpOf(t, 3)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	first := underwayWith(t, f, "revert", "-c", f.Config(), "--yes")
	first.signal(syscall.SIGSTOP)
	enter(t, "revert", "-c", elsewhereOf(t, f, "other"), "--yes", "--take-over").must(t, 0)
	everywhere(t, f, rehearsal.OldSlot)
	before := workOn(f)
	first.signal(syscall.SIGCONT)
	y := first.ended().must(t, int(exitMixed))
	if n := workOn(f) - before; n != 0 {
		t.Errorf("%d more changes", n)
	}
	says(t, y.out, "the lease on web-0", "next:  iis-canary status --config ")
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
