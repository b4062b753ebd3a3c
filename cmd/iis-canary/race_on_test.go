//go:build race

package main

// How the fleets of the tests stand: under the race detector a fleet keeps a processor busy.
const (
	fleetsAtOnce = "2"
	fleetSpeed   = 20
	fleetTraffic = 40  // requests per second
	busyTraffic  = 150 // where a verdict is waited for
)
