package metrics_test

import (
	"math"
	"testing"
	"time"

	"iiscanary/metrics"
)

func TestTimeToDetectIsForetold(t *testing.T) {
	relative, margin := metrics.Limit{Rho: 1}, metrics.Limit{Rho: 1.5, Delta: 0.001}
	for _, c := range []struct {
		limit    metrics.Limit
		old, new float64
		rps      float64 // of the one new server; four old ones beside it
		seconds  float64
		within   float64
	}{
		{relative, 0.001, 0.01, 50, 20.9, 0.01}, // the formula's own numbers
		{relative, 0.01, 0.02, 50, 61.5, 0.01},
		{margin, 0.001, 0.01, 50, 42, 0.15}, // the simulation's
		{relative, 0.001, 0.01, 5, 201, 0.15},
		{margin, 0.01, 0.05, 5, 119, 0.15},
		{margin, 0.001, 0.05, 5, 38, 0.2},
	} {
		got, found := metrics.Detect(c.limit, c.old, c.new, c.rps, 4*c.rps, 1e-3)
		if !found || math.Abs(got.Seconds()/c.seconds-1) > c.within {
			t.Errorf("%s, %g to %g at %g/s: %s, want about %g s", c.limit, c.old, c.new, c.rps, got, c.seconds)
		}
	}
	for _, c := range []struct{ old, new float64 }{{0.01, 0.01}, {0.01, 0.005}, {0.01, 0.016}, {0, 0.001}} {
		if got, found := metrics.Detect(margin, c.old, c.new, 50, 200, 1e-3); found {
			t.Errorf("%g to %g is within the limit, and found after %s", c.old, c.new, got)
		}
	}
	if got, found := metrics.Detect(metrics.Limit{Delta: 0.01}, 0, 0.05, 50, 0, 1e-3); !found || got > 15*time.Second {
		t.Errorf("an absolute limit without any old server: %s, %v", got, found)
	}
	if _, found := metrics.Detect(margin, 0.001, 0.5, 0, 0, 1e-3); found {
		t.Error("found without any traffic")
	}
}

func TestThePlanSaysHowFastALimitNotices(t *testing.T) {
	m := metrics.Metric{Name: "errors", Kind: metrics.Errors, Limit: metrics.Limit{Rho: 1.5, Delta: 0.001}}
	traffic := metrics.Traffic{PerServer: 33, New: 1, Old: 5, Rate: 0.001, Delay: 2500 * time.Millisecond}
	for newRate, want := range map[float64]string{
		0.05:  "at 33 requests/s per server a rise from 0.1% to 5% would be found in about 9 s",
		0.002: "at 33 requests/s per server a rise from 0.1% to 0.2% would not be found",
	} {
		if got := metrics.Words(m, traffic, newRate); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAPreflightSettlesWhatTheOperatorLeftOpen(t *testing.T) {
	facts := metrics.Facts{
		Coverage: metrics.Coverage{P95: 240 * time.Millisecond},
		Phi:      map[string]float64{"errors": 2.5, "slow": 50},
		Baseline: map[string]metrics.Tally{"errors": {Bad: 3, Total: 4000}},
	}
	ms, err := metrics.Settle([]metrics.Metric{
		{Name: "errors", Kind: metrics.Errors},
		{Name: "slow", Kind: metrics.Slow, Quantile: 0.95},
		{Name: "slo", Kind: metrics.Slow, SlowerThan: time.Second, Phi: 3},
	}, facts)
	if err != nil {
		t.Fatal(err)
	}
	if ms[0].Phi != 2.5 || ms[0].Baseline.Total != 4000 || ms[1].SlowerThan != 240*time.Millisecond || ms[1].Phi != 20 {
		t.Errorf("settled to %+v", ms)
	}
	if ms[2].SlowerThan != time.Second || ms[2].Phi != 3 {
		t.Errorf("what the operator set became %+v", ms[2])
	}
	if _, err := metrics.Settle([]metrics.Metric{{Name: "slow", Kind: metrics.Slow, Quantile: 0.99}}, facts); err == nil {
		t.Error("an unknown quantile was settled")
	}
}

func TestDispersionMeasuresClusters(t *testing.T) {
	cells := func(bad func(int) int64) []metrics.Tally {
		var out []metrics.Tally
		for i := range 1000 {
			out = append(out, metrics.Tally{Bad: bad(i), Total: 500})
		}
		return out
	}
	for _, c := range []struct {
		name      string
		bad       func(int) int64
		low, high float64
	}{
		{"even", func(int) int64 { return 5 }, 1, 1},
		{"five at a time", func(i int) int64 { return int64(5 * (i % 2)) }, 2.4, 2.6},
		{"all in one cell of a hundred", func(i int) int64 { return map[bool]int64{true: 400}[i%100 == 0] }, 20, 20},
		{"next to none", func(i int) int64 { return map[bool]int64{true: 9}[i == 500] }, 1, 1},
	} {
		if got := metrics.Dispersion(cells(c.bad)); got < c.low || got > c.high {
			t.Errorf("%s: %g, want %g to %g", c.name, got, c.low, c.high)
		}
	}
}
