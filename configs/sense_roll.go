package configs

import "strings"

func (s *sense) site() {
	v := &s.spec.Site
	if v.Host == "" {
		v.Host = s.spec.App
	}
	if !s.soundWithin("site.bindings") || len(v.Bindings) == 0 {
		return
	}
	for _, b := range v.Bindings {
		if strings.HasSuffix(b, ":") {
			return
		}
	}
	s.warn("site.bindings", "each has a host name: the balancer's health checks ask for an address, and would find no site")
}

func (s *sense) warmup() {
	w := &s.spec.Warmup
	if w.Host == "" {
		w.Host = s.spec.Site.Host
	}
	if s.sound("warmup.under", "warmup.first") && w.Under > w.First {
		s.wrong("warmup.under", spoken(w.Under), "at most warmup.first, which is "+spoken(w.First))
	}
}

func (s *sense) drain() {
	d := s.spec.Drain
	if !s.sound("drain.policy", "drain.settle", "drain.poll") {
		return
	}
	if d.Policy == "full" && s.given("drain.settle") {
		s.warn("drain.settle", "is not used: policy full waits out the deregistration delay")
	}
	if d.Policy == "observed" && d.Settle == 0 {
		s.warn("drain.settle", "is 0s: the balancer may still send requests for some seconds after a deregistration")
	}
}

func (s *sense) bake() {
	b := s.spec.Bake
	sound := s.sound("bake.for", "bake.at_most")
	if sound && b.For > b.AtMost {
		s.wrong("bake.for", spoken(b.For), "at most bake.at_most, which is "+spoken(b.AtMost))
		sound = false
	}
	if s.sound("bake.for", "bake.poll") && b.Poll > b.For {
		s.wrong("bake.poll", spoken(b.Poll), "at most bake.for, which is "+spoken(b.For)+": a gate needs one look at least")
	}
	if e := s.spec.Sources.Elastic; e != nil && sound && s.sound("sources.elastic.max_lag") && b.For+e.MaxLag > b.AtMost {
		s.warn("bake.at_most", "%s is less than bake.for and sources.elastic.max_lag together (%s): logs as late as allowed leave a gate unsure",
			spoken(b.AtMost), spoken(b.For+e.MaxLag))
	}
}
