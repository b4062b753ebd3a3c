package configs

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

var (
	rootForm       = regexp.MustCompile(`^([A-Za-z]:\\|\\\\[^\\]+\\[^\\]+)[^<>"|?*/]*$`)
	thumbprintForm = regexp.MustCompile(`^[0-9A-Fa-f]{40}$`)
)

func (s *sense) site() {
	v := &s.spec.Site
	if s.sound("site.root") && !rootForm.MatchString(v.Root) {
		s.wrong("site.root", s.shown("site.root", v.Root), `a Windows folder such as 'D:\sites'`)
	}
	for i, b := range v.Bindings {
		if path := fmt.Sprintf("site.bindings[%d]", i); s.sound(path) && !bindingFits(b) {
			s.wrong(path, s.shown(path, b), "ADDRESS:PORT:HOST as IIS writes it, such as '*:443:' or '*:443:app.domain.com'")
		}
	}
	s.unique("site.bindings", v.Bindings)
	c := v.Certificate
	if s.sound("site.certificate.subject", "site.certificate.thumbprint") && s.given("site.certificate") && (c.Subject == "") == (c.Thumbprint == "") {
		s.wrong("site.certificate", "not exactly one of subject and thumbprint", "one of the two")
	}
	if c.Thumbprint != "" && s.sound("site.certificate.thumbprint") && !thumbprintForm.MatchString(c.Thumbprint) {
		s.wrong("site.certificate.thumbprint", s.shown("site.certificate.thumbprint", c.Thumbprint), "40 hexadecimal digits, no spaces")
	}
	if v.Host == "" {
		v.Host = s.spec.App
	}
}

// bindingFits checks ADDRESS:PORT:HOST; an IPv6 address stands in brackets.
func bindingFits(text string) bool {
	rest, host := text, ""
	cut := strings.LastIndexByte(rest, ':')
	if cut < 0 {
		return false
	}
	rest, host = rest[:cut], rest[cut+1:]
	cut = strings.LastIndexByte(rest, ':')
	if cut < 0 {
		return false
	}
	address, port := rest[:cut], rest[cut+1:]
	n, err := strconv.Atoi(port)
	if err != nil || n < 1 || n > 65535 {
		return false
	}
	if address != "*" && net.ParseIP(strings.Trim(address, "[]")) == nil {
		return false
	}
	return host == "" || appForm.MatchString(strings.TrimPrefix(host, "*."))
}

func (s *sense) warmup() {
	w := &s.spec.Warmup
	if w.Host == "" {
		w.Host = s.spec.Site.Host
	}
	if s.sound("warmup.path") && (!strings.HasPrefix(w.Path, "/") || strings.ContainsAny(w.Path, " \t#")) {
		s.wrong("warmup.path", s.shown("warmup.path", w.Path), "a path that starts with a slash, such as /health/warm")
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

func (s *sense) rollout() {
	r := s.spec.Rollout
	if s.sound("rollout.min_healthy") && r.MinHealthy.Percent == 100 {
		s.wrong("rollout.min_healthy", `"100%"`, "less than 100%: with a server in hand no fleet of any size can meet that")
	}
	if !s.sound("rollout.waves", "rollout.parallel") || s.brokenWithin("rollout.waves") {
		return
	}
	if r.Waves == nil {
		if r.Parallel > 1 {
			s.warn("rollout.parallel", "is not used: waves each takes one server at a time")
		}
		return
	}
	last := len(r.Waves) - 1
	if r.Waves[last].Percent != 100 {
		s.wrong(fmt.Sprintf("rollout.waves[%d]", last), quoted(r.Waves[last].String())+" as the last wave",
			"100% at the end: the list does not reach the whole fleet")
	}
	if first := r.Waves[0]; first.Count != 1 {
		s.warn("rollout.waves[0]", "the first wave is %s, not one server: a bad release meets more customers", first)
	}
	for i := 1; i <= last; i++ {
		a, b := r.Waves[i-1], r.Waves[i]
		if (a.Percent > 0 && b.Percent > 0 && b.Percent <= a.Percent) || (a.Count > 0 && b.Count > 0 && b.Count <= a.Count) {
			s.wrong(fmt.Sprintf("rollout.waves[%d]", i), quoted(b.String())+" after "+quoted(a.String()),
				"a larger one: each wave says how many servers in total run the new release")
		}
	}
}

func (s *sense) brokenWithin(path string) bool {
	for p := range s.broken {
		if strings.HasPrefix(p, path+"[") || strings.HasPrefix(p, path+".") {
			return true
		}
	}
	return false
}

func (s *sense) bake() {
	b := s.spec.Bake
	if s.sound("bake.for", "bake.at_most") && b.For > b.AtMost {
		s.wrong("bake.for", spoken(b.For), "at most bake.at_most, which is "+spoken(b.AtMost))
	}
	if s.sound("bake.for", "bake.poll") && b.Poll > b.For {
		s.wrong("bake.poll", spoken(b.Poll), "at most bake.for, which is "+spoken(b.For)+": a gate needs one look at least")
	}
}
