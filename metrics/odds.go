package metrics

import "math"

// Tally is what one arm did in a stretch of time, as one metric counts it.
type Tally struct {
	Bad   int64 // requests that were bad
	Total int64 // requests that could be told good from bad
}

func (t Tally) plus(o Tally) Tally { return Tally{Bad: t.Bad + o.Bad, Total: t.Total + o.Total} }

func (t Tally) rate() float64 {
	if t.Total == 0 {
		return 0
	}
	return float64(t.Bad) / float64(t.Total)
}

// odds is the evidence against "the share of bad requests on new is at most rho times that on old plus delta".
//
// For a Bernoulli X with chance p and any a > 0, E[a^X] = 1 + p(a-1) <= exp(p(a-1)). With q = rho n_c / (rho n_c + n_b),
// d = 1 + (r-1) q and A = r/d, the factor A^k_c d^-k_b exp(-delta n_c) of a bucket therefore has a mean of at most 1
// under the limit, for every effect r, whatever the level of old. So does the mean over r, and by Ville's inequality it
// ever reaches 1/alpha with a chance of at most alpha. The same holds for r below 1 against the opposite claim. With a
// rho of 0, q is 0 and old does not matter. A dispersion phi divides the logarithms: requests that fail in clusters of up to
// phi count once.
type odds struct {
	limit Limit
	grid  []float64 // effects r
	phi   float64   // dispersion: how much more the counts scatter than independent requests would; divides the logarithm
	runs  []run
	spare float64 // weight of runs that have not begun; they stand at 1
	peak  float64 // highest value after any block
}

// run is the product of all factors since a moment.
type run struct {
	weight float64
	logs   []float64 // logarithm of the product, for each effect
}

func newOdds(l Limit, grid []float64, phi float64) *odds {
	return &odds{limit: l, grid: grid, phi: max(phi, 1), runs: []run{{weight: 1, logs: make([]float64, len(grid))}}}
}

// reserve keeps half of the weight for runs that begin later, so that a long healthy time does not hide what comes after it:
// a mixture of tests that begin at moments chosen without looking at what was bad is a test with the same guarantee.
func (o *odds) reserve() { o.runs[0].weight, o.spare = 0.5, 0.5 }

// begin starts one of at most n later runs.
func (o *odds) begin(n int) {
	weight := min(0.5/float64(n), o.spare)
	o.spare -= weight
	o.runs = append(o.runs, run{weight: weight, logs: make([]float64, len(o.grid))})
}

// add brings in what both arms did in the same stretch of time.
func (o *odds) add(fresh, old Tally) { o.under(o.limit, fresh, old) }

// under is add with a limit of this stretch's own.
func (o *odds) under(l Limit, fresh, old Tally) {
	if fresh.Total == 0 || l.Rho > 0 && old.Total == 0 {
		return
	}
	n := float64(fresh.Total)
	q := l.Rho * n / (l.Rho*n + float64(old.Total))
	if l.Rho == 0 {
		q = 0
	}
	for i, r := range o.grid {
		g := growth(r, q, float64(fresh.Bad), float64(old.Bad), l.Delta*n)
		for _, run := range o.runs {
			run.logs[i] += g
		}
	}
	o.peak = max(o.peak, o.value())
}

// growth is the logarithm of one factor: k_c and k_b bad requests, allowed of which delta tolerates outright.
func growth(r, q, kc, kb, allowed float64) float64 {
	d := 1 + (r-1)*q
	a := r / d
	return kc*math.Log(a) - kb*math.Log(d) - allowed*(a-1)
}

// value is the natural logarithm of the mean over runs and effects.
func (o *odds) value() float64 {
	top := 0.0
	for _, run := range o.runs {
		for _, l := range run.logs {
			top = max(top, l/o.phi)
		}
	}
	sum := o.spare * math.Exp(-top)
	for _, run := range o.runs {
		share := run.weight / float64(len(run.logs))
		for _, l := range run.logs {
			sum += share * math.Exp(l/o.phi-top)
		}
	}
	return top + math.Log(max(sum, math.SmallestNonzeroFloat64))
}

// The effects that the mixtures look for, with equal weights.
func errorEffects() []float64  { return []float64{1.25, 1.5, 2, 3, 5, 10, 30, 100} }
func slowEffects() []float64   { return []float64{1.1, 1.25, 1.5, 2, 3, 5, 10} }
func benignEffects() []float64 { return []float64{0.9, 0.75, 0.6, 0.5, 0.35, 0.2, 0.05} }
func volumeEffects() []float64 { return []float64{1.25, 1.5, 2, 3, 5, 10, 30, 100} }
