// Package traffic is the customers of a rehearsal: HTTP clients that keep their connections and come when they like.
//
//  1. Arrivals are open-loop: a slow site gets as many requests as a quick one, and time spent waiting for a free client
//     counts as response time.
//  2. A request failed when the transport failed, it timed out, or its status is 500 or more: what a customer calls an error.
//  3. Memory does not grow with time: response times are held in histograms, errors as a count and one sample per kind.
//  4. Requests under way when the generator stops are finished and counted.
package traffic

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// SlotHeader is the response header in which the rehearsed application names the slot that answered.
const SlotHeader = "X-App-Slot"

// Config says who the customers are.
type Config struct {
	URL       string         // scheme, host and port of the front; paths are added to it
	RootCAs   *x509.CertPool // whose certificates are trusted; nil: the machine's
	Rate      float64        // requests per second on average, with Poisson arrivals
	Clients   int            // requests at the same time at most, and connections kept; 0: 32
	Timeout   time.Duration  // patience of a customer; 0: 10 s
	Paths     []string       // taken at random; none: "/"
	NewSlot   string         // the slot whose slow answers are bad ones
	SlowLimit time.Duration  // an answer of NewSlot that took longer is bad; 0: slowness is never bad
	Seed      uint64         // of arrivals and paths
}

// Generator sends requests until it is stopped.
type Generator struct {
	config Config
	client *http.Client
	urls   []string
	stop   context.CancelFunc
	done   chan struct{}
	tally  *tally
}

// arrival is a customer's request: where to, and when it was due.
type arrival struct {
	url string
	due time.Time
}

// Start begins to send requests. They end with ctx or [Generator.Stop]. It fails when the configuration makes no sense.
func Start(ctx context.Context, config Config) (*Generator, error) {
	if config.Clients == 0 {
		config.Clients = 32
	}
	if config.Timeout == 0 {
		config.Timeout = 10 * time.Second
	}
	if len(config.Paths) == 0 {
		config.Paths = []string{"/"}
	}
	if config.Rate <= 0 || config.Clients < 0 || config.Timeout < 0 {
		return nil, fmt.Errorf("traffic of %v requests/s by %d clients with a timeout of %v makes no sense", config.Rate, config.Clients, config.Timeout)
	}
	front, err := url.Parse(config.URL)
	if err != nil || front.Host == "" {
		return nil, fmt.Errorf("traffic needs the front's URL as scheme://host:port, not %q", config.URL)
	}
	g := &Generator{config: config, client: client(config), done: make(chan struct{}), tally: newTally()}
	for _, p := range config.Paths {
		target, err := front.Parse(p)
		if err != nil {
			return nil, fmt.Errorf("path %q: %w", p, err)
		}
		g.urls = append(g.urls, target.String())
	}
	ctx, g.stop = context.WithCancel(ctx)
	go g.run(ctx)
	return g, nil
}

func client(config Config) *http.Client {
	return &http.Client{
		Timeout: config.Timeout,
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: config.RootCAs, MinVersion: tls.VersionTLS12, CurvePreferences: []tls.CurveID{tls.X25519}},
			MaxIdleConnsPerHost: config.Clients,
			MaxConnsPerHost:     config.Clients,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Stop ends the arrivals and waits for the answers under way, at most the timeout of a request. It may be called again.
func (g *Generator) Stop() {
	g.stop()
	<-g.done
}

// Snapshot is what the customers have seen so far.
func (g *Generator) Snapshot() Report { return g.tally.report() }

func (g *Generator) run(ctx context.Context) {
	defer close(g.done)
	defer g.client.CloseIdleConnections()
	waiting := make(chan arrival, max(int(g.config.Rate*g.config.Timeout.Seconds()), g.config.Clients))
	var clients sync.WaitGroup
	for range g.config.Clients {
		clients.Go(func() {
			for a := range waiting {
				if ctx.Err() == nil {
					g.request(context.WithoutCancel(ctx), a)
				}
			}
		})
	}
	g.arrivals(ctx, waiting)
	close(waiting)
	clients.Wait()
}

// arrivals sends customers in with exponential gaps; those that find the queue full give up at once, which is a failure.
func (g *Generator) arrivals(ctx context.Context, waiting chan<- arrival) {
	random := rand.New(rand.NewPCG(g.config.Seed, 1))
	due := time.Now()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		due = due.Add(time.Duration(random.ExpFloat64() / g.config.Rate * float64(time.Second)))
		timer.Reset(time.Until(due))
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
		select {
		case waiting <- arrival{g.urls[random.IntN(len(g.urls))], due}:
		default:
			g.tally.add(answer{kind: "gave up", sample: "all clients were busy for as long as a customer waits"})
		}
	}
}

// request is one customer's request, from its due time to the last byte of the answer.
func (g *Generator) request(ctx context.Context, a arrival) {
	out := answer{}
	if err := g.exchange(ctx, a.url, &out); err != nil {
		out.kind, out.sample = kindOf(err), err.Error()
	}
	out.at = time.Now()
	out.took = out.at.Sub(a.due)
	out.slow = g.config.SlowLimit > 0 && out.slot != "" && out.slot == g.config.NewSlot && out.took > g.config.SlowLimit
	g.tally.add(out)
}

func (g *Generator) exchange(ctx context.Context, target string, out *answer) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) rehearsal")
	response, err := g.client.Do(request)
	if err != nil {
		return err
	}
	out.slot = response.Header.Get(SlotHeader)
	_, err = io.Copy(io.Discard, response.Body)
	if err = errors.Join(err, response.Body.Close()); err != nil {
		return fmt.Errorf("read the answer: %w", err)
	}
	if response.StatusCode >= http.StatusInternalServerError {
		out.kind, out.sample = fmt.Sprintf("status %d", response.StatusCode), target+": "+response.Status
	}
	return nil
}
