package main

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/configs"
	"iiscanary/iis"
	"iiscanary/metrics"
	"iiscanary/metrics/elastic"
)

// balancer makes the adapter to the target groups.
func (ses *session) balancer(ctx context.Context) (*alb.Client, error) {
	a := ses.spec.AWS
	poll := min(ses.spec.Admit.Poll, ses.spec.Drain.Poll)
	o := alb.Options{Region: a.Region, Endpoint: a.Endpoint, Groups: ses.spec.TargetGroups, Poll: poll, Notify: ses.say,
		Reads: max(readsPerSecond, callsPerPoll/poll.Seconds()), Writes: max(writesPerSecond, callsPerPoll/poll.Seconds()),
		MaxBackoff: min(max(poll, shortestBackoff), longestBackoff)}
	if !a.AccessKey.IsZero() {
		var err error
		if o.Credentials.AccessKey, err = a.AccessKey.Resolve(); err != nil {
			return nil, &referenceError{"aws.access_key", err}
		}
		if o.Credentials.SecretKey, err = a.SecretKey.Resolve(); err != nil {
			return nil, &referenceError{"aws.secret_key", err}
		}
	}
	return alb.New(ctx, o)
}

// AWS throttles per account and region: stay far below, unless the configured polls are shorter than any for a real account.
const (
	readsPerSecond  = 5
	writesPerSecond = 4
	callsPerPoll    = 4

	shortestBackoff = 200 * time.Millisecond
	longestBackoff  = 5 * time.Second
)

// fleet makes the adapter to these servers.
func (ses *session) fleet(servers []canary.Server) (*iis.Fleet, error) {
	way, err := ses.wayIn()
	if err != nil {
		return nil, err
	}
	w := ses.spec.Servers.WinRM
	site := ses.spec.Site
	o := iis.Options{
		App: ses.spec.App, Root: site.Root, Bindings: site.Bindings, Runtime: site.Runtime, HostHeader: site.Host,
		Certificate: iis.Certificate{Subject: site.Certificate.Subject, Thumbprint: site.Certificate.Thumbprint},
		UserAgent:   userAgent(),
		Channel:     iis.Channel(w.Channel), Notify: ses.say,
		Timeouts: iis.Timeouts{Stable: site.Stable, StopWait: site.StopWait},
	}
	for _, secret := range ses.spec.Secrets() {
		o.Secrets = append(o.Secrets, iis.Secret(secret))
	}
	for _, s := range servers {
		host, port, err := ses.reach(s)
		if err != nil {
			return nil, err
		}
		way.Server, way.Host, way.Port = s.Name, host, port
		way.SPN = strings.NewReplacer("{name}", s.Name, "{host}", host).Replace(w.Kerberos.SPN)
		o.Endpoints = append(o.Endpoints, way)
	}
	f := iis.NewFleet(o)
	return f, f.Check()
}

// userAgent names the program in the logs of those whom it asks; the verdict leaves such requests out.
func userAgent() string { return "iis-canary/" + version() }

// authorities reads a PEM file named in the configuration; none means those of this machine.
func (ses *session) authorities(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(ses.relative(file))
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate in PEM form", file)
	}
	return pool, nil
}

// relative is a path of the configuration, taken from the configuration's folder.
func (ses *session) relative(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(filepath.Dir(ses.spec.Path), path)
}

// name is what a member of the target groups is called; its instance id where the configured name is missing.
func (ses *session) name(m alb.Member) string {
	how := ses.spec.Servers.Names
	tag, tagged := strings.CutPrefix(how, "tag:")
	switch {
	case tagged && m.Tags[tag] != "":
		return m.Tags[tag]
	case how == "private_dns" && m.PrivateDNS != "":
		return m.PrivateDNS
	}
	return m.Instance
}

// address is where the member's WinRM listens: host or host:port.
func (ses *session) address(m alb.Member) string {
	how := ses.spec.Servers.Address
	if tag, tagged := strings.CutPrefix(how, "tag:"); tagged {
		return m.Tags[tag]
	}
	switch how {
	case "private_dns":
		return m.PrivateDNS
	case "map":
		return ses.spec.Servers.Map[m.Instance]
	}
	return m.PrivateIP
}

