//go:build !race

package main

// How the fleets of the tests stand: a fleet mostly waits.
const (
	fleetsAtOnce = "8"
	fleetSpeed   = 40
	fleetTraffic = 60  // requests per second
	busyTraffic  = 200 // where a verdict is waited for

	// Faults under which every command is looked into for secrets; empty: all.
	hoardFaults = ""
)
