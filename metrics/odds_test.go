package metrics

import (
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

// counts per poll interval of 5 s: 4 old servers to 1 new one.
type traffic struct{ pNew, pOld, rps float64 }

func (tr traffic) bucket(rng *rand.Rand) (fresh, old Tally) {
	fresh.Total, old.Total = poisson(rng, tr.rps*5), poisson(rng, tr.rps*20)
	fresh.Bad = min(poisson(rng, float64(fresh.Total)*tr.pNew), fresh.Total)
	old.Bad = min(poisson(rng, float64(old.Total)*tr.pOld), old.Total)
	return fresh, old
}

func poisson(rng *rand.Rand, mean float64) int64 {
	if mean > 60 {
		return max(0, int64(math.Round(mean+math.Sqrt(mean)*rng.NormFloat64())))
	}
	var k int64
	for p := math.Exp(-mean) / rng.Float64(); p < 1; p /= rng.Float64() {
		k++
	}
	return k
}

// rollout returns how many polls it takes until refusal, or 0 when it is not refused.
func rollout(rng *rand.Rand, tr traffic, l Limit, alpha float64, polls int) int {
	o := newOdds(l, errorEffects(), 1)
	for n := 1; n <= polls; n++ {
		o.add(tr.bucket(rng))
		if o.peak >= -math.Log(alpha) {
			return n
		}
	}
	return 0
}

func TestFalseAlarmsAreRarerThanAlphaHoweverOftenOneLooks(t *testing.T) {
	for _, c := range []struct {
		name      string
		tr        traffic
		limit     Limit
		low, high float64 // share of refusals within 30 minutes at alpha 1 %: the guarantee, and that the test is no dud
	}{
		{"0.1 % at 50/s, no margin (0.51 %)", traffic{0.001, 0.001, 50}, Limit{Rho: 1}, 0.002, 0.01},
		{"1 % at 50/s, no margin (0.28 %)", traffic{0.01, 0.01, 50}, Limit{Rho: 1}, 0.0005, 0.008},
		{"1 % at 5/s, no margin (0.49 %)", traffic{0.01, 0.01, 5}, Limit{Rho: 1}, 0.002, 0.01},
		{"1 % at 50/s, default margin (0)", traffic{0.01, 0.01, 50}, Limit{Rho: 1.5, Delta: 0.001}, 0, 0},
		{"exactly at the margin (0.39 %)", traffic{0.0025, 0.001, 50}, Limit{Rho: 1.5, Delta: 0.001}, 0.001, 0.01},
		{"exactly at an absolute limit", traffic{0.01, 0.5, 50}, Limit{Delta: 0.01}, 0.0005, 0.01},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const runs = 1500
			rng := rand.New(rand.NewPCG(4, 2026))
			refused := 0
			for range runs {
				if rollout(rng, c.tr, c.limit, 0.01, 360) > 0 {
					refused++
				}
			}
			if share := float64(refused) / runs; share < c.low || share > c.high {
				t.Errorf("%d of %d healthy releases refused (%.2f %%), want %.2f %% to %.2f %%", refused, runs, 100*share, 100*c.low, 100*c.high)
			}
		})
	}
}

func TestTimeToDetectIsThatOfTheSimulation(t *testing.T) {
	relative, margin := Limit{Rho: 1}, Limit{Rho: 1.5, Delta: 0.001}
	for _, c := range []struct {
		name    string
		tr      traffic
		limit   Limit
		alpha   float64
		seconds float64 // knowledge B.7, mean
	}{
		{"0.1 to 1 %, 50/s, no margin", traffic{0.01, 0.001, 50}, relative, 1e-3, 23},
		{"0.1 to 1 %, 50/s", traffic{0.01, 0.001, 50}, margin, 1e-3, 42},
		{"0.1 to 1 %, 50/s, alpha 1e-4", traffic{0.01, 0.001, 50}, margin, 1e-4, 53},
		{"1 to 2 %, 50/s, no margin", traffic{0.02, 0.01, 50}, relative, 1e-3, 63},
		{"0.1 to 5 %, 50/s", traffic{0.05, 0.001, 50}, margin, 1e-3, 6},
		{"1 to 5 %, 50/s", traffic{0.05, 0.01, 50}, margin, 1e-3, 15},
		{"0.01 to 0.5 %, 50/s", traffic{0.005, 0.0001, 50}, margin, 1e-3, 60},
		{"0.1 to 50 %, 50/s", traffic{0.5, 0.001, 50}, margin, 1e-3, 5},
		{"0.1 to 5 %, 5/s", traffic{0.05, 0.001, 5}, margin, 1e-3, 38},
		{"1 to 5 %, 5/s, no margin", traffic{0.05, 0.01, 5}, relative, 1e-3, 66},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			const runs = 250
			rng := rand.New(rand.NewPCG(7, 2026))
			polls := 0
			for range runs {
				n := rollout(rng, c.tr, c.limit, c.alpha, 2000)
				if n == 0 {
					t.Fatal("a broken release was never refused")
				}
				polls += n
			}
			mean := 5 * float64(polls) / runs
			if math.Abs(mean-c.seconds) > 0.12*c.seconds+0.5 {
				t.Errorf("refused after %.1f s on average, want about %.0f s", mean, c.seconds)
			}
		})
	}
}

