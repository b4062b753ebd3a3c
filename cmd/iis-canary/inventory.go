package main

import (
	"context"
	"fmt"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/iis"
)

// surveyAtOnce bounds how many servers are surveyed at the same time.
const surveyAtOnce = 16

// look reads one server, once. One that cannot be read is told of all the same, with the reason among its problems and without a survey.
func (ses *session) look(ctx context.Context, m alb.Member) (canary.Found, *iis.Survey) {
	f := canary.Found{Server: ses.server(m), Health: m.Health, Problems: m.Problems}
	survey, err := ses.hosts.Survey(ctx, f.Name)
	if err != nil {
		f.Problems = append(f.Problems, err.Error())
		return f, nil
	}
	f.Slots, f.DiskFree, f.ClockOff = survey.Slots, survey.DiskFree, survey.ClockOff
	f.Facts = renewals(survey)
	if off := f.ClockOff.Abs(); off > maxClockOff {
		f.Problems = append(f.Problems, fmt.Sprintf("its clock is %s off, log times could not be compared (at most %s)",
			f.ClockOff.Round(time.Second), maxClockOff))
	}
	return f, &survey
}

// maxClockOff is the largest difference of clocks at which log times can still be compared.
const maxClockOff = 5 * time.Second

// server is a member of the target groups under the name that people and the logs use.
func (ses *session) server(m alb.Member) canary.Server {
	return canary.Server{Name: ses.name(m), Address: ses.address(m), Instance: m.Instance, Targets: m.Targets}
}
