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
		if at := join(path, "source"); s.sound(at) && !slices.Contains(sources, m.Source) {
			s.nearly(at, "the unknown source "+s.shown(at, m.Source), allowedSources(sources), Nearest(m.Source, sources))
		}
		s.kind(path, m)
	}
}

// kind checks that a metric counts exactly one thing, and gives it the defaults of that.
func (s *sense) kind(path string, m *Metric) {
	bad, slow := s.given(join(path, "bad")), s.given(join(path, "slower_than"))
	if bad == slow && s.sound(join(path, "bad"), join(path, "slower_than")) {
		s.wrong(path, "not exactly one of bad and slower_than", "one of the two, such as bad: 'status >= 500' or slower_than: old p95")
		return
	}
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
	if slow && m.SlowerThan.Quantile > 0 && m.Limit.Rho == 0 && s.sound(join(path, "limit"), join(path, "slower_than")) {
		if m.Limit.Delta <= 1-m.SlowerThan.Quantile {
			s.wrong(join(path, "limit"), s.shown(join(path, "limit"), m.Limit.Text), fmt.Sprintf(
				"more than %.3g%%: the old release itself is slower than its own %s that often",
				100*(1-m.SlowerThan.Quantile), strings.TrimSpace(strings.TrimPrefix(m.SlowerThan.Text, "old"))))
		}
	}
}

// sources are the keys of the sources that the file has, refused ones included: they are known, only wrong.
func (s *sense) sources() []string {
	if s.given("sources.elastic") {
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
		switch {
		case !e.APIKey.IsZero() && (!e.User.IsZero() || !e.Password.IsZero()):
			s.wrong(at, "api_key beside user or password", "api_key, or user and password")
		case e.User.IsZero() != e.Password.IsZero():
			s.wrong(at, "only one of user and password", "both, or an api_key")
		}
	}
	if s.sound(at+".index") && strings.ContainsAny(e.Index, " /\\?\"<>|#") {
		s.wrong(at+".index", s.shown(at+".index", e.Index), "an index, alias, data stream or pattern such as logs-iis.access-*")
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
	for i, n := range s.spec.Notify {
		path := fmt.Sprintf("notify[%d]", i)
		if !s.sound(path) {
			continue
		}
		s.unique(join(path, "on"), n.On)
		web, index := s.given(join(path, "webhook")), s.given(join(path, "elastic"))
		if web == index {
			s.wrong(path, "not exactly one of webhook and elastic", "one of the two")
			continue
		}
		if index && !s.given("sources.elastic") && s.sound("sources.elastic") {
			s.wrong(join(path, "elastic"), "an index without a cluster", "sources.elastic, which says where the cluster is")
		}
	}
}