func TestTheWorkedExampleOfTheOperatorsSentence(t *testing.T) {
	fresh, old := Tally{23, 410}, Tally{2, 1630}
	for _, c := range []struct {
		limit Limit
		want  float64
	}{
		{Limit{Rho: 1.5, Delta: 0.001}, 1.2e9}, {Limit{Rho: 1}, 3e12}, {Limit{Delta: 0.01}, 1.2e8},
	} {
		o := newOdds(c.limit, errorEffects(), 1)
		o.add(fresh, old)
		if got := math.Exp(o.value()); math.Abs(got/c.want-1) > 0.1 {
			t.Errorf("limit %s: odds of %.3g, want %.2g", c.limit, got, c.want)
		}
	}
}

func TestAFewStrayErrorsNeverRefuse(t *testing.T) {
	for _, c := range []struct {
		rho    float64
		weight int64 // new's share of the traffic in percent
		errors int64 // that it takes at 1:1,000
	}{
		{1, 20, 6}, {1.5, 20, 7}, {2, 20, 8}, {1, 10, 4}, {1.5, 10, 5}, {2, 10, 6}, {1, 50, 12}, {1.5, 50, 17}, {2, 50, 21},
	} {
		for k := int64(1); k <= c.errors; k++ {
			o := newOdds(Limit{Rho: c.rho}, errorEffects(), 1)
			o.add(Tally{k, 1000 * c.weight}, Tally{0, 1000 * (100 - c.weight)})
			if crossed := o.value() >= math.Log(1000); crossed != (k == c.errors) {
				t.Errorf("rho %g, %d %% of the traffic: crossed at %d errors is %v, want the first crossing at %d", c.rho, c.weight, k, crossed, c.errors)
			}
		}
	}
}

func TestErrorsInClustersNeedTheDispersion(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 2026))
	clustered := func(mean float64) int64 { return 5 * poisson(rng, mean/5) }
	refused := map[float64]int{}
	for range 600 {
		for _, phi := range []float64{1, 5} {
			o := newOdds(Limit{Rho: 1.5, Delta: 0.001}, errorEffects(), phi)
			for range 120 {
				o.add(Tally{clustered(2.5), 250}, Tally{clustered(10), 1000})
			}
			if o.peak >= math.Log(1000) {
				refused[phi]++
			}
		}
	}
	if refused[1] < 12 || refused[5] > 1 {
		t.Errorf("of 600 healthy releases %d were refused without the dispersion and %d with it; want many and at most one", refused[1], refused[5])
	}
}

func TestALongHealthyTimeDoesNotHideALateRegression(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 2026))
	after := func(restart bool) int {
		o := newOdds(Limit{Rho: 1.5, Delta: 0.001}, errorEffects(), 1)
		if restart {
			o.reserve()
		}
		for range 720 {
			o.add(traffic{0.001, 0.001, 50}.bucket(rng))
		}
		if restart {
			o.begin(6)
		}
		n := 0
		for ; o.peak < -math.Log(1e-4); n++ {
			o.add(traffic{0.05, 0.001, 50}.bucket(rng))
		}
		return n
	}
	slow, quick := 0, 0
	for range 20 {
		slow, quick = slow+after(false), quick+after(true)
	}
	if quick > 20*4 || slow < 2*quick {
		t.Errorf("after an hour of health a break is found after %d polls with a fresh run and %d without (20 rollouts)", quick, slow)
	}
}

