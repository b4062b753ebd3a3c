package rehearsal_test

import (
	"crypto/x509"
	"net"
	"os"
	"strconv"
	"testing"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/configs"
	"iiscanary/iis"
)

// crew works on a standing fleet with the adapters of the program, made from the fleet's own configuration.
type crew struct {
	*rehearsal.Fleet
	spec  *configs.Spec
	cas   *x509.CertPool // the fleet's own
	elb   *alb.Client
	hosts *iis.Fleet
}

// run is the id of every run here: each has a fleet of its own.
const run = "order-of-steps"

// muster puts a fleet up, with customers, and a crew to it that holds the lease.
func muster(t *testing.T, o rehearsal.Options) *crew {
	t.Helper()
	o.Dir = t.TempDir()
	fleet, err := rehearsal.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fleet.Close)
	c := &crew{Fleet: fleet}
	if c.spec, _, err = configs.Load(fleet.Config(), nil); err != nil {
		t.Fatal(err)
	}
	c.spec.Warmup.Under = time.Second // of a busy machine
	c.cas = authorities(t, c.spec.Servers.WinRM.CA)
	c.elb = c.balancer(t)
	c.hosts = c.windows(t)
	t.Cleanup(func() { _ = c.hosts.Close() })
	if err := c.hosts.Acquire(t.Context(), c.hosts.Servers(), iis.Claim{Run: run, Owner: "a test", Reason: "the order of steps", Life: 5 * time.Minute}); err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *crew) balancer(t *testing.T) *alb.Client {
	t.Helper()
	a := c.spec.AWS
	client, err := alb.New(t.Context(), alb.Options{
		Region: a.Region, Endpoint: a.Endpoint, Groups: c.spec.TargetGroups, Poll: c.spec.Admit.Poll / 4, Reads: 100,
		Credentials: alb.Credentials{AccessKey: secret(t, a.AccessKey), SecretKey: secret(t, a.SecretKey)},
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

func (c *crew) windows(t *testing.T) *iis.Fleet {
	t.Helper()
	w, site := c.spec.Servers.WinRM, c.spec.Site
	o := iis.Options{App: c.spec.App, Root: site.Root, Bindings: site.Bindings, Runtime: site.Runtime,
		Timeouts: iis.Timeouts{Stable: site.Stable}}
	for _, m := range c.survey(t).Members {
		host, port, err := net.SplitHostPort(m.Tags["WinRM"])
		if err != nil {
			t.Fatal(err)
		}
		number, err := strconv.Atoi(port)
		if err != nil {
			t.Fatal(err)
		}
		o.Endpoints = append(o.Endpoints, iis.Endpoint{Server: m.Name, Host: host, Port: number, HTTPS: true,
			User: secret(t, w.User), Password: iis.Secret(secret(t, w.Password)), CAs: c.cas})
	}
	return iis.NewFleet(o)
}

func (c *crew) survey(t *testing.T) alb.Survey {
	t.Helper()
	s, err := c.elb.Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inventory is what the program would find before a deployment.
func (c *crew) inventory(t *testing.T) canary.Inventory {
	t.Helper()
	survey := c.survey(t)
	inv := canary.Inventory{At: time.Now(), Groups: survey.Groups}
	for _, m := range survey.Members {
		found, err := c.hosts.Survey(t.Context(), m.Name)
		if err != nil {
			t.Fatal(err)
		}
		inv.Servers = append(inv.Servers, canary.Found{
			Server: canary.Server{Name: m.Name, Address: m.Tags["WinRM"], Instance: m.Instance, Targets: m.Targets},
			Slots:  found.Slots, Health: m.Health, DiskFree: found.DiskFree, ClockOff: found.ClockOff,
		})
	}
	return inv
}

func authorities(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	pem, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %s", file)
	}
	return pool
}

func secret(t *testing.T, s configs.Secret) string {
	t.Helper()
	value, err := s.Resolve()
	if err != nil {
		t.Fatal(err)
	}
	return value
}
