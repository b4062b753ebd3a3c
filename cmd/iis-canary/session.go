package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"slices"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/configs"
	"iiscanary/iis"
)

// session is one command's hold on a fleet: the configuration and the adapters that were made from it.
type session struct {
	spec  *configs.Spec
	path  string // of the configuration
	say   func(string)
	elb   *alb.Client
	hosts *iis.Fleet
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
		return nil, usage("%w", err).then("name the file: --config FILE (configs/examples/minimal.yaml is one to start from)")
	}
	return nil, usage("%w", err).then("correct it, then: " + commandLine("iis-canary validate", "--config", path))
}

// connect makes the adapters and finds out which servers there are. It changes nothing.
func connect(ctx context.Context, s streams, path string, say func(string)) (*session, error) {
	spec, err := loadSpec(s, path)
	if err != nil {
		return nil, err
	}
	ses := &session{spec: spec, path: path, say: say}
	if ses.elb, err = ses.balancer(ctx); err != nil {
		return nil, unreached(err)
	}
	survey, err := ses.elb.Survey(ctx)
	if err != nil {
		return nil, unreached(err)
	}
	var servers []canary.Server
	for _, m := range survey.Members {
		servers = append(servers, ses.server(m))
	}
	if ses.hosts, err = ses.fleet(servers); err != nil {
		return nil, unreached(err)
	}
	return ses, nil
}

// aim turns to the servers of a plan. A server that a run took out of rotation long ago is in no target group any more, but
// the plan still knows where it is.
func (ses *session) aim(servers []canary.Server) error {
	if known := names(servers); slices.Equal(slices.Sorted(slices.Values(known)), ses.hosts.Servers()) {
		return nil
	}
	ses.close()
	var err error
	ses.hosts, err = ses.fleet(servers)
	return err
}

func unreached(err error) error {
	return fail(exitPreflight, err, "nothing was touched", "mend that, then type the same line again")
}

// owner names who runs this process, for the lease.
func owner() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("%s on %s (pid %d)", name, host, os.Getpid())
}

// close ends every connection; shells left behind would count against the servers' quotas.
func (ses *session) close() {
	if ses.hosts == nil {
		return
	}
	if err := ses.hosts.Close(); err != nil {
		ses.say("a shell may be left on a server; it ends by itself: " + err.Error())
	}
}
