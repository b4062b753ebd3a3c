package configs

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Defaults that depend on the kind of a metric: knowledge of what the sequential test finds in useful time.
const (
	errorLimit = "1.5 x old + 0.1%"
	slowLimit  = "1.2 x old + 1%"
	slowSkip   = 30 * time.Second
)

func (s *sense) metrics() {
	sources := s.sources()
	names := map[string]bool{}
	for i := range s.spec.Metrics {
		m := &s.spec.Metrics[i]
		path := fmt.Sprintf("metrics[%d]", i)
		if !s.sound(path) {
			continue
		}
		if at := join(path, "name"); s.sound(at) && names[m.Name] {
			s.wrong(at, s.shown(at, m.Name)+" a second time", "a name of its own for each metric")
		}
		names[m.Name] = true
		if at := join(path, "source"); s.sound(at, "sources") && !slices.Contains(sources, m.Source) {
			s.nearly(at, "the unknown source "+s.shown(at, m.Source), allowedSources(sources), Nearest(m.Source, sources))
		}
		s.kind(path, m)
	}
}

// kind gives a metric the defaults of what it counts, and checks its limit against that.
func (s *sense) kind(path string, m *Metric) {
	bad, slow := s.given(join(path, "bad")), s.given(join(path, "slower_than"))
	preset := errorLimit
	if slow {
		preset = slowLimit
	}
	if !s.given(join(path, "limit")) {
		_ = m.Limit.parse(preset) // proven by a test
	}
	if slow && !s.given(join(path, "skip_first")) {
		m.SkipFirst = slowSkip
	}
	if bad == slow || !s.sound(join(path, "bad"), join(path, "slower_than")) {
		return
	}
	if bad && m.Bad.Value < redirects {
		s.warn(join(path, "bad"), "counts answers below %d as bad, which are no failures", redirects)
	}
	if s.sound(join(path, "limit")) {
		s.limit(join(path, "limit"), m)
	}
	if b := s.spec.Bake; s.sound(join(path, "skip_first"), "bake.for", "bake.at_most") {
		s.skip(join(path, "skip_first"), m.SkipFirst, b)
	}
}

// redirects end here: statuses from 400 on are failures of the client or the server.
const redirects = 400

// limit refuses limits that every release breaks, or none.
func (s *sense) limit(path string, m *Metric) {
	l, usual := m.Limit, 1-m.SlowerThan.Quantile
	quantile := m.SlowerThan.Quantile > 0
	switch {
	case l.Delta >= 1:
		s.wrong(path, s.shown(path, l.Text), "less than 100%: no release could break that")
	case quantile && l.Rho == 0 && l.Delta <= usual:
		s.wrong(path, s.shown(path, l.Text), fmt.Sprintf("more than %.3g%%: the old release itself is slower than its own %s that often",
			100*usual, quantileName(m.SlowerThan)))
	case quantile && l.Rho > 0 && l.Rho*usual+l.Delta >= 1:
		s.wrong(path, s.shown(path, l.Text), "less than 100% of the requests: no release could break that")
	case l.Rho > 0 && l.Rho < 1 && l.Delta == 0:
		s.warn(path, "demands that the new release is better than the old one")
	case l.Rho > 0 && l.Delta == 0 && !quantile:
		s.warn(path, "has no margin: where the old release has no bad request, the new one may have none either")
	}
}

func quantileName(slower Slower) string {
	return strings.TrimSpace(strings.TrimPrefix(slower.Text, "old"))
}

// skip compares what a metric leaves out with how long it is watched.
func (s *sense) skip(path string, skip time.Duration, b Bake) {
	switch {
	case skip >= b.AtMost:
		s.wrong(path, spoken(skip), "less than bake.at_most, which is "+spoken(b.AtMost)+": nothing would be left to judge")
	case skip > b.For:
		s.warn(path, "%s is longer than bake.for (%s): the shortest watch holds nothing to judge by", spoken(skip), spoken(b.For))
	}
}

// sources are the keys of the sources that the file has, refused ones included: they are known, only wrong.
func (s *sense) sources() []string {
	if s.given("sources.elastic") || !s.sound("sources.elastic") {
		return []string{"elastic"}
	}
	return nil
}

func allowedSources(sources []string) string {
	if len(sources) == 0 {
		return "a source that stands under sources; none does"
	}
	return "a source that stands under sources: " + strings.Join(sources, ", ")
}

func (s *sense) elastic() {
	e := s.spec.Sources.Elastic
	if e == nil || !s.sound("sources.elastic") {
		return
	}
	s.elasticNodes(e)
	const at = "sources.elastic"
	if s.sound(at+".api_key", at+".user", at+".password") {
		if !e.APIKey.IsZero() && (!e.User.IsZero() || !e.Password.IsZero()) {
			s.wrong(at, "api_key beside user or password", "api_key, or user and password")
		}
	}
	if s.sound(at+".bucket", at+".max_lag") && e.MaxLag < e.Bucket {
		s.wrong(at+".max_lag", spoken(e.MaxLag), "at least sources.elastic.bucket, which is "+spoken(e.Bucket))
	}
	if s.sound(at+".bucket") && e.Bucket%time.Second != 0 {
		s.warn(at+".bucket", "%s is no number of whole seconds: IIS writes no finer time, so buckets will hold uneven shares", spoken(e.Bucket))
	}
}

func (s *sense) elasticNodes(e *Elastic) {
	secret := !e.APIKey.IsZero() || !e.Password.IsZero()
	for i, text := range e.URLs {
		path := fmt.Sprintf("sources.elastic.urls[%d]", i)
		if !s.sound(path) {
			continue
		}
		u, bad := s.address(path, text)
		if !bad && u.Scheme == "http" && secret && !loopback(u.Hostname()) {
			s.warn(path, "sends credentials over plain HTTP")
		}
	}
}

func (s *sense) notify() {
	for i := range s.spec.Notify {
		path := fmt.Sprintf("notify[%d].elastic", i)
		if s.given(path) && s.sound(path, "sources.elastic") && !s.given("sources.elastic") {
			s.wrong(path, "an index without a cluster", "sources.elastic, which says where the cluster is")
		}
	}
}
