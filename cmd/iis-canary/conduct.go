package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/journal"
	"iiscanary/canary/report"
	"iiscanary/metrics"
)

// conduct takes one run from its plan to its end: lease, journal, roll, and a last look at the fleet.
type conduct struct {
	s        streams
	ses      *session
	output   string
	noColor  bool
	lockWait time.Duration
	// goingBack is set for a run that only puts servers back, takeOver for one whose other process the operator knows to be dead.
	goingBack, takeOver bool

	screen *screen
	stop   <-chan struct{}
	saw    func() (report.Traffic, time.Time) // what customers saw, where somebody counts; and their first bad answer
}

// begin reads the configuration, which needs no screen yet.
func (cd *conduct) begin(path string) error {
	var err error
	cd.ses, err = begin(cd.s, path, func(text string) { cd.screen.Note(text) })
	return err
}

// trap prepares for interrupts; release ends that and the screen.
func (cd *conduct) trap(parent context.Context) (context.Context, func()) {
	cd.screen = newScreen(cd.s, cd.noColor)
	ctx, i, release := trap(parent, cd.screen.Stopping)
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
	cd.ses.aboard(p.release)
	books, err := cd.books()
	if err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched")
	}
	if err := books.leave(p.plan.Run, note{Package: p.pack.String()}); err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched")
	}
	res, err := cd.run(ctx, job{plan: p.plan, source: p.source, metrics: p.metrics,
		journal: func(context.Context) (*journal.File, error) { return journal.Open(books.journal(p.plan.Run)) },
		do:      func(ctx context.Context, r *roll) ending { return r.forward(ctx, p.plan) },
	})
	if err != nil {
		if left := books.forget(p.plan.Run); left != nil {
			cd.screen.Note(left.Error())
		}
	}
	return res, err
}

// job is a run that is about to begin, or to go on.
type job struct {
	plan    canary.Plan
	journal func(context.Context) (*journal.File, error) // asked for once the servers are locked
	open    bool                                         // the journal is open already: no other process of this machine has it
	source  metrics.Source
	metrics []metrics.Metric
	do      func(context.Context, *roll) ending
}

// books opens the folder of journals.
func (cd *conduct) books() (runs, error) {
	return openRuns(cd.ses.relative(cd.ses.spec.State), cd.ses.spec.App)
}

// run holds the lease on every server while do executes the plan, then reads the fleet again.
func (cd *conduct) run(ctx context.Context, j job) (*result, error) {
	p := j.plan
	if err := cd.lease(ctx, j, cd.leasable(ctx, p)); err != nil {
		return nil, err
	}
	defer cd.giveBack(ctx)
	if err := cd.overtaken(ctx, p); err != nil {
		return nil, err
	}
	file, err := j.journal(ctx)
	if err != nil {
		return nil, untouched(err)
	}
	defer file.Close()
	w, err := cd.world(p, j.source, j.metrics)
	if err != nil {
		return nil, fail(exitUnexpected, err, "nothing was touched by this command")
	}
	r := &roll{world: w, journal: journal.NewShards(file, cd.ses.hosts, p), watch: cd.screen.Event, waits: cd.screen.Waits, explain: explainer(cd.ses.hosts), stop: cd.stop, onRefuse: cd.ses.spec.OnFailure}
	ctx, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	go cd.untilTaken(ctx, leave)
	cd.ses.elb.Guard(cd.holding(p.Servers))
	cd.screen.Begin(p, file.Events())
	cd.announce(ctx, p)
	res := cd.conclude(ctx, p, j.do(ctx, r))
	cd.sum(ctx, p, res)
	return res, nil
}

// untouched makes an error a failure that comes before the first change, where it is none yet.
func untouched(err error) error {
	if f, ok := errors.AsType[*failure](err); ok {
		return f
	}
	return fail(exitUnexpected, err, "nothing was touched by this command")
}

// leasable is the servers to lock: all of them for a way forward. A way back does not wait for a server that cannot be
// reached: it is named, and the others are put back.
func (cd *conduct) leasable(ctx context.Context, p canary.Plan) []string {
	all := names(p.Servers)
	if !cd.goingBack {
		return all
	}
	silent := make([]error, len(all))
	var asked sync.WaitGroup
	for i, server := range all {
		asked.Go(func() { silent[i] = cd.answers(ctx, server) })
	}
	asked.Wait()
	var out []string
	for i, server := range all {
		if silent[i] != nil {
			cd.screen.Note("going on without the lease of " + server + ": " + silent[i].Error())
			continue
		}
		out = append(out, server)
	}
	return out
}

// overtaken refuses to go on with a run after which another release was rolled: its steps would start a slot beside one that
// they do not know. A server that cannot be reached soon is met by its own step.
func (cd *conduct) overtaken(ctx context.Context, p canary.Plan) error {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	unknown := make([]string, len(p.Servers)) // slots, by server
	var all sync.WaitGroup
	for i, server := range names(p.Servers) {
		all.Go(func() {
			slots, err := cd.ses.hosts.Slots(ctx, server)
			for _, slot := range slots {
				if err == nil && slot.Runs() && slot.Name != p.New.Slot && !slices.Contains(p.Old, slot.Name) {
					unknown[i] = slot.Name
				}
			}
		})
	}
	all.Wait()
	for i, slot := range unknown {
		if slot != "" {
			return fail(exitPreflight, fmt.Errorf("%s runs %s, which run %s does not know: another release was rolled since", p.Servers[i].Name, slot, p.Run),
				"nothing was touched by this command", commandLine("iis-canary status", "--config", cd.ses.path))
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

// giveBack releases the leases, also when the run was abandoned.
func (cd *conduct) giveBack(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := cd.ses.hosts.Release(ctx); err != nil {
		cd.screen.Note("the lease could not be given back, it ends by itself: " + err.Error())
	}
}

// untilTaken ends a run at once when a lease is lost, whoever noticed it: another process may be at work.
func (cd *conduct) untilTaken(ctx context.Context, leave context.CancelCauseFunc) {
	select {
	case err := <-cd.ses.hosts.LeaseLost():
		cd.screen.Note("nothing more is done by this process: " + err.Error())
		leave(err)
	case <-ctx.Done():
	}
}

// holding asks a server before each change of its targets at the balancer, which knows of no lease. One that cannot be asked may
// be served by the balancer all the same.
func (cd *conduct) holding(servers []canary.Server) func(context.Context, []canary.Target) error {
	return func(ctx context.Context, targets []canary.Target) error {
		for _, s := range servers {
			if !slices.ContainsFunc(s.Targets, func(t canary.Target) bool { return slices.Contains(targets, t) }) {
				continue
			}
			if err := cd.ses.hosts.Hold(ctx, s.Name); errors.Is(err, canary.ErrTaken) {
				return err
			}
		}
		return nil
	}
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
