package metrics

import (
	"fmt"
	"time"
)

// Settle fills in what a preflight knows about old's traffic: the time that counts as slow, the dispersion and the baseline. What
// the operator set stays. The error names the metric that the facts leave open.
func Settle(ms []Metric, f Facts) ([]Metric, error) {
	out := make([]Metric, len(ms))
	for i, m := range ms {
		if m.Kind == Slow && m.SlowerThan == 0 && m.Quantile > 0 {
			t, err := f.quantile(m.Quantile)
			if err != nil {
				return nil, fmt.Errorf("metric %q: %w", m.Name, err)
			}
			m.SlowerThan = t
		}
		if m.Phi == 0 {
			m.Phi = min(max(f.Phi[m.Name], 1), maxPhi)
		}
		if m.Baseline.Total == 0 {
			m.Baseline = f.Baseline[m.Name]
		}
		out[i] = m
	}
	return out, nil
}

func (f Facts) quantile(q float64) (time.Duration, error) {
	t, ok := map[float64]time.Duration{0.5: f.P50, 0.95: f.P95, 0.99: f.P99}[q]
	if !ok {
		return 0, fmt.Errorf("old p%g is not known: p50, p95 and p99 are", q*100)
	}
	if t <= 0 {
		return 0, fmt.Errorf("old p%g is not known: old has no response times in the logs", q*100)
	}
	return t, nil
}

// Dispersion is how much more the bad requests of old scatter than independent requests would: Pearson's chi-square over its
// degrees of freedom, clipped to 1 to 20. Each tally is one server in about 10 s. With fewer than 10 bad requests there is
// nothing to measure, and it is 1.
func Dispersion(tallies []Tally) float64 {
	var all Tally
	for _, t := range tallies {
		all = all.plus(t)
	}
	if all.Bad < 10 {
		return 1
	}
	p := all.rate()
	sum, n := 0.0, 0
	for _, t := range tallies {
		if t.Total == 0 {
			continue
		}
		expected := p * float64(t.Total)
		sum += (float64(t.Bad) - expected) * (float64(t.Bad) - expected) / expected
		n++
	}
	if n < 2 {
		return 1
	}
	return min(max(sum/float64(n-1), 1), maxPhi)
}
