package elbtest

import (
	"fmt"
	"strconv"
	"strings"
)

// matcher is the set of statuses that pass a health check.
type matcher []statusRange

type statusRange struct{ low, high int }

// parseMatcher reads "200", "200,302" and "200-299", within 200 to 499.
func parseMatcher(text string) (matcher, error) {
	var m matcher
	for part := range strings.SplitSeq(text, ",") {
		first, last, isRange := strings.Cut(part, "-")
		if !isRange {
			last = first
		}
		low, errLow := strconv.Atoi(first)
		high, errHigh := strconv.Atoi(last)
		if errLow != nil || errHigh != nil || low < 200 || high > 499 || low > high {
			return nil, fmt.Errorf("health check matcher %q: %q is no status or range within 200-499", text, part)
		}
		m = append(m, statusRange{low, high})
	}
	return m, nil
}

func (m matcher) has(status int) bool {
	for _, r := range m {
		if r.low <= status && status <= r.high {
			return true
		}
	}
	return false
}
