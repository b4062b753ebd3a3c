package rehearsal_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/bundle"
)

// plan is how the program would deploy the new release.
func (c *crew) plan(t *testing.T) canary.Plan {
	t.Helper()
	release, err := bundle.Open(c.Package(), c.spec.App)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = release.Close() })
	c.hosts.Use(release)
	plan, err := canary.NewPlan(c.wanted(release), c.inventory(t))
	if err != nil {
		t.Fatal(err)
	}
	return plan
}

// roll carries out a plan with the program's own engine.
func (c *crew) roll(t *testing.T, plan canary.Plan) error {
	t.Helper()
	book, err := journal.Open(filepath.Join(t.TempDir(), "journal"))
	if err != nil {
		t.Fatal(err)
	}
	defer book.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	runner := &canary.Runner{World: world{c.elb, c.hosts, approver{}, clock{}}, Journal: book}
	return runner.Run(ctx, plan)
}

func (c *crew) wanted(b *bundle.Release) canary.Spec {
	s, w := c.spec, c.spec.Warmup
	return canary.Spec{
		Run: run, App: s.App, Digest: s.Digest, MinHealthy: canary.Size(s.Rollout.MinHealthy), Keep: s.Site.Keep,
		New:   canary.Release{Slot: rehearsal.NewSlot, Version: b.Version, Digest: b.Digest, Files: len(b.Files), Bytes: b.Bytes},
		Drain: canary.DrainSpec{Policy: s.Drain.Policy, Settle: s.Drain.Settle / 4, Poll: s.Drain.Poll / 4}, // no test needs more
		Warm: canary.WarmSpec{Path: w.Path, Host: w.Host, First: w.First, Requests: w.Requests, Under: w.Under, Status: w.Status,
			Header: w.VersionHeader, Tries: w.Tries},
		Admit: canary.AdmitSpec{Poll: s.Admit.Poll / 4, Grace: s.Admit.Grace},
		Bake:  canary.BakeSpec{For: s.Bake.Poll, AtMost: s.Bake.AtMost, Poll: s.Bake.Poll},
	}
}

// world is the program's adapters, and a judge who is content with every release: what is tested is the order of steps.
type world struct {
	canary.Balancer
	canary.Host
	approver
	clock
}

type approver struct{}

func (approver) Judge(context.Context, []string) (canary.Verdict, error) {
	return canary.Verdict{Answer: canary.Pass, Reason: "not looked at"}, nil
}

type clock struct{}

func (clock) Now() time.Time { return time.Now() }

func (clock) Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
