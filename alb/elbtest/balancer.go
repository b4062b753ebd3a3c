package elbtest

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"net"
	"net/http"
	"path"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Balancer is a running load balancer. Its methods may be called from any goroutine.
type Balancer struct {
	config  Config
	actions map[string]action

	life       context.Context // of everything that runs
	end        context.CancelFunc
	background sync.WaitGroup // probes, drains, requests
	servers    sync.WaitGroup

	apiListener, frontListener net.Listener
	api, front                 *http.Server
	targets                    *http.Transport
	copies                     sync.Pool    // of *[]byte, for answers on their way
	arrivals                   atomic.Int64 // customer connections so far; spreads them over the nodes
	ahead                      atomic.Int64 // how far the API's clock is ahead, in nanoseconds

	mu        sync.Mutex // guards everything below, and the groups
	closed    bool
	groups    []*group
	instances map[string]Instance
	forwards  []int // per node, requests that took the default rule
	counters  map[string]int64
	calls     map[string]int
	mutations []Mutation
	throttle  throttle
	denied    []string // actions
	serial    int64    // of request ids
}

// New starts a load balancer. It fails when the configuration makes no sense or an address cannot be bound.
func New(config Config) (*Balancer, error) {
	b := &Balancer{
		config:    config.withDefaults(),
		instances: map[string]Instance{},
		counters:  map[string]int64{},
		calls:     map[string]int{},
	}
	b.actions = b.knownActions()
	if err := b.configure(); err != nil {
		return nil, err
	}
	var err error
	if b.apiListener, err = net.Listen("tcp", b.config.Addr); err != nil {
		return nil, fmt.Errorf("listen for the load balancer's API: %w", err)
	}
	if b.frontListener, err = net.Listen("tcp", b.config.FrontAddr); err != nil {
		return nil, errors.Join(fmt.Errorf("listen for the load balancer's customers: %w", err), b.apiListener.Close())
	}
	b.life, b.end = context.WithCancel(context.Background())
	b.copies.New = func() any { buffer := make([]byte, 32<<10); return &buffer }
	b.targets = b.transport()
	b.serve()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, g := range b.groups {
		for _, t := range g.GroupConfig.Targets {
			b.register(g, g.full(t), true)
		}
	}
	return b, nil
}

func (b *Balancer) configure() error {
	c := &b.config
	c.Groups = slices.Clone(c.Groups)
	c.Instances = slices.Clone(c.Instances)
	for i := range c.Groups {
		c.Groups[i] = c.Groups[i].withDefaults()
	}
	for i := range c.Instances {
		c.Instances[i] = c.Instances[i].withDefaults(c.Region)
		b.instances[c.Instances[i].ID] = c.Instances[i]
	}
	if err := c.check(); err != nil {
		return err
	}
	b.forwards = make([]int, c.Nodes)
	for _, gc := range c.Groups {
		matches, err := parseMatcher(gc.Matcher)
		if err != nil {
			return err
		}
		if _, err := path.Match(gc.PathPattern, "/"); err != nil {
			return fmt.Errorf("target group %q: path pattern %q: %w", gc.Name, gc.PathPattern, err)
		}
		g := &group{
			GroupConfig: gc,
			arn:         b.arn("targetgroup/"+gc.Name, ""),
			matches:     matches,
			seats:       make([][]*seat, c.Nodes),
			turns:       make([]int, c.Nodes),
		}
		for _, t := range gc.Targets {
			if problem := b.unfit(g, t); problem != nil {
				return fmt.Errorf("target group %q: %s", gc.Name, problem.message)
			}
		}
		b.groups = append(b.groups, g)
	}
	return nil
}

func (i Instance) withDefaults(region string) Instance {
	i.Tags = maps.Clone(i.Tags)
	if i.Tags == nil {
		i.Tags = map[string]string{}
	}
	if i.Name != "" {
		i.Tags["Name"] = i.Name
	}
	if i.Zone == "" {
		i.Zone = region + "a"
	}
	if i.State == "" {
		i.State = "running"
	}
	return i
}

func (b *Balancer) serve() {
	b.api = &http.Server{Handler: http.HandlerFunc(b.answer), ReadHeaderTimeout: time.Minute}
	b.front = &http.Server{
		Handler:           http.HandlerFunc(b.forward),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          silentLog(),
		ConnContext: func(ctx context.Context, _ net.Conn) context.Context {
			b.mu.Lock()
			b.count("NewConnectionCount")
			b.mu.Unlock()
			return context.WithValue(ctx, nodeKey{}, int(b.arrivals.Add(1))%b.config.Nodes)
		},
	}
	b.servers.Go(func() { b.api.Serve(b.apiListener) })
	b.servers.Go(func() {
		if b.config.Certificate == nil {
			b.front.Serve(b.frontListener)
			return
		}
		b.front.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*b.config.Certificate}}
		b.front.ServeTLS(b.frontListener, "", "")
	})
}

// Close cuts every connection and returns when nothing of the load balancer runs any more.
func (b *Balancer) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.end()
	err := errors.Join(b.api.Close(), b.front.Close())
	b.background.Wait()
	b.servers.Wait()
	b.targets.CloseIdleConnections()
	return err
}

// URL is where the API answers.
func (b *Balancer) URL() string { return "http://" + b.apiListener.Addr().String() }

// FrontURL is where customers go, without a trailing slash.
func (b *Balancer) FrontURL() string {
	scheme := "http://"
	if b.config.Certificate != nil {
		scheme = "https://"
	}
	return scheme + b.frontListener.Addr().String()
}

// TargetGroupARN is the ARN of a group by its name, "" when there is none.
func (b *Balancer) TargetGroupARN(name string) string {
	for _, g := range b.groups {
		if g.Name == name {
			return g.arn
		}
	}
	return ""
}

// LoadBalancerARN is the ARN of the load balancer.
func (b *Balancer) LoadBalancerARN() string { return b.arn("loadbalancer/app/"+b.config.Name, "") }

func (b *Balancer) listenerARN() string { return b.arn("listener/app/"+b.config.Name+"/front", "") }

// arn names a resource; the 16 hexadecimal digits at its end are derived from its name
// (and a part of it that is not shown), so that they stay the same.
func (b *Balancer) arn(resource, part string) string {
	digest := fnv.New64a()
	digest.Write([]byte(b.config.Account + "/" + resource + "/" + part))
	return fmt.Sprintf("arn:aws:elasticloadbalancing:%s:%s:%s/%016x",
		b.config.Region, b.config.Account, resource, digest.Sum64())
}
