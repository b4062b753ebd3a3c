package metrics_test

import (
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/metrics"
)

func TestARegressionThatShowsLateIsFoundSoon(t *testing.T) {
	t.Parallel()
	s := begin(t, nil)
	s.want(s.run(10*time.Minute, flow{perSecond: 20}), canary.Pass)
	s.on = []string{"web-1", "web-2"}
	began := s.logs.now
	s.want(s.run(2*time.Minute, flow{perSecond: 20, bad: 20}), canary.Fail)
	if took := s.logs.now.Sub(began); took > 30*time.Second {
		t.Errorf("after ten healthy minutes 5 %% of errors were found in %s", took)
	}
}

func TestALongRolloutIsAskedForInLongerBuckets(t *testing.T) {
	s := begin(t, nil)
	for _, age := range []time.Duration{time.Hour, 5 * time.Hour, 48 * time.Hour} {
		s.logs.now = s.since.Add(age)
		if _, err := s.judge.Judge(t.Context(), s.on); err != nil {
			t.Fatal(err)
		}
		q := s.logs.last
		if n := q.To.Sub(q.From) / q.Bucket; n > 1500 || n < 700 {
			t.Errorf("after %s there are %d buckets of %s", age, n, q.Bucket)
		}
		if q.From.UnixMilli()%q.Bucket.Milliseconds() != 0 || q.From.After(s.since) {
			t.Errorf("buckets of %s begin at %s", q.Bucket, q.From)
		}
	}
}

func TestAnUnevenShareIsTolerated(t *testing.T) {
	n := 0
	third := func(x *line) bool {
		n++
		return x.slot == oldSlot || n%2 == 0
	}
	s := begin(t, nil)
	s.want(s.run(2*time.Minute, flow{perSecond: 10, edit: third}), canary.Pass)
}

func TestASlowStartIsNoMissingShare(t *testing.T) {
	s := begin(t, func(o *metrics.Options) { o.Share.Settle, o.Share.Answer = 30*time.Second, canary.Fail })
	n := 0
	ramp := func(x *line) bool {
		n++
		return x.slot == oldSlot || n%40 == 0
	}
	s.run(30*time.Second, flow{perSecond: 40, edit: ramp})
	s.want(s.run(time.Minute, flow{perSecond: 40}), canary.Pass)
}
