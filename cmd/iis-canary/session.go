package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/configs"
	"iiscanary/iis"
	"iiscanary/iis/winrm/kerberos"
)

// session is one command's hold on a fleet: the configuration and the adapters that were made from it.
type session struct {
	spec  *configs.Spec
	path  string // of the configuration
	say   func(string)
	elb   *alb.Client
	hosts *iis.Fleet
	// tickets are the run's in Kerberos, for all servers; nil: none so far.
	tickets *kerberos.Client

	getenv func(string) string

	lockWait time.Duration // how long a deployment waits for another run to end
}

// loadSpec reads the configuration; every mistake in it is one error.
func loadSpec(s streams, path string) (*configs.Spec, error) {
	spec, warnings, err := configs.Load(path, func(name string) (string, bool) {
		v := s.getenv(name)
		return v, v != ""
	})
	for _, w := range warnings {
		fmt.Fprintln(s.err, "warning:", w)
	}
	if err == nil {
		return spec, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		return nil, usage("%w", err).then("name the file: --config FILE", "iis-canary init   (writes a first one)")
	}
	return nil, usage("%w", err).then("correct it, then: " + commandLine("iis-canary validate", "--config", path))
}

// begin reads the configuration. Nothing is connected to: the preflight does that, and says all that is wrong at once.
func begin(s streams, path string, say func(string)) (*session, error) {
	spec, err := loadSpec(s, path)
	if err != nil {
		return nil, err
	}
	return &session{spec: spec, path: path, say: say, getenv: s.getenv}, nil
}

// connect reads the configuration, and meets the fleet that it names.
func connect(ctx context.Context, s streams, path string, say func(string)) (*session, error) {
	ses, err := begin(s, path, say)
	if err != nil {
		return nil, err
	}
	return ses, ses.meet(ctx)
}

// meet makes the adapters of a configuration that was read, and finds out which servers there are. It changes nothing.
func (ses *session) meet(ctx context.Context) error {
	var err error
	if ses.elb, err = ses.balancer(ctx); err != nil {
		return unreached(err)
	}
	survey, err := ses.elb.Survey(ctx)
	if err != nil {
		return unreached(err)
	}
	var servers []canary.Server
	for _, m := range survey.Members {
		servers = append(servers, ses.server(m))
	}
	if ses.hosts, err = ses.fleet(servers); err != nil {
		return unreached(err)
	}
	return nil
}

// aim turns to the servers of a plan. A server that a run took out of rotation long ago is in no target group any more, but
// the plan still knows where it is.
func (ses *session) aim(servers []canary.Server) error {
	if known := names(servers); slices.Equal(slices.Sorted(slices.Values(known)), ses.hosts.Servers()) {
		return nil
	}
	ses.leave()
	var err error
	ses.hosts, err = ses.fleet(servers)
	return err
}

func unreached(err error) error {
	return fail(exitPreflight, err, "nothing was touched", "mend that, then type the same line again")
}

// close ends every connection, and forgets the tickets.
func (ses *session) close() {
	ses.leave()
	if ses.tickets != nil {
		ses.tickets.Close()
		ses.tickets = nil
	}
}

// leave ends every connection; shells left behind would count against the servers' quotas.
func (ses *session) leave() {
	if ses.hosts == nil {
		return
	}
	if err := ses.hosts.Close(); err != nil {
		ses.say("a shell may be left on a server; it ends by itself: " + err.Error())
	}
}