func tallies(t *rapid.T, name string) Tally {
	n := rapid.Int64Range(0, 2000).Draw(t, name+" total")
	return Tally{Bad: rapid.Int64Range(0, n).Draw(t, name+" bad"), Total: n}
}

func limits(t *rapid.T) Limit {
	return Limit{Rho: rapid.SampledFrom([]float64{0, 1, 1.5, 3}).Draw(t, "rho"), Delta: rapid.SampledFrom([]float64{0.001, 0.02}).Draw(t, "delta")}
}

func TestOddsKeepTheirInvariants(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l, fresh, old := limits(t), tallies(t, "new"), tallies(t, "old")
		o := newOdds(l, errorEffects(), 1)
		o.reserve()
		o.begin(3)
		before := o.value()
		if math.Abs(before) > 1e-9 {
			t.Fatalf("evidence before any request: %g", before)
		}
		if o.add(Tally{}, old); o.value() != before {
			t.Fatal("a bucket without requests to new moved the evidence")
		}
		if l.Rho > 0 {
			if o.add(fresh, Tally{}); o.value() != before {
				t.Fatal("a bucket without requests to old moved relative evidence")
			}
		}
		o.add(fresh, old)
		again := newOdds(l, errorEffects(), 1)
		if again.add(fresh, old); l.Rho == 0 {
			alone := newOdds(l, errorEffects(), 1)
			if alone.add(fresh, Tally{}); alone.value() != again.value() {
				t.Fatal("old matters to an absolute limit")
			}
		}
		if fresh.Bad < fresh.Total && fresh.Total > 0 {
			worse := newOdds(l, errorEffects(), 1)
			if worse.add(Tally{fresh.Bad + 1, fresh.Total}, old); worse.value() < again.value() {
				t.Fatal("one more bad request on new made the evidence weaker")
			}
		}
		if o.peak < o.value()-1e-9 || math.IsNaN(o.value()) {
			t.Fatalf("peak %g, value %g", o.peak, o.value())
		}
	})
}

func TestOrderOfBucketsDoesNotChangeTheEvidence(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := limits(t)
		a1, b1, a2, b2 := tallies(t, "new 1"), tallies(t, "old 1"), tallies(t, "new 2"), tallies(t, "old 2")
		there, back := newOdds(l, slowEffects(), 2), newOdds(l, slowEffects(), 2)
		there.add(a1, b1)
		there.add(a2, b2)
		back.add(a2, b2)
		back.add(a1, b1)
		if math.Abs(there.value()-back.value()) > 1e-6*(1+math.Abs(there.value())) {
			t.Fatalf("%g one way, %g the other", there.value(), back.value())
		}
	})
}

func TestMergingLooksAtRequestsOnlyAndLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var buckets, flipped []Bucket
		var sum Tally
		for range rapid.IntRange(0, 40).Draw(t, "buckets") {
			n, o := rapid.Int64Range(0, 30).Draw(t, "n"), rapid.Int64Range(0, 30).Draw(t, "o")
			k := rapid.Int64Range(0, n).Draw(t, "k")
			sum = sum.plus(Tally{k, n})
			cell := func(n, k int64) Cell { return Cell{Requests: n, Tallies: []Tally{{k, n}}} }
			buckets = append(buckets, Bucket{New: cell(n, k), Old: cell(o, 0)})
			flipped = append(flipped, Bucket{New: cell(n, n-k), Old: cell(o, o)})
		}
		merged, other := blocks(buckets, 0), blocks(flipped, 0)
		if len(merged) != len(other) {
			t.Fatal("the number of bad requests changed the blocks")
		}
		var got Tally
		for i, b := range merged {
			got = got.plus(b.fresh)
			if full := min(b.requests[0], b.requests[1]) >= fill; !full && i < len(merged)-1 {
				t.Fatalf("block %d of %d closed with %v requests", i, len(merged), b.requests)
			}
		}
		if got != sum {
			t.Fatalf("merged to %v, want %v", got, sum)
		}
	})
}
