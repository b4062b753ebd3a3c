package rehearsal

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing that goes wrong in a rehearsal.
type Fault struct {
	Name  string
	Words string // what goes wrong
	Exit  int    // the exit code that must come out
}

// Faults is every fault that a rehearsal knows, in the order of the help.
func Faults() []Fault {
	return []Fault{
		{"none", "nothing goes wrong", 0},
		{"errors", "5% of the new release's answers are 5xx", 3},
		{"errors-late", "the same, but only once three servers run it", 3},
		{"slow", "the new release takes five times as long", 3},
		{"cold", "the new release never gets under the warm-up limit", 3},
		{"crash", "the new release's pool dies on start", 3},
		{"no-logs", "log shipping stops when the roll begins", 8},
		{"late-logs", "logs arrive 30 s late", 0},
		{"throttle", "AWS answers in bursts of Throttling", 0},
		{"winrm-drop", "WinRM connections are reset in mid-operation", 0},
		{"winrm-restart", "the service WinRM restarts on every server", 0},
		{"winrm-busy", "WinRM answers with 503, quota faults and aborted operations for a while", 0},
		{"winrm-silent", "one WinRM connection stays open at one end only: 35 s are lost", 0},
		{"winrm-slow", "every WinRM answer takes 100 ms longer", 0},
		{"winrm-throttled", "a WinRM connection carries 200 KB a second", 0},
		{"winrm-503", "http.sys answers for WinRM with 503; the shells live on", 0},
		{"winrm-garbage", "WinRM's answers are cut off, too large, not XML or somebody else's for a while", 0},
		{"winrm-shells", "shells that dead runs have left use up the quota of 30", 0},
		{"winrm-full", "another tool has all of the 30 shells for a while", 0},
		{"winrm-operations", "another tool has all of the 1,500 operations for a while", 0},
		{"winrm-envelope", "WinRM takes requests of 32 KB, not of 500", 0},
		{"winrm-timeout", "WinRM holds no request for longer than half a second", 0},
		{"winrm-idle", "WinRM ends shells that were sent nothing for 20 s", 0},
		{"winrm-pieces", "output comes in pieces of a few bytes", 0},
		{"winrm-profile", "new shells meet a profile that is still unloading", 0},
		{"winrm-killed", "Windows ends the agents for want of memory", 0},
		{"winrm-reboot", "the last server reboots", 0},
		{"winrm-lockout", "the account is locked out", 7},
		{"revert-stuck", "errors, and one old site will not start again", 4},
	}
}

// CheckFaults refuses names that no fault has.
func CheckFaults(names []string) error {
	var known []string
	for _, f := range Faults() {
		known = append(known, f.Name)
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("there is no fault %q, allowed: %s", n, strings.Join(known, ", "))
		}
	}
	return nil
}
