package metrics_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
	"iiscanary/metrics"
)

func contains(t *testing.T, text string, parts ...string) {
	t.Helper()
	for _, p := range parts {
		if !strings.Contains(text, p) {
			t.Errorf("%q does not say %q", text, p)
		}
	}
}

func TestAHealthyReleasePassesUpToTheWatermark(t *testing.T) {
	s := begin(t, nil)
	v := s.run(30*time.Second, flow{perSecond: 10})
	s.want(v, canary.Pass)
	if v.Lag > 2*time.Second || s.logs.now.Sub(v.Until) > 3*time.Second {
		t.Errorf("judged until %s with a lag of %s, now is %s", v.Until, v.Lag, s.logs.now)
	}
	contains(t, v.Reason, "0 of 250 requests failed (0%)", "the old version had 0 of 750 (0%) in the same seconds", "within 1.5 x old + 0.1%")
	want := canary.Sample{Metric: "errors", Answer: canary.Pass, Limit: "1.5 x old + 0.1%",
		New: canary.Count{Requests: 250}, Old: canary.Count{Requests: 750}}
	got := v.Evidence[0]
	if got.Need < 9.2 || got.Need > 9.3 || got.Odds >= 0 {
		t.Errorf("odds %g of %g", got.Odds, got.Need)
	}
	got.Odds, got.Need, got.Reason = 0, 0, ""
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestABreakIsRefusedWithinSecondsAndForGood(t *testing.T) {
	s := begin(t, nil)
	v := s.run(time.Minute, flow{perSecond: 20, bad: 5})
	s.want(v, canary.Fail)
	if took := s.logs.now.Sub(s.since); took > 15*time.Second {
		t.Errorf("a fifth of all requests failed for %s", took)
	}
	contains(t, v.Reason, "errors: ", "requests failed (", "the old version had 0 of ", "fewer than 1 of 10,000 deployments")
	asked := s.logs.asked
	again := s.run(time.Minute, flow{perSecond: 20})
	if diff := cmp.Diff(v, again); diff != "" || s.logs.asked != asked {
		t.Errorf("a refused release was judged again: %s", diff)
	}
}

func TestAnIncidentOfBothVersionsRefusesNobody(t *testing.T) {
	s := begin(t, nil)
	n := 0
	v := s.run(time.Minute, flow{perSecond: 20, edit: func(x *line) bool {
		if n++; n%3 == 0 {
			x.status = 503
		}
		return true
	}})
	s.want(v, canary.Pass)
}

func TestEvidenceCarriesOverFromGateToGate(t *testing.T) {
	s := begin(t, nil)
	bad := flow{perSecond: 10, bad: 67} // 1.5 %: too little to be seen on one server in half a minute
	s.want(s.run(30*time.Second, bad), canary.Pass)
	s.on = []string{"web-1", "web-2"}
	s.want(s.run(30*time.Second, bad), canary.Pass)
	s.on = []string{"web-1", "web-2", "web-3"}
	s.want(s.run(4*time.Minute, bad), canary.Fail)
}

func TestNoDataIsNeverAPassAndSaysWhy(t *testing.T) {
	only := func(hosts string) func(*line) bool {
		return func(x *line) bool { return !strings.Contains(hosts, x.host) }
	}
	asProbe := func(host string) func(*line) bool {
		return func(x *line) bool { x.probe = x.host == host; return true }
	}
	ahead := func(d time.Duration) func(*line) bool {
		return func(x *line) bool {
			if x.host == "web-1" {
				x.at = x.at.Add(d)
			}
			return true
		}
	}
	blind := func(status bool) func(*line) bool {
		return func(x *line) bool {
			if x.slot == newSlot && x.at.Second()%2 == 0 {
				if status {
					x.status = 0
				} else {
					x.took = 0
				}
			}
			return true
		}
	}
	slow := func(o *metrics.Options) {
		o.Metrics = []metrics.Metric{{Name: "slow", Kind: metrics.Slow, SlowerThan: time.Second, Limit: metrics.Limit{Rho: 1.2, Delta: 0.01}}}
	}
	for _, c := range []struct {
		name   string
		flow   flow
		change func(*metrics.Options)
		words  string
	}{
		{"no lines at all", flow{perSecond: 0}, nil, "no logs from web-1 since the rollout began"},
		{"the new server is silent", flow{perSecond: 10, edit: only("web-1")}, nil, "no logs from web-1"},
		{"it has health checks only", flow{perSecond: 10, edit: asProbe("web-1")}, nil, "only 0 requests of app.domain.com-3457 on web-1 judged so far, 20 are needed"},
		{"lines are too late", flow{perSecond: 10, late: 70 * time.Second}, nil, "the newest log line of any server is 70 s old"},
		{"a time zone", flow{perSecond: 10, edit: ahead(2 * time.Hour)}, nil, "log times of web-1 are 2 h ahead: local time is read as UTC"},
		{"a wrong clock", flow{perSecond: 10, edit: ahead(14 * time.Minute)}, nil, "log times of web-1 are 14 min ahead: its clock is wrong"},
		{"half of the statuses are missing", flow{perSecond: 10, edit: blind(true)}, nil, "unreadable data: 50% of the new version's log lines have a status, 100% of the old version's"},
		{"half of the times are missing", flow{perSecond: 10, edit: blind(false)}, slow, "unreadable data: 50% of the new version's log lines have a response time"},
		{"old gets no requests", flow{perSecond: 10, edit: func(x *line) bool { x.probe = x.slot == oldSlot; return true }}, nil, "nothing to compare with"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, c.change)
			v := s.run(130*time.Second, c.flow)
			s.want(v, canary.Unsure)
			contains(t, v.Reason, c.words)
		})
	}
}

