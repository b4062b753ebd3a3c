package traffic

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestQuantilesAreExactToFivePercent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	if h.quantile(0.5) != 0 {
		t.Error("the median of nothing is not 0")
	}
	var all []float64
	for range 10_000 {
		ms := 20 * math.Exp(random.NormFloat64())
		all = append(all, ms)
		h.add(time.Duration(ms * float64(time.Millisecond)))
	}
	slices.Sort(all)
	for _, q := range []float64{0.01, 0.5, 0.95, 0.99} {
		want := all[int(q*float64(len(all)))]
		if got := h.quantile(q); math.Abs(got/want-1) > 0.05 {
			t.Errorf("quantile %v is %v ms, want %v", q, got, want)
		}
	}
}

func TestExtremeTimesHaveAClass(t *testing.T) {
	var h histogram
	h.add(-time.Second)
	h.add(0)
	h.add(24 * time.Hour)
	if low, high := h.quantile(0.5), h.quantile(1); low > 0.05 || high < 200_000 {
		t.Errorf("quantiles %v and %v", low, high)
	}
}
