package elastic_test

import (
	"slices"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/metrics"
)

// TestAVerdictOverARealSocket judges a rollout from preflight to verdict through the simulated cluster.
func TestAVerdictOverARealSocket(t *testing.T) {
	for _, r := range []struct {
		name   string
		edit   func(*request)
		answer canary.Answer
		metric string
	}{
		{"healthy", func(*request) {}, canary.Pass, ""},
		{"errors", func(r *request) {
			if r.after%(2*time.Second) == 0 {
				r.status = 502
			}
		}, canary.Fail, "errors"},
		{"slow", func(r *request) { r.took = 900 * ms }, canary.Fail, "slow"},
		{"unreadable", func(r *request) { r.status, r.took = nil, nil }, canary.Unsure, ""},
		{"no lines", func(r *request) { r.host = "elsewhere" }, canary.Unsure, ""},
	} {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, ecs())
			c.past(nil)
			source := c.source(nil)
			facts, err := metrics.Check(t.Context(), source, c.survey())
			if err != nil {
				t.Fatal(err)
			}
			questions, err := metrics.Settle(c.survey().Metrics, facts)
			if err != nil {
				t.Fatal(err)
			}
			now := c.start.Add(span)
			judge, err := metrics.New(metrics.Options{Source: source, New: newSlot, Old: []string{oldSlot}, Servers: fleet, Metrics: questions,
				Since: now, Now: func() time.Time { return now }})
			if err != nil {
				t.Fatal(err)
			}
			if v := c.bake(judge, &now, r.edit); v.Answer != r.answer || r.metric != "" && !slices.ContainsFunc(v.Evidence, func(s canary.Sample) bool {
				return s.Metric == r.metric && s.Answer == canary.Fail
			}) {
				t.Errorf("the answer is %s: %s", v.Answer, v.Reason)
			}
		})
	}
}

// bake lets two minutes of traffic pass, with a poll every ten seconds.
func (c *cluster) bake(judge *metrics.Judge, now *time.Time, edit func(*request)) canary.Verdict {
	c.t.Helper()
	var v canary.Verdict
	for range 12 {
		for i := range 25 {
			for _, host := range fleet {
				r := request{now.Sub(c.start) + time.Duration(i)*400*time.Millisecond, host, oldSlot, 200, 20 * ms, "Mozilla/5.0"}
				if host == "web-1" {
					r.slot = newSlot
					edit(&r)
				}
				c.log(r)
			}
		}
		c.ship(index)
		*now = now.Add(10 * time.Second)
		var err error
		if v, err = judge.Judge(c.t.Context(), []string{"web-1"}); err != nil {
			c.t.Fatal(err)
		}
	}
	return v
}