func TestLateLogsAreWaitedForAndThenPass(t *testing.T) {
	s := begin(t, nil)
	v := s.run(35*time.Second, flow{perSecond: 10, late: 30 * time.Second})
	s.want(v, canary.Unsure)
	v = s.run(30*time.Second, flow{perSecond: 10, late: 30 * time.Second})
	s.want(v, canary.Pass)
	if v.Lag < 29*time.Second || v.Lag > 32*time.Second {
		t.Errorf("a lag of %s, want about 30 s", v.Lag)
	}
}

func TestLateErrorsStillCount(t *testing.T) {
	s := begin(t, nil)
	s.run(20*time.Second, flow{perSecond: 10, edit: func(x *line) bool {
		if x.host == "web-1" && x.at.UnixMilli()%200 == 0 { // every second line, overtaken by its neighbours
			x.status, x.arrives = 500, x.at.Add(25*time.Second)
		}
		return true
	}})
	s.want(s.run(20*time.Second, flow{perSecond: 10}), canary.Fail)
}

func TestADeadServerDoesNotHideTheErrorsOfTheOthers(t *testing.T) {
	s := begin(t, nil)
	s.on = []string{"web-1", "web-2"}
	quiet := func(x *line) bool { return x.host != "web-1" }
	s.run(90*time.Second, flow{perSecond: 10, edit: quiet})
	s.want(s.run(time.Minute, flow{perSecond: 10, bad: 4, edit: quiet}), canary.Fail)
}

func TestASilentServerOutOfRotationHoldsNobodyUp(t *testing.T) {
	s := begin(t, nil)
	s.want(s.run(2*time.Minute, flow{perSecond: 10, edit: func(x *line) bool { return x.host != "web-4" }}), canary.Pass)
}

func TestTheLastServerIsJudgedAgainstAFrozenBaseline(t *testing.T) {
	for _, c := range []struct {
		name   string
		bad    int
		answer canary.Answer
		words  string
	}{
		{"healthy", 0, canary.Pass, "before the last server changed"},
		{"broken", 20, canary.Fail, "before the last server changed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := begin(t, nil)
			s.want(s.run(time.Minute, flow{perSecond: 10}), canary.Pass)
			s.on = fleet
			v := s.run(time.Minute, flow{perSecond: 10, bad: c.bad})
			s.want(v, c.answer)
			contains(t, v.Reason, c.words)
		})
	}
}

