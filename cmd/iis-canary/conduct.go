package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
	"iiscanary/iis"
	"iiscanary/metrics"
)

// conduct takes one run from its plan to its end: lease, journal, roll, and a last look at the fleet.
type conduct struct {
	s        streams
	ses      *session
	output   string
	noColor  bool
	lockWait time.Duration
	// goingBack is set for a run that only puts servers back.
	goingBack bool

	screen *screen
	stop   <-chan struct{}
	saw    func() (report.Traffic, time.Time) // what customers saw, where somebody counts; and their first bad answer
}

// trap prepares for interrupts; release ends that and the screen.
func (cd *conduct) trap(parent context.Context) (context.Context, func()) {
	cd.screen = newScreen(cd.s, cd.noColor)
	ctx, i, release := trap(parent, cd.screen.Note)
	cd.stop = i.stop
	return ctx, func() {
		release()
		cd.screen.Close()
	}
}

// deploy executes a fresh plan.
func (cd *conduct) deploy(ctx context.Context, p *prepared) (*result, error) {
	if len(p.plan.Waves) == 0 {
		return cd.nothing(ctx, p.plan)
	}
	cd.ses.hosts.Use(p.release)
	books, err := cd.books()
	if err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched")
	}
	if err := books.leave(p.plan.Run, note{Package: p.pack}); err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched")
	}
	return cd.run(ctx, p.plan, books.journal(p.plan.Run), p.source, p.metrics, func(ctx context.Context, r *roll) ending {
		return r.forward(ctx, p.plan)
	})
}

// books opens the folder of journals.
func (cd *conduct) books() (runs, error) {
	return openRuns(cd.ses.relative(cd.ses.spec.State), cd.ses.spec.App)
}

// run holds the lease on every server while do executes the plan, then reads the fleet again.
func (cd *conduct) run(ctx context.Context, p canary.Plan, path string, source metrics.Source, ms []metrics.Metric,
	do func(context.Context, *roll) ending) (*result, error) {
	if err := cd.lease(ctx, p, cd.leasable(ctx, p)); err != nil {
		return nil, err
	}
	defer cd.giveBack(ctx)
	if err := cd.overtaken(ctx, p); err != nil {
		return nil, err
	}
	file, err := journal.Open(path)
	if err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	defer file.Close()
	w, err := cd.world(p, source, ms)
	if err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	r := &roll{world: w, journal: journal.NewShards(file, cd.ses.hosts, p), stop: cd.stops(), watch: cd.screen.Event, onRefuse: cd.ses.spec.OnFailure}
	cd.screen.Begin(p)
	cd.announce(ctx, p)
	res := cd.conclude(ctx, p, do(ctx, r))
	cd.sum(ctx, p, res)
	return res, nil
}

// leasable is the servers to lock: all of them for a way forward. A way back does not wait for a server that cannot be
// reached: it is named, and the others are put back.
func (cd *conduct) leasable(ctx context.Context, p canary.Plan) []string {
	all := names(p.Servers)
	if !cd.goingBack {
		return all
	}
	var out []string
	for _, server := range all {
		if err := cd.answers(ctx, server); err != nil {
			cd.screen.Note("going on without the lease of " + server + ": " + err.Error())
			continue
		}
		out = append(out, server)
	}
	return out
}

// overtaken refuses to go on with a run after which another release was rolled: its steps would start a slot beside one that
// they do not know. A server that cannot be reached is met by its own step.
func (cd *conduct) overtaken(ctx context.Context, p canary.Plan) error {
	for _, server := range names(p.Servers) {
		slots, err := cd.ses.hosts.Slots(ctx, server)
		if err != nil {
			continue
		}
		for _, slot := range slots {
			if slot.Runs() && slot.Name != p.New.Slot && !slices.Contains(p.Old, slot.Name) {
				return fail(exitPreflight, fmt.Errorf("%s runs %s, which run %s does not know: another release was rolled since", server, slot.Name, p.Run),
					"nothing was touched by this command", commandLine("iis-canary status", "--config", cd.ses.path))
			}
		}
	}
	return nil
}

// answerTime is how long a way back waits for a server before it goes on with the others.
const answerTime = 15 * time.Second

func (cd *conduct) answers(ctx context.Context, server string) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err := cd.ses.hosts.Survey(ctx, server)
	return err
}

// lease locks servers, waiting for another run to end where the operator wants that.
func (cd *conduct) lease(ctx context.Context, p canary.Plan, servers []string) error {
	until := time.Now().Add(cd.lockWait)
	for said := false; ; said = true {
		err := cd.ses.hosts.Acquire(ctx, servers, p.Run, owner(), "deploy "+p.New.Slot, leaseLife)
		held, locked := errors.AsType[*iis.LeasedError](err)
		if err == nil {
			return nil
		}
		if !locked {
			return fail(exitPreflight, err, "nothing was changed")
		}
		if !time.Now().Before(until) {
			return fail(exitLocked, held, "nothing was touched by this command", fmt.Sprintf("iis-canary resume --config %s --run %s", cd.ses.path, held.Run),
				fmt.Sprintf("iis-canary revert --config %s --run %s", cd.ses.path, held.Run), "both only if that process is dead; otherwise wait for it: --lock-wait 25m")
		}
		if !said {
			cd.screen.Note("waiting for another run to end: " + held.Error())
		}
		if err := (wallClock{}).Wait(ctx, min(5*time.Second, time.Until(until))); err != nil {
			return fail(exitLocked, held, "nothing was touched by this command")
		}
	}
}

// giveBack releases the leases, also when the run was abandoned.
func (cd *conduct) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := cd.ses.hosts.Release(ctx); err != nil {
		cd.screen.Note("the lease could not be given back, it ends by itself: " + err.Error())
	}
}

// stops closes when the operator asks to stop, or when the lease is lost: another run may then be at work.
func (cd *conduct) stops() <-chan struct{} {
	out := make(chan struct{})
	go func() {
		defer close(out)
		select {
		case <-cd.stop:
		case err := <-cd.ses.hosts.LeaseLost():
			cd.screen.Note("stopping: " + err.Error())
		}
	}()
	return out
}

// world is the adapters as the engine sees them, with the screen listening to the judge.
func (cd *conduct) world(p canary.Plan, source metrics.Source, ms []metrics.Metric) (canary.World, error) {
	e := cd.ses.spec.Sources.Elastic
	judge, err := metrics.New(metrics.Options{Source: source, New: p.New.Slot, Old: p.Old, Servers: names(p.Servers), Metrics: ms,
		Since: p.Made, Bucket: e.Bucket, MaxLag: e.MaxLag, MinRequests: int64(e.MinRequests)})
	if err != nil {
		return nil, err
	}
	return world{cd.ses.elb, cd.ses.hosts, &shownJudge{judge: judge, show: cd.screen.Verdict, hosts: cd.ses.hosts,
		servers: names(p.Servers)}, wallClock{}}, nil
}

// nothing is the end of a deployment that finds its work done.
func (cd *conduct) nothing(ctx context.Context, p canary.Plan) (*result, error) {
	return cd.conclude(ctx, p, ending{outcome: report.Deployed, code: exitDone}), nil
}