// reach is the address of a server's WinRM listener, with its port.
func (ses *session) reach(s canary.Server) (string, int, error) {
	if s.Address == "" {
		return "", 0, fmt.Errorf("%s: servers.address is %s, and %s has none", ses.spec.Pos("servers.address"), ses.spec.Servers.Address, s.Instance)
	}
	host, text, err := net.SplitHostPort(s.Address)
	if err != nil {
		return s.Address, ses.spec.Servers.WinRM.Port, nil
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return "", 0, fmt.Errorf("%s of %s: %q is no port", ses.spec.Servers.Address, s.Instance, text)
	}
	return host, port, nil
}

// source is the logs as the judge asks them.
func (ses *session) source() (metrics.Source, error) { return ses.elastic() }

// elastic makes the adapter to the cluster that holds the logs.
func (ses *session) elastic() (*elastic.Source, error) {
	e := ses.spec.Sources.Elastic
	o := elastic.Options{
		URLs: e.URLs, Index: e.Index, Flavour: elastic.Flavour(e.Flavour), Filter: e.Query,
		Fields: elastic.Fields{Time: e.Fields.Time, Status: e.Fields.Status, Duration: e.Fields.Duration,
			DurationUnit: e.Fields.DurationUnit, Host: e.Fields.Host, Slot: e.Release.Field, UserAgent: e.Fields.UserAgent},
	}
	for _, s := range []struct {
		name   string
		secret configs.Secret
		to     *string
	}{{"api_key", e.APIKey, &o.APIKey}, {"user", e.User, &o.User}, {"password", e.Password, &o.Password}} {
		if s.secret.IsZero() {
			continue
		}
		value, err := s.secret.Resolve()
		if err != nil {
			return nil, &referenceError{"sources.elastic." + s.name, err}
		}
		*s.to = value
	}
	if e.CA != "" {
		var err error
		if o.CA, err = os.ReadFile(ses.relative(e.CA)); err != nil {
			return nil, &referenceError{"sources.elastic.ca", err}
		}
	}
	return elastic.New(o)
}

// questions is the configured metrics, before the preflight has settled what depends on the present traffic.
func (ses *session) questions() []metrics.Metric {
	var out []metrics.Metric
	for _, m := range ses.spec.Metrics {
		q := metrics.Metric{Name: m.Name, Limit: metrics.Limit{Rho: m.Limit.Rho, Delta: m.Limit.Delta}, Alpha: m.FalseAlarm,
			SkipFirst: m.SkipFirst, OnNoData: metrics.NoData(m.OnNoData)}
		if m.SlowerThan.Text != "" {
			q.Kind, q.SlowerThan, q.Quantile = metrics.Slow, m.SlowerThan.Fixed, m.SlowerThan.Quantile
		} else {
			q.Kind, q.StatusFrom = metrics.Errors, m.Bad.Value
		}
		out = append(out, q)
	}
	return out
}

// wanted is what the operator asked for, in the engine's words.
func (ses *session) wanted(run string, release canary.Release) canary.Spec {
	c := ses.spec
	w := c.Warmup
	return canary.Spec{
		Run: run, App: c.App, Digest: c.Digest, New: release, Order: c.Servers.Order, Waves: sizes(c.Rollout.Waves),
		Parallel: c.Rollout.Parallel, MinHealthy: canary.Size(c.Rollout.MinHealthy), Keep: c.Site.Keep,
		Drain: canary.DrainSpec{Policy: c.Drain.Policy, Settle: c.Drain.Settle, Poll: c.Drain.Poll},
		Warm: canary.WarmSpec{Path: w.Path, Host: w.Host, First: w.First, Requests: w.Requests, Under: w.Under, Status: w.Status,
			Header: w.VersionHeader, Tries: w.Tries},
		Admit: canary.AdmitSpec{Poll: c.Admit.Poll, Grace: c.Admit.Grace},
		Bake:  canary.BakeSpec{For: c.Bake.For, AtMost: c.Bake.AtMost, Poll: c.Bake.Poll, OnUnsure: "hold"},
	}
}

func sizes(waves configs.Waves) []canary.Size {
	var out []canary.Size
	for _, w := range waves {
		out = append(out, canary.Size(w))
	}
	return out
}
