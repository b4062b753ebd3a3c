//go:build race

package main

// How the fleets of the tests stand: under the race detector a fleet keeps a third of a processor busy.
const (
	fleetsAtOnce = "4"
	fleetSpeed   = 25
	fleetTraffic = 40  // requests per second
	busyTraffic  = 150 // where a verdict is waited for

	// Faults under which every command is looked into for secrets: the others go the same ways through the program.
	hoardFaults = "none crash cold winrm-drop"
)
