package elbtest

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/netip"
	"time"
)

// Config says what a simulated load balancer is like.
type Config struct {
	Region    string // default eu-west-1
	Account   string // twelve digits, default 123456789012
	Name      string // of the load balancer, default web
	AccessKey string // the only access key that is known, default AKIDEXAMPLE
	SecretKey string // its secret, default secret

	Addr        string           // where the API listens, default 127.0.0.1:0
	FrontAddr   string           // where customers connect, default 127.0.0.1:0
	Certificate *tls.Certificate // of the front port; nil: plain HTTP

	Groups    []GroupConfig
	Instances []Instance

	Nodes          int           // load balancer nodes, default 2; each has its own view, probes and rotation
	Propagation    time.Duration // until the last node sees a change of registration; the API lists it after a quarter
	ConnectTimeout time.Duration // to a target, default 10 s; past it the customer gets 504
	IdleTimeout    time.Duration // without a byte from the target, default 60 s; past it the customer gets 504
	PageSize       int           // longest page of a paginated answer, default 400

	// IgnoreEarlyReturn answers 200 without effect when an ip target is registered while it drains. Otherwise that is
	// InvalidTarget. AWS documents only that it is not possible.
	IgnoreEarlyReturn bool

	AccessLog func(Access) // called once per customer request, from its goroutine; may be nil

	// Overhear is called with every request to the API, before it is authenticated, from its goroutine; may be nil.
	Overhear func(r *http.Request, body []byte)
}

// GroupConfig is a target group. Durations may be shorter than AWS allows; the API reports them in whole seconds,
// rounded up.
type GroupConfig struct {
	Name     string
	Protocol string // HTTP (default) or HTTPS, towards the targets
	Port     int    // default port of a target; 0: 80 or 443
	Type     string // instance (default) or ip

	PathPattern string // rule that forwards here, as /api/*; "": the default rule, shared equally by such groups
	NotInUse    bool   // no rule forwards here: targets stay unused

	Delay          time.Duration // deregistration delay; 0 cuts requests in flight at once
	Interval       time.Duration // between the starts of two probes, default 30 s
	Timeout        time.Duration // of one probe, default 5 s
	HealthyCount   int           // probes that make an unhealthy target healthy, default 5
	UnhealthyCount int           // failed probes that make a target unhealthy, default 2
	Path           string        // probed, default /
	Matcher        string        // good statuses: "200", "200,302", "200-299", default 200
	SlowStart      time.Duration // ramp of a target that joins other healthy ones; 0: none
	Algorithm      string        // round_robin (default) or least_outstanding_requests

	MinHealthyCount   int // fewer healthy targets and requests go to all registered ones, default 1
	MinHealthyPercent int // the same as a share of the registered ones; 0: off

	Targets []Target // registered from the start, seen by every node at once
}

// Target is what is registered: an instance id or an IP address, and a port (0: the port of the group).
type Target struct {
	ID   string
	Port int
	Zone string // availability zone as it was registered; usually ""
}

// Instance is a virtual machine as DescribeInstances tells of it.
type Instance struct {
	ID        string // i- and hexadecimal digits
	PrivateIP string // where its targets are reached
	Name      string // its Name tag
	Tags      map[string]string
	Zone      string // default: the region's zone a
	State     string // pending, running (default), stopping, stopped, shutting-down, terminated
}

// Access is one customer request, as the access log of a load balancer has it.
type Access struct {
	Time         time.Time     // when the request was complete
	Duration     time.Duration // from its arrival
	Client       string        // address and port
	Group        string        // "" when none was chosen
	Target       string        // address and port; "" when none was chosen
	TargetID     string
	Method       string
	Host         string
	URI          string
	Status       int // sent to the customer; 460 when the customer left first
	TargetStatus int // received from the target; 0: none
	Trace        string
}

