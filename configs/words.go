package configs

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Words is what one part of a configuration means, said so that a person can check that it was meant.
type Words struct {
	Topic string // one word, such as "floor" or a metric's name
	Path  string // such as "rollout.min_healthy"
	Text  string // a sentence or two, without a full stop at the end
}

// Words are the limits of a configuration said back, in the order in which a roll meets them, each metric for itself.
func (s *Spec) Words() []Words {
	out := append(s.packageWords(), []Words{
		{"drain", "drain", s.Drain.words()},
		{"warm", "warmup", s.Warmup.words()},
		{"waves", "rollout.waves", s.Rollout.words()},
		{"floor", "rollout.min_healthy", s.floorWords()},
		{"bake", "bake", s.Bake.words()},
	}...)
	for i, m := range s.Metrics {
		out = append(out, Words{m.Name, fmt.Sprintf("metrics[%d]", i), m.words()})
	}
	return append(out, Words{"failure", "on_failure", s.failureWords()}, Words{"disk", "site.keep", s.Site.words()})
}

func (d Drain) words() string {
	if d.Policy == "full" {
		return "a server leaves the target groups, then the whole deregistration delay of the groups is waited out"
	}
	return fmt.Sprintf("a server leaves the target groups, then %s pass, and then it is waited until nothing is in flight; a look every %s",
		spoken(d.Settle), spoken(d.Poll))
}

func (w Warmup) words() string {
	return fmt.Sprintf("the first request to %s may take %s; then %s in a row must be answered with %d in less than %s each. A series that fails is sent anew, up to %s in all",
		w.Path, spoken(w.First), strconv.Itoa(w.Requests), w.Status, spoken(w.Under), strconv.Itoa(w.Tries))
}

func (r Rollout) words() string {
	if r.Waves == nil {
		return "one server at a time, and a gate after each"
	}
	var totals []string
	for _, size := range r.Waves {
		totals = append(totals, size.words())
	}
	return fmt.Sprintf("wave by wave %s run the new release, and a gate follows each. Up to %s of a wave are in hand together",
		strings.Join(totals, ", then "), strconv.Itoa(r.Parallel))
}

func (s Size) words() string {
	switch {
	case s.Percent == 100:
		return "all servers"
	case s.Percent > 0:
		return s.String() + " of the servers"
	}
	return counted(s.Count, "server")
}

// floorWords says what the floor leaves to work with: in a fleet whose size is known, and else from which size on.
func (s *Spec) floorWords() string {
	floor := s.Rollout.MinHealthy
	text := "at least " + floor.words() + " serve at every instant"
	if n := len(s.Servers.Map); n > 0 {
		need := floor.of(n)
		return fmt.Sprintf("%s: of the %d in servers.map %d must, so %d may be in hand", text, n, need, n-need)
	}
	least := floor.Count + 1
	if floor.Percent > 0 {
		least = leastFleet(floor)
	}
	return fmt.Sprintf("%s. In a fleet of %d that is %d, so %d may be in hand; a smaller fleet cannot be rolled", text, least, floor.of(least), least-floor.of(least))
}

const largestFleet = 1_000_000

// leastFleet is the smallest fleet of which one server may leave; a share is rounded up, so it is that of which one server is
// more than what the share leaves over.
func leastFleet(floor Size) int {
	n := max(2, int(min(largestFleet, 100/(100-floor.Percent)))-1)
	for floor.of(n) >= n && n < largestFleet {
		n++
	}
	return n
}

func (b Bake) words() string {
	return fmt.Sprintf("at each gate users are watched for %s at least and %s at most, every %s. A limit that breaks ends it at once; without an answer the run is held",
		spoken(b.For), spoken(b.AtMost), spoken(b.Poll))
}

func (m Metric) words() string {
	sentences := []string{m.limitWords()}
	if m.SkipFirst > 0 {
		sentences = append(sentences, fmt.Sprintf("The first %s of a server do not count", spoken(m.SkipFirst)))
	}
	switch m.OnNoData {
	case "continue":
		sentences = append(sentences, "Without data the metric is left out")
	case "revert":
		sentences = append(sentences, "Without data the release is refused")
	default:
		sentences = append(sentences, "Without data the run is held")
	}
	sentences = append(sentences, fmt.Sprintf("A release within the limit is refused in fewer than 1 of %s runs", grouped(1/m.FalseAlarm)))
	return strings.Join(sentences, ". ")
}

// limitWords is the limit in absolute terms, at shares of the old release that make it plain.
func (m Metric) limitWords() string {
	const some = 0.01
	l := m.Limit
	at := func(old float64) string { return percent(min(1, l.Rho*old+l.Delta)) }
	usual := 1 - m.SlowerThan.Quantile
	switch {
	case l.Rho == 0:
		return fmt.Sprintf("%s may be at most %s of the new release's (1 of %s), whatever the old release does", m.what(), percent(l.Delta), grouped(1/l.Delta))
	case m.SlowerThan.Quantile > 0:
		return fmt.Sprintf("%s may be at most %s of the new release's; of the old release's they are %s", m.what(), at(usual), percent(usual))
	}
	return fmt.Sprintf("%s may be at most %s of the new release's: %s while the old release has none in the same seconds, %s while it has %s",
		m.what(), l.Text, at(0), at(some), percent(some))
}

// what says which requests are bad.
func (m Metric) what() string {
	switch {
	case m.SlowerThan.Quantile > 0:
		return "requests that fail or take longer than the old release's " + quantileName(m.SlowerThan)
	case m.SlowerThan.Fixed > 0:
		return "requests that fail or take longer than " + spoken(m.SlowerThan.Fixed)
	}
	return fmt.Sprintf("requests that are answered with %d or above", m.Bad.Value)
}

// percent is a share with up to three digits that matter.
func percent(share float64) string {
	return strconv.FormatFloat(roundTo(100*share, 3), 'f', -1, 64) + "%"
}

// grouped is a number of things with commas between thousands; small ones keep a digit behind the point where they have one.
func grouped(v float64) string {
	v = roundTo(v, 3)
	text := strconv.FormatFloat(v, 'f', -1, 64)
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		return whole + "." + rest
	}
	return whole
}

func roundTo(v float64, digits int) float64 {
	if v == 0 {
		return 0
	}
	scale := math.Pow(10, float64(digits-1)-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*scale) / scale
}

func (s *Spec) failureWords() string {
	if s.OnFailure == "hold" {
		return "a release that is refused stays where it is, and a person decides"
	}
	return "a release that is refused is taken back from every server"
}

func (v Site) words() string {
	return fmt.Sprintf("in %s each server keeps the new release, the one before it, and %s more. Stopped workers may take %s to go",
		v.Root, strconv.Itoa(v.Keep), spoken(v.StopWait))
}
