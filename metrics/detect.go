package metrics

import (
	"fmt"
	"math"
	"time"
)

// Detect is how long it takes on average until the test refuses a release whose share of bad requests is newRate while old's is
// oldRate, at these requests per second of all new and all old servers. Poll interval and log lag come on top. found is false
// where it would take longer than a day: the change is within the limit, or drowns in it.
//
// The logarithm of the evidence has to reach ln(1/alpha) and pays ln(number of effects) for looking at several; it grows
// by at best the relative entropy between the two coins "this bad request was on new", once per bad request
// (Wald 1945, Ann. Math. Stat. 16, for the expected sample size).
func Detect(l Limit, oldRate, newRate, newRPS, oldRPS, alpha float64) (after time.Duration, found bool) {
	best := 0.0
	q := l.Rho * newRPS / (l.Rho*newRPS + oldRPS)
	if l.Rho == 0 {
		q = 0
	}
	for step := 1; step <= 400; step++ {
		r := math.Pow(1000, float64(step)/400)
		best = max(best, growth(r, q, newRPS*newRate, oldRPS*oldRate, l.Delta*newRPS))
	}
	need := math.Log(1/alpha) + math.Log(float64(len(errorEffects())))
	seconds := need / best
	if math.IsNaN(seconds) || seconds > 24*60*60 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// Traffic is what a plan knows about the present traffic.
type Traffic struct {
	PerServer float64       // requests per second
	New, Old  int           // servers on either slot when the canary bakes
	Rate      float64       // old's share of bad requests
	Delay     time.Duration // log lag and poll interval, added to what the test needs
}

// Words says how fast a metric would notice a rise of the share of bad requests to newRate: "at 33 requests/s per server a rise
// from 0.1% to 5% would be found in about 9 s".
func Words(m Metric, t Traffic, newRate float64) string {
	alpha := orElse(m.Alpha, defaultAlpha)
	rise := fmt.Sprintf("at %.3g requests/s per server a rise from %s to %s", t.PerServer, percent(t.Rate), percent(newRate))
	after, found := Detect(m.Limit, t.Rate, newRate, t.PerServer*float64(t.New), t.PerServer*float64(t.Old), alpha)
	if !found {
		return rise + " would not be found"
	}
	after = time.Duration(float64(after)*max(m.Phi, 1)) + t.Delay
	return rise + " would be found in about " + span(max(after, time.Second).Round(time.Second))
}