func (c Config) withDefaults() Config {
	c.Region = cmp.Or(c.Region, "eu-west-1")
	c.Account = cmp.Or(c.Account, "123456789012")
	c.Name = cmp.Or(c.Name, "web")
	c.AccessKey = cmp.Or(c.AccessKey, "AKIDEXAMPLE")
	c.SecretKey = cmp.Or(c.SecretKey, "secret")
	c.Addr = cmp.Or(c.Addr, "127.0.0.1:0")
	c.FrontAddr = cmp.Or(c.FrontAddr, "127.0.0.1:0")
	c.Nodes = cmp.Or(c.Nodes, 2)
	c.ConnectTimeout = cmp.Or(c.ConnectTimeout, 10*time.Second)
	c.IdleTimeout = cmp.Or(c.IdleTimeout, time.Minute)
	c.PageSize = cmp.Or(c.PageSize, 400)
	return c
}

func (g GroupConfig) withDefaults() GroupConfig {
	g.Protocol = cmp.Or(g.Protocol, "HTTP")
	if g.Port == 0 && g.Protocol == "HTTPS" {
		g.Port = 443
	}
	g.Port = cmp.Or(g.Port, 80)
	g.Type = cmp.Or(g.Type, "instance")
	g.Interval = cmp.Or(g.Interval, 30*time.Second)
	g.Timeout = cmp.Or(g.Timeout, 5*time.Second)
	g.HealthyCount = cmp.Or(g.HealthyCount, 5)
	g.UnhealthyCount = cmp.Or(g.UnhealthyCount, 2)
	g.Path = cmp.Or(g.Path, "/")
	g.Matcher = cmp.Or(g.Matcher, "200")
	g.Algorithm = cmp.Or(g.Algorithm, "round_robin")
	g.MinHealthyCount = cmp.Or(g.MinHealthyCount, 1)
	return g
}

func (c Config) check() error {
	if c.Nodes < 1 || c.Propagation < 0 || c.PageSize < 1 {
		return fmt.Errorf("load balancer %s: nodes and page size must be positive, propagation not negative", c.Name)
	}
	for _, i := range c.Instances {
		if _, err := netip.ParseAddr(i.PrivateIP); err != nil {
			return fmt.Errorf("instance %s: %w", i.ID, err)
		}
		if _, known := instanceStates()[i.State]; !known {
			return fmt.Errorf("instance %s: unknown state %q", i.ID, i.State)
		}
	}
	serves, names := false, map[string]bool{}
	for _, g := range c.Groups {
		if err := g.check(); err != nil {
			return fmt.Errorf("target group %q: %w", g.Name, err)
		}
		if names[g.Name] {
			return fmt.Errorf("two target groups are called %q", g.Name)
		}
		names[g.Name] = true
		serves = serves || (!g.NotInUse && g.PathPattern == "")
	}
	if !serves {
		return fmt.Errorf("load balancer %s: no target group serves the default rule", c.Name)
	}
	return nil
}

func (g GroupConfig) check() error {
	switch {
	case g.Name == "":
		return fmt.Errorf("it needs a name")
	case g.Protocol != "HTTP" && g.Protocol != "HTTPS":
		return fmt.Errorf("protocol %q is neither HTTP nor HTTPS", g.Protocol)
	case g.Type != "instance" && g.Type != "ip":
		return fmt.Errorf("type %q is neither instance nor ip", g.Type)
	case g.Algorithm != "round_robin" && g.Algorithm != "least_outstanding_requests":
		return fmt.Errorf("algorithm %q is neither round_robin nor least_outstanding_requests", g.Algorithm)
	case g.SlowStart > 0 && g.Algorithm == "least_outstanding_requests":
		return fmt.Errorf("slow start does not go with least_outstanding_requests")
	case g.Delay < 0 || g.Interval <= 0 || g.Timeout <= 0 || g.SlowStart < 0:
		return fmt.Errorf("durations must not be negative, interval and timeout not zero")
	}
	_, err := parseMatcher(g.Matcher)
	return err
}
