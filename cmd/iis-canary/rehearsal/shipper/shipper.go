// Package shipper is the log agent of a rehearsal: it follows the IIS access logs of several servers and indexes every line
// as Filebeat's iis module does.
//
//  1. A line is indexed once: its id is made of its file and its place there, so that a retry meets a conflict, not a copy.
//  2. A line is never lost: it stays queued until Elasticsearch has it. Only one that Elasticsearch refuses for what it says
//     is dropped, and counted.
//  3. The lines of a file arrive in order, each at least [Config.Delay] after it was read.
//  4. A line is read when it is complete, ends with a newline.
package shipper

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// Source is one server whose logs are followed: Dir holds W3SVC<id>/u_ex*.log.
type Source struct {
	Host string // host.name of its documents
	Dir  string
}

// Config says what is shipped where.
type Config struct {
	Sources []Source
	URL     string        // of Elasticsearch
	APIKey  string        // base64 of id:key; "" for none
	Index   string        // index or data stream
	Delay   time.Duration // from reading a line to sending it
	Poll    time.Duration // between two looks at the files; 0: 200 ms
	Timeout time.Duration // of one bulk request; 0: 10 s
	Client  *http.Client  // nil: one of its own
}

// Status is how shipping goes.
type Status struct {
	Shipped  int       // documents that Elasticsearch has
	Repeated int       // of those, ones that it had before a retry
	Dropped  int       // documents that it refused for good
	Queued   int       // read, not sent
	Last     time.Time // when a batch last went through
	Problem  string    // why the last batch did not; "" when it did
}

const (
	batchSize = 500    // documents in one bulk request
	maxQueued = 20_000 // documents read ahead of sending; more stay in their files
)

// Shipper follows the logs until it is stopped.
type Shipper struct {
	config Config
	client *http.Client
	stop   context.CancelFunc
	done   chan struct{}
	nudge  chan struct{}

	mu     sync.Mutex // guards what follows
	delay  time.Duration
	paused bool
	status Status

	files map[string]*file // by path; only the loop touches it
	queue []document       // in the order of reading; only the loop touches it
}

// Start follows the logs of the sources. It ends with ctx or [Shipper.Stop].
func Start(ctx context.Context, config Config) (*Shipper, error) {
	if config.URL == "" || config.Index == "" {
		return nil, errors.New("the shipper needs the URL of Elasticsearch and the name of an index")
	}
	for _, s := range config.Sources {
		if s.Host == "" || s.Dir == "" {
			return nil, fmt.Errorf("the shipper needs the host and the folder of each source, not %+v", s)
		}
	}
	if config.Poll <= 0 {
		config.Poll = 200 * time.Millisecond
	}
	if config.Timeout <= 0 {
		config.Timeout = 10 * time.Second
	}
	s := &Shipper{
		config: config, client: config.Client, delay: config.Delay, done: make(chan struct{}), nudge: make(chan struct{}, 1),
		files: map[string]*file{},
	}
	if s.client == nil {
		s.client = &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 1}}
	}
	ctx, s.stop = context.WithCancel(ctx)
	go s.run(ctx)
	return s, nil
}

// Stop ends shipping; what is queued is not sent. It may be called again.
func (s *Shipper) Stop() {
	s.stop()
	<-s.done
}

// SetDelay changes the delay, for lines that are queued, too.
func (s *Shipper) SetDelay(d time.Duration) {
	s.mu.Lock()
	s.delay = d
	s.mu.Unlock()
	s.wake()
}

// Pause stops reading and sending, or, with false, goes on where it stopped.
func (s *Shipper) Pause(paused bool) {
	s.mu.Lock()
	s.paused = paused
	s.mu.Unlock()
	s.wake()
}

// Status says how shipping goes.
func (s *Shipper) Status() Status {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.status
}

func (s *Shipper) wake() {
	select {
	case s.nudge <- struct{}{}:
	default: // a look is due anyway
	}
}

func (s *Shipper) run(ctx context.Context) {
	defer close(s.done)
	defer s.client.CloseIdleConnections()
	ticker := time.NewTicker(s.config.Poll)
	defer ticker.Stop()
	for {
		s.round(ctx)
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-s.nudge:
		}
	}
}

// round reads what is new and sends what is due.
func (s *Shipper) round(ctx context.Context) {
	if paused, _ := s.settings(); paused {
		return
	}
	if err := s.read(time.Now()); err != nil {
		s.note(func(st *Status) { st.Problem = err.Error() })
	}
	for ctx.Err() == nil {
		paused, delay := s.settings()
		due := 0
		for due < min(len(s.queue), batchSize) && time.Since(s.queue[due].read) >= delay {
			due++
		}
		if due == 0 || paused {
			break
		}
		if err := s.send(ctx, due); err != nil {
			s.note(func(st *Status) { st.Problem = err.Error() })
			break
		}
	}
	s.note(func(st *Status) { st.Queued = len(s.queue) })
}

func (s *Shipper) settings() (paused bool, delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.paused, s.delay
}

func (s *Shipper) note(change func(*Status)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.status)
}
