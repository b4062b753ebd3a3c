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
		{"errors", "5 % of the new release's answers are 5xx", 3},
		{"errors-late", "the same, but only once three servers run it", 3},
		{"slow", "the new release takes three times as long", 3},
		{"cold", "the new release never gets under the warm-up limit", 3},
		{"crash", "the new release's pool dies on start", 3},
		{"no-logs", "log shipping stops when the roll begins", 8},
		{"late-logs", "logs arrive 30 s late", 0},
		{"throttle", "AWS answers in bursts of Throttling", 0},
		{"winrm-drop", "WinRM connections are reset in mid-operation", 0},
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
