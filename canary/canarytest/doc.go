// Package canarytest is a fleet in memory for tests of the engine under testing/synctest: servers with slots, rotation,
// health and warmth that take time, faults, and a process that can die at any touch and at any line of its journal.
//
// It is a judge: it writes down as a sin whatever no run may ever do to users, whether the run goes well or not.
package canarytest
