// Package rehearsal puts a whole fleet on the loopback interface: Windows servers, a load balancer, a log store, a log
// shipper and customers. They speak the real protocols over real sockets, and nothing that is rehearsed on them knows that
// they are simulated.
//
//  1. Everything listens on 127.0.0.0/8 only, on ports that need no rights.
//  2. No clock is scaled: a higher speed means shorter configured waits, nothing else.
//  3. Customers are counted by what they get through the front of the load balancer.
//  4. Close leaves nothing behind but the folder, and that only where it was asked for.
package rehearsal

import (
	"context"
	"crypto/tls"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"iiscanary/alb/elbtest"
	"iiscanary/cmd/iis-canary/rehearsal/depot"
	"iiscanary/cmd/iis-canary/rehearsal/shipper"
	"iiscanary/cmd/iis-canary/rehearsal/traffic"
	"iiscanary/iis/agent/standin"
	"iiscanary/iis/iistest"
	"iiscanary/iis/kdctest"
	"iiscanary/metrics/estest"
)

// Fleet is a fleet that stands.
type Fleet struct {
	Balancer *elbtest.Balancer
	Servers  []*iistest.Server
	Depot    *depot.Depot   // nil where the package is a file of this machine
	Logs     *estest.Server // nil where the log store is a cluster of the user's own
	KDC      *kdctest.KDC   // nil where nobody logs in with Kerberos

	options  Options
	places   []place
	ca       *authority
	clients  *authority // of client certificates; nil: none are taken
	secrets  map[string]string
	store    logStore
	packed   string   // SHA-256 of the package
	left     []string // what could not be removed
	release  *releaseClock
	board    *board
	shipper  *shipper.Shipper
	traffic  *traffic.Generator
	teardown []func()
}

// New puts the fleet up, every server on the old slot and warm, and lets the customers in.
func New(ctx context.Context, o Options) (*Fleet, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	f := &Fleet{options: o, release: newReleaseClock(), board: newBoard(o.Faults)}
	for _, up := range []func(context.Context) error{f.identities, f.domain, f.logStores, f.windows, f.balancer, f.depot, f.papers, f.ship, f.customers} {
		if err := up(ctx); err != nil {
			f.Close()
			return nil, err
		}
	}
	return f, nil
}

// Close takes the fleet down.
func (f *Fleet) Close() {
	for i := len(f.teardown) - 1; i >= 0; i-- {
		f.teardown[i]()
	}
	f.teardown = nil
}

func (f *Fleet) identities(context.Context) error {
	var err error
	if f.ca, err = newAuthority(); err != nil {
		return err
	}
	if f.places, err = places(f.options.Servers); err != nil {
		return err
	}
	f.secrets, err = newSecrets()
	maps.Copy(f.secrets, f.options.Secrets)
	return err
}

// overhear is what a peer calls with its requests; nil: nothing.
func (o Options) overhear(peer string) func(*http.Request, []byte) { return named(peer, o.Overhear) }

func named(peer string, listen func(string, *http.Request, []byte)) func(*http.Request, []byte) {
	if listen == nil {
		return nil
	}
	return func(r *http.Request, body []byte) { listen(peer, r, body) }
}

func (f *Fleet) logStores(ctx context.Context) error {
	if f.options.Elasticsearch != "" {
		return f.ownCluster(ctx)
	}
	var err error
	f.Logs, err = estest.New(estest.Config{APIKey: f.secrets["es_api_key"], User: f.secrets["es_user"], Password: f.secrets["es_password"],
		Overhear: f.options.overhear("elasticsearch"), Refresh: f.options.scaled(indexRefresh), Shards: 1, Keep: f.options.logTime(),
		Templates: []estest.Template{{Patterns: []string{"logs-iis.access-*"}, DataStream: true, StringsAsKeyword: true, Mapping: logMapping()}}})
	if err != nil {
		return fmt.Errorf("put up the log store: %w", err)
	}
	f.teardown = append(f.teardown, func() { _ = f.Logs.Close() })
	f.store = logStore{url: f.Logs.URL(), key: f.secrets["es_api_key"], reference: "file:es_api_key", lines: index, events: failureIndex}
	return nil
}

// logMapping is what Filebeat's iis module gives its index, as far as it is used here.
func logMapping() map[string]string {
	return map[string]string{
		"@timestamp": "date", "event.created": "date", "event.duration": "long", "http.response.status_code": "long",
		"iis.access.sub_status": "long", "iis.access.win32_status": "long", "destination.port": "long",
	}
}

func (f *Fleet) windows(context.Context) error {
	old := files(oldVersion)
	workshop, err := f.workshop()
	if err != nil {
		return err
	}
	for i, p := range f.places {
		name := serverName(i)
		cert, err := f.ca.issue(int64(i+2), []string{name, App}, []net.IP{net.ParseIP(p.address)})
		if err != nil {
			return err
		}
		s, err := f.windowsServer(name, p, cert, workshop, old)
		if err != nil {
			return fmt.Errorf("put up server %s: %w", name, err)
		}
		f.Servers = append(f.Servers, s)
		f.teardown = append(f.teardown, func() { _ = s.Close() })
	}
	return nil
}

