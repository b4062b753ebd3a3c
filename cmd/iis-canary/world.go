package main

import (
	"context"
	"sync"
	"time"

	"iiscanary/canary"
)

// world puts the adapters together into everything that the engine touches.
type world struct {
	canary.Balancer
	canary.Host
	judge
	wallClock
}

// judge is canary.Judge under a name that its method does not have, so that it can be embedded.
type judge = canary.Judge

// wallClock is real time.
type wallClock struct{}

func (wallClock) Now() time.Time { return time.Now() }

func (wallClock) Wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// flusher makes a server write out its access log.
type flusher interface {
	Flush(ctx context.Context, server string) error
}

// shownJudge tells the screen what the judge says at every poll, and has the servers write out their logs now and then: http.sys
// would keep lines for up to a minute.
type shownJudge struct {
	judge   canary.Judge
	show    func(canary.Verdict)
	hosts   flusher
	servers []string
	flushed time.Time
}

// flushEvery is the time between two flushes of the access logs, and flushTime how long a verdict waits for one.
const (
	flushEvery = 5 * time.Second
	flushTime  = 2 * time.Second
)

func (j *shownJudge) Judge(ctx context.Context, on []string) (canary.Verdict, error) {
	if time.Since(j.flushed) >= flushEvery {
		j.flush(ctx)
	}
	v, err := j.judge.Judge(ctx, on)
	if err != nil {
		j.show(canary.Verdict{Answer: canary.Unsure, Reason: err.Error()})
		return v, err
	}
	j.show(v)
	return v, nil
}

// flush asks every server at once. One that cannot be asked is only later with its lines, which the verdict waits for.
func (j *shownJudge) flush(ctx context.Context) {
	j.flushed = time.Now()
	ctx, cancel := context.WithTimeout(ctx, flushTime)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range j.servers {
		all.Go(func() { _ = j.hosts.Flush(ctx, s) })
	}
	all.Wait()
}