func TestAFleetConvertedAtOnceNeedsTheBaselineOfThePreflight(t *testing.T) {
	s := begin(t, nil)
	s.on = fleet
	v := s.run(time.Minute, flow{perSecond: 10, bad: 20})
	s.want(v, canary.Unsure)
	contains(t, v.Reason, "no server runs the old version any more")

	s = begin(t, func(o *metrics.Options) { o.Metrics[0].Baseline = metrics.Tally{Bad: 20, Total: 20000} })
	s.on = fleet
	s.want(s.run(time.Minute, flow{perSecond: 10, bad: 20}), canary.Fail)
}

func TestAThinBaselineRefusesNobody(t *testing.T) {
	s := begin(t, func(o *metrics.Options) { o.Metrics[0].Baseline = metrics.Tally{Bad: 0, Total: 60} })
	s.on = fleet
	s.want(s.run(2*time.Minute, flow{perSecond: 10, bad: 50}), canary.Pass)
}

func TestTheFirstMomentsOfAServerCountForErrorsOnly(t *testing.T) {
	metric := func(kind metrics.Kind) func(*metrics.Options) {
		return func(o *metrics.Options) {
			o.Metrics = []metrics.Metric{{Name: "m", Kind: kind, SlowerThan: time.Second, SkipFirst: 30 * time.Second, Limit: metrics.Limit{Rho: 1.2, Delta: 0.01}}}
			if kind == metrics.Errors {
				o.Metrics[0].SkipFirst = 0
			}
		}
	}
	s := begin(t, metric(metrics.Slow))
	cold := flow{perSecond: 10, took: 3 * time.Second}
	v := s.run(30*time.Second, cold)
	s.want(v, canary.Unsure)
	s.want(s.run(30*time.Second, flow{perSecond: 10}), canary.Pass)
	s.on = []string{"web-1", "web-2"}
	v = s.run(25*time.Second, flow{perSecond: 10, edit: func(x *line) bool {
		if x.host == "web-2" {
			x.took = 3 * time.Second
		}
		return true
	}})
	s.want(v, canary.Unsure)
	contains(t, v.Reason, "the first 30 s of web-2 do not count for m")
	s.want(s.run(time.Minute, cold), canary.Fail)

	s = begin(t, metric(metrics.Errors))
	s.want(s.run(25*time.Second, flow{perSecond: 10, bad: 4}), canary.Fail)
}

func TestFewRequestsAreNotEnoughForAPass(t *testing.T) {
	s := begin(t, func(o *metrics.Options) { o.MinRequests = 200 })
	v := s.run(15*time.Second, flow{perSecond: 10})
	s.want(v, canary.Unsure)
	contains(t, v.Reason, "on web-1 judged so far, 200 are needed")
	s.want(s.run(15*time.Second, flow{perSecond: 10}), canary.Pass)
}

func TestWhatNoDataDoesIsTheOperatorsChoice(t *testing.T) {
	for policy, want := range map[metrics.NoData]canary.Answer{metrics.Hold: canary.Unsure, metrics.Continue: canary.Pass, metrics.Revert: canary.Fail} {
		s := begin(t, func(o *metrics.Options) { o.Metrics[0].OnNoData, o.Share.Off = policy, true })
		v := s.run(90*time.Second, flow{})
		if policy == metrics.Revert {
			s.want(v, canary.Unsure)
			v = s.run(time.Minute, flow{})
		}
		s.want(v, want)
		if v.Evidence[0].Answer != canary.Unsure {
			t.Errorf("%s: the sample itself says %s", policy, v.Evidence[0].Answer)
		}
	}
}

func TestAProofIsAskedForWhereTheOperatorWantsOne(t *testing.T) {
	s := begin(t, func(o *metrics.Options) { o.Metrics[0].Proof = metrics.Limit{Rho: 2, Delta: 0.005} })
	v := s.run(30*time.Second, flow{perSecond: 20})
	s.want(v, canary.Unsure)
	contains(t, v.Reason, "not yet proven better than 2 x old + 0.5%")
	v = s.run(90*time.Second, flow{perSecond: 20})
	s.want(v, canary.Pass)
	contains(t, v.Reason, "proven better than 2 x old + 0.5%")
}