func (f *Fleet) windowsServer(name string, p place, cert tls.Certificate, workshop *standin.Workshop, old map[string]string) (*iistest.Server, error) {
	root := filepath.Join(f.options.Dir, "servers", name)
	if err := os.MkdirAll(root, 0o700); err != nil {
		return nil, err
	}
	o := f.options
	c := iistest.Config{
		Name: name, Address: p.address, WinRMPort: p.winrm, PlainPort: p.plain, SitePort: p.site, User: f.secrets["winrm_user"], Password: f.secrets["winrm_password"],
		Overhear: o.overhear(name), OverhearAnswer: named(name, o.OverhearAnswer), Root: root, Certificate: cert, App: App, Cold: o.scaled(coldStart), LogFlush: o.scaled(logFlush), Seed: uint64(p.site),
		Median: usualAnswer, Spread: 0.3, LogSize: o.logSize(), Patience: o.Patience,
		Roots: f.ca.pool(), Mono: workshop, Static: []string{healthURL}, Behave: f.behaviour(name),
	}
	if err := f.logins(&c); err != nil {
		return nil, err
	}
	s, err := iistest.New(c)
	if err != nil {
		return nil, err
	}
	if err := s.Install(OldSlot, oldVersion, old); err != nil {
		return nil, err
	}
	return s, s.Serve(OldSlot)
}

func serverName(i int) string { return fmt.Sprintf("web-%02d", i+1) }

func instanceID(i int) string { return fmt.Sprintf("i-0%016x", 0xca9a41+i) }

func (f *Fleet) balancer(context.Context) error {
	o := f.options
	cert, err := f.ca.issue(1, []string{App, "localhost"}, []net.IP{net.ParseIP("127.0.0.1")})
	if err != nil {
		return err
	}
	group := elbtest.GroupConfig{Name: groupName, Protocol: "HTTPS", Port: f.places[0].site, Delay: o.scaled(deregistrationDelay),
		Interval: o.scaled(probeInterval), Timeout: max(o.scaled(probeTimeout), 2*time.Second), Path: healthURL}
	var instances []elbtest.Instance
	for i, p := range f.places {
		instances = append(instances, elbtest.Instance{ID: instanceID(i), PrivateIP: p.address, Name: serverName(i),
			Tags: map[string]string{"WinRM": fmt.Sprintf("%s:%d", p.address, o.listener(p))}})
		group.Targets = append(group.Targets, elbtest.Target{ID: instanceID(i), Port: p.site})
	}
	f.Balancer, err = elbtest.New(elbtest.Config{Region: region, AccessKey: f.secrets["access_key"], SecretKey: f.secrets["secret_key"],
		Overhear: o.overhear("aws"), Certificate: &cert, Groups: []elbtest.GroupConfig{group}, Instances: instances, Propagation: o.scaled(propagation)})
	if err != nil {
		return fmt.Errorf("put up the load balancer: %w", err)
	}
	f.teardown = append(f.teardown, func() { _ = f.Balancer.Close() })
	return nil
}

// addressing is how the configuration finds the servers' WinRM listeners.
func (f *Fleet) addressing() string {
	if f.places[0].address == "127.0.0.1" {
		return "tag:WinRM"
	}
	return "private_ip"
}

func (f *Fleet) ship(ctx context.Context) error {
	c := shipper.Config{URL: f.store.url, APIKey: f.store.key, Index: f.store.lines, Client: f.store.client(), Delay: f.options.scaled(shipDelay),
		Poll: max(f.options.scaled(2*time.Second), 100*time.Millisecond)}
	for i, s := range f.Servers {
		c.Sources = append(c.Sources, shipper.Source{Host: serverName(i), Dir: s.LogFolder()})
	}
	var err error
	if f.shipper, err = shipper.Start(ctx, c); err != nil {
		return fmt.Errorf("start the log shipper: %w", err)
	}
	f.teardown = append(f.teardown, f.shipper.Stop)
	return nil
}

func (f *Fleet) customers(ctx context.Context) error {
	if err := f.allHealthy(ctx); err != nil {
		return err
	}
	var err error
	f.traffic, err = traffic.Start(ctx, traffic.Config{URL: f.Balancer.FrontURL(), RootCAs: f.ca.pool(), Rate: f.options.Traffic,
		Paths: []string{"/", "/", "/products", "/cart", "/search?q=chair"}, NewSlot: NewSlot, SlowLimit: slowAnswer, Seed: 1})
	if err != nil {
		return fmt.Errorf("let the customers in: %w", err)
	}
	f.teardown = append(f.teardown, f.traffic.Stop)
	return nil
}

// usualAnswer is the median of the app's response times, slowAnswer when an answer of the new release counts as a bad one for
// a customer.
const (
	usualAnswer = 20 * time.Millisecond
	slowAnswer  = 50 * time.Millisecond
)
