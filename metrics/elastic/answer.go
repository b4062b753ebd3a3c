package elastic

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"iiscanary/metrics"
)

// complete is an answer that can tell whether all of it is there.
type complete interface {
	complete() error
}

// header is what every search answers besides its aggregations.
type header struct {
	TimedOut *bool `json:"timed_out"`
	Shards   *struct {
		Total  *int `json:"total"`
		Failed *int `json:"failed"`
	} `json:"_shards"`
}

func (h header) complete() error {
	switch {
	case h.TimedOut == nil || h.Shards == nil || h.Shards.Total == nil || h.Shards.Failed == nil:
		return &InvalidError{Why: "it does not say whether all shards answered"}
	case *h.TimedOut:
		return &InvalidError{Why: "the search timed out after " + searchTime}
	case *h.Shards.Failed > 0:
		return &InvalidError{Why: fmt.Sprintf("%d of %d shards failed", *h.Shards.Failed, *h.Shards.Total)}
	case *h.Shards.Total == 0:
		return &InvalidError{Why: "no index has that name"}
	}
	return nil
}

func lacks(what string) error { return &InvalidError{Why: "it lacks " + what} }

// counted is any bucket.
type counted struct {
	Count *int64 `json:"doc_count"`
}

func (c *counted) n() int64 {
	if c == nil || c.Count == nil {
		return 0
	}
	return *c.Count
}

func (c *counted) missing() bool { return c == nil || c.Count == nil || *c.Count < 0 }

// moment is a minimum or maximum of dates, in milliseconds since 1970; null where there were none.
type moment struct {
	Value *float64 `json:"value"`
}

func (m *moment) time() time.Time {
	if m == nil || m.Value == nil {
		return time.Time{}
	}
	return date(*m.Value)
}

// date refuses what is no date in this millennium or the next, as a broken field would give it.
func date(ms float64) time.Time {
	const last = 32503680000000 // 3000-01-01
	if math.IsNaN(ms) || ms <= 0 || ms > last {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}

type metricAnswer struct {
	counted
	Bad *counted `json:"bad"`
}

func (m *metricAnswer) tally() (metrics.Tally, error) {
	if m == nil || m.missing() || m.Bad.missing() || m.Bad.n() > m.n() {
		return metrics.Tally{}, lacks("the counts of a metric")
	}
	return metrics.Tally{Bad: m.Bad.n(), Total: m.n()}, nil
}

// cellAnswer is one arm in one bucket; the metrics are m0 to m9 and so on, in a map beside the count.
type cellAnswer map[string]*metricAnswer

func (c cellAnswer) tallies(n int) ([]metrics.Tally, error) {
	out := make([]metrics.Tally, n)
	for i := range out {
		t, err := c["m"+strconv.Itoa(i)].tally()
		if err != nil {
			return nil, err
		}
		out[i] = t
	}
	return out, nil
}

// coverageAnswer is how many lines could be read.
type coverageAnswer struct {
	counted
	Status   *counted `json:"status"`
	Duration *counted `json:"duration"`
	Took     *struct {
		Values map[string]*float64 `json:"values"`
	} `json:"took"`
}

func (c *coverageAnswer) coverage(unit time.Duration) (metrics.Coverage, error) {
	if c == nil || c.missing() || c.Status.missing() || c.Duration.missing() || c.Took == nil {
		return metrics.Coverage{}, lacks("how many lines could be read")
	}
	quantile := func(name string) time.Duration {
		v := c.Took.Values[name]
		if v == nil || math.IsNaN(*v) || *v < 0 || *v*float64(unit) > math.MaxInt64/2 {
			return 0
		}
		return time.Duration(*v * float64(unit))
	}
	return metrics.Coverage{
		Lines: c.n(), Status: c.Status.n(), Duration: c.Duration.n(),
		P50: quantile("50.0"), P95: quantile("95.0"), P99: quantile("99.0"),
	}, nil
}
