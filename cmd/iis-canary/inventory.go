package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
)

// surveyAtOnce bounds how many servers are surveyed at the same time.
const surveyAtOnce = 16

// inventory reads the whole fleet: target groups, live health, and every server's slots. It changes nothing. A server that
// cannot be read is in it all the same, with the reason among its problems.
func (ses *session) inventory(ctx context.Context) (canary.Inventory, error) {
	survey, err := ses.elb.Survey(ctx)
	if err != nil {
		return canary.Inventory{}, unreached(err)
	}
	inv := canary.Inventory{At: time.Now(), Groups: survey.Groups, Servers: make([]canary.Found, len(survey.Members))}
	slots := make(chan struct{}, surveyAtOnce)
	var all sync.WaitGroup
	for i, m := range survey.Members {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			inv.Servers[i] = ses.look(ctx, m)
		})
	}
	all.Wait()
	return inv, nil
}

// look reads one server.
func (ses *session) look(ctx context.Context, m alb.Member) canary.Found {
	f := canary.Found{Server: ses.server(m), Health: m.Health, Problems: m.Problems}
	survey, err := ses.hosts.Survey(ctx, f.Name)
	if err != nil {
		f.Problems = append(f.Problems, err.Error())
		return f
	}
	f.Slots, f.DiskFree, f.ClockOff = survey.Slots, survey.DiskFree, survey.ClockOff
	if off := f.ClockOff.Abs(); off > maxClockOff {
		f.Problems = append(f.Problems, fmt.Sprintf("its clock is %s off, log times could not be compared (at most %s)",
			f.ClockOff.Round(time.Second), maxClockOff))
	}
	return f
}

// maxClockOff is the largest difference of clocks at which log times can still be compared.
const maxClockOff = 5 * time.Second

// server is a member of the target groups under the name that people and the logs use.
func (ses *session) server(m alb.Member) canary.Server {
	return canary.Server{Name: ses.name(m), Address: ses.address(m), Instance: m.Instance, Targets: m.Targets}
}