func TestRequestsThatVanishAreNoticed(t *testing.T) {
	n := 0
	hole := flow{perSecond: 20, edit: func(x *line) bool {
		n++
		return x.slot == oldSlot || n%20 == 0
	}}
	s := begin(t, nil)
	v := s.run(2*time.Minute, hole)
	s.want(v, canary.Unsure)
	contains(t, v.Reason, "its share of the servers is 25%", "requests vanish before they reach its log")

	s = begin(t, func(o *metrics.Options) { o.Share.Answer = canary.Fail })
	s.want(s.run(2*time.Minute, hole), canary.Fail)
}

func TestAServerThatAttractsRequestsIsNoticed(t *testing.T) {
	s := begin(t, nil)
	n := 0
	v := s.run(2*time.Minute, flow{perSecond: 40, edit: func(x *line) bool {
		n++
		return x.slot == newSlot || n%10 == 0
	}})
	s.want(v, canary.Unsure)
	contains(t, v.Reason, "it attracts requests, as a server does that fails fast")
}

func TestASourceThatErrsIsNeitherGoodNorBad(t *testing.T) {
	s := begin(t, nil)
	s.run(10*time.Second, flow{perSecond: 10})
	s.logs.fail = errors.New("no route to host")
	if v, err := s.judge.Judge(t.Context(), s.on); !errors.Is(err, s.logs.fail) || v.Answer != "" {
		t.Errorf("got %q and %v", v.Answer, err)
	}
	s.logs.fail = nil
	s.want(s.run(30*time.Second, flow{perSecond: 10}), canary.Pass)
}

func TestBeforeTheFirstServerThereIsNothingToJudge(t *testing.T) {
	s := begin(t, nil)
	v, err := s.judge.Judge(t.Context(), nil)
	if err != nil || v.Answer != canary.Unsure {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := s.judge.Judge(t.Context(), []string{"web-9"}); err == nil {
		t.Error("a server that is not of the fleet was judged")
	}
}

func TestOptionsThatMakeNoSenseAreRefusedByName(t *testing.T) {
	good := metrics.Metric{Name: "m", Kind: metrics.Errors, Limit: metrics.Limit{Rho: 1}}
	for words, change := range map[string]func(*metrics.Options){
		"no source":         func(o *metrics.Options) { o.Source = nil },
		"no metrics":        func(o *metrics.Options) { o.Metrics = nil },
		"no servers":        func(o *metrics.Options) { o.Servers = nil },
		"among the old":     func(o *metrics.Options) { o.Old = []string{newSlot} },
		"taken":             func(o *metrics.Options) { o.Metrics = []metrics.Metric{good, good} },
		"counts as slow":    func(o *metrics.Options) { o.Metrics[0].Kind = metrics.Slow },
		"neither":           func(o *metrics.Options) { o.Metrics[0].Kind = "cpu" },
		"alpha":             func(o *metrics.Options) { o.Metrics[0].Alpha = 1 },
		"dispersion":        func(o *metrics.Options) { o.Metrics[0].Phi = 21 },
		"factor must be":    func(o *metrics.Options) { o.Metrics[0].Limit.Rho = 0.5 },
		"on_no_data":        func(o *metrics.Options) { o.Metrics[0].OnNoData = "pass" },
		"share: the answer": func(o *metrics.Options) { o.Share.Answer = canary.Pass },
		"bucket":            func(o *metrics.Options) { o.Bucket = time.Microsecond },
	} {
		o := metrics.Options{Source: &logs{}, New: newSlot, Old: []string{oldSlot}, Servers: fleet, Since: time.Unix(1, 0), Metrics: []metrics.Metric{good}}
		change(&o)
		if _, err := metrics.New(o); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("got %v, want words about %q", err, words)
		}
	}
}
