package canary

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// HealthCheck is how a target group asks whether a target is well.
type HealthCheck struct {
	Port    int           `json:"port"`    // of the target
	Path    string        `json:"path"`    // such as /health
	Matcher string        `json:"matcher"` // statuses that are well: "200", "200,301", "200-299"; empty: 200
	Timeout time.Duration `json:"timeout"`
}

// healthChecks is what the groups of these targets will ask them, each once. A check on another port than the traffic's, or of
// another kind than HTTP, is left to the balancer.
func (d *draft) healthChecks(targets []Target) []HealthCheck {
	var out []HealthCheck
	seen := map[HealthCheck]bool{}
	for _, t := range targets {
		for _, g := range d.inv.Groups {
			c := HealthCheck{Port: t.Port, Path: g.CheckPath, Matcher: g.CheckMatcher, Timeout: g.Timeout}
			if g.ARN == t.Group && g.CheckHTTP && !seen[c] {
				seen[c] = true
				out = append(out, c)
			}
		}
	}
	return out
}

// Matches says whether a status is well. A matcher that cannot be read lets everything pass: the balancer knows better.
func (c HealthCheck) Matches(status int) bool {
	if c.Matcher == "" {
		return status == 200
	}
	for part := range strings.SplitSeq(c.Matcher, ",") {
		from, to, is := strings.Cut(strings.TrimSpace(part), "-")
		if !is {
			to = from
		}
		low, bad := strconv.Atoi(strings.TrimSpace(from))
		high, worse := strconv.Atoi(strings.TrimSpace(to))
		if bad != nil || worse != nil || status >= low && status <= high {
			return true
		}
	}
	return false
}

// UnwellError is what a server itself answered to the balancer's health check before it was registered. It keeps no server out: who asks
// from elsewhere may be answered otherwise.
type UnwellError struct {
	Server string
	Check  HealthCheck
	Status int    // 0: no answer
	Why    string // may be empty
}

func (e *UnwellError) Error() string {
	found := fmt.Sprintf("status %d", e.Status)
	if e.Status == 0 {
		found = "no answer"
	}
	if e.Why != "" {
		found += " (" + e.Why + ")"
	}
	return fmt.Sprintf("asked by itself as the balancer's health check asks, by address and without a server name, %s gives %s, not %s; look at the site's rules for this path: curl -k https://<private ip of %s>:%d%s",
		e.Server, found, e.Check.matcher(), e.Server, e.Check.Port, e.Check.Path)
}

func (c HealthCheck) matcher() string {
	if c.Matcher == "" {
		return "200"
	}
	return c.Matcher
}

// asks is how often a server is asked what the balancer will ask it, before it is registered all the same.
const asks = 3

// alone asks the server itself what the balancer will ask it, a few times, and returns the first check that it does not pass. A server
// that cannot be asked is left to the balancer.
func (a Admit) alone(ctx context.Context, w World) (*UnwellError, error) {
	for _, c := range a.Checks {
		p := Probe{Slot: a.Slot, Path: c.Path, First: c.Timeout, Each: c.Timeout, Balancer: true, Port: c.Port}
		for n := 1; ; n++ {
			answers, err := w.Probe(ctx, a.Server, p)
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			if err != nil || len(answers) == 0 || c.Matches(answers[0].Status) {
				break
			}
			if n == asks {
				return &UnwellError{a.Server, c, answers[0].Status, answers[0].Err}, nil
			}
			if err := w.Wait(ctx, pace(a.Poll)); err != nil {
				return nil, err
			}
		}
	}
	return nil, nil
}

// asking is how long that may take.
func (a Admit) asking() time.Duration {
	var all time.Duration
	for _, c := range a.Checks {
		all += asks * (c.Timeout + pace(a.Poll))
	}
	return all
}
