package main

import (
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/iistest"
)

// condition is a trouble that a fleet is found in, and that status names.
type condition struct {
	name string // of the trouble
	play func(t *testing.T, w *ward)
}

func states() []condition {
	return []condition{
		{"09-reboot-starts-the-wrong-version", rebootHazard},
		{"16-services-stopped", stoppedServices},
	}
}

// rebootHazard finds the flags of a slot that was started by hand; and a server that was deployed to comes back with the release that
// it had.
func rebootHazard(t *testing.T, w *ward) {
	s := w.canary()
	set := func(on bool) {
		if err := s.SetBoot(rehearsal.OldSlot, on); err != nil {
			t.Fatal(err)
		}
	}
	set(false)
	y := w.typed("status", "--detailed-exitcode").must(t, int(exitChanges))
	says(t, y.out, "web-01", rehearsal.OldSlot, "boot", "next: ")
	set(true)
	w.typed("status", "--detailed-exitcode").must(t, 0)
	s.Reboot()
	w.serves(rehearsal.OldSlot)
}

// stoppedServices make every state unknown: that is neither stopped nor started, and nothing is done about it.
func stoppedServices(t *testing.T, w *ward) {
	w.canary().SetTrouble(iistest.Trouble{Halted: true})
	before := w.touched()
	y := w.typed("status", "--detailed-exitcode").must(t, int(exitChanges))
	says(t, y.out, "warning: web-01: IIS does not tell the state of "+rehearsal.OldSlot+": its services are stopped, or on their way",
		"next: Start-Service WAS, W3SVC on that server, then: iis-canary status --config ")
	if n := w.touched() - before; n != 0 {
		t.Errorf("%d changes were made", n)
	}
}

func TestTroublesThatAFleetIsFoundIn(t *testing.T) {
	t.Parallel()
	w := admitted(t, 2)
	for _, x := range states() {
		t.Run(x.name, func(t *testing.T) { x.play(t, w.next(t)) })
	}
}
