package alb

import (
	"errors"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/canary"
)

func TestAnAWSThatNeverAnsweredIsGivenUpSoon(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	said := heard{}
	c := newService(t).client(func(o *Options) { o.Attempts, o.Endpoint, o.Notify = 10, "http://"+address, said.hear })
	if _, err := c.Survey(t.Context()); !errors.Is(err, canary.ErrUnreachable) {
		t.Fatalf("Survey: %v, want ErrUnreachable", err)
	}
	if got := said.all(); len(got) != firstContact-1 || !strings.Contains(got[0], "attempt 1 of 3") {
		t.Errorf("said %q", got)
	}
}

func TestAnAWSThatHasAnsweredOnceIsWaitedFor(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Healthy)), halfClosed, halfClosed, halfClosed, halfClosed,
		lists(in(web, "i-1", 443, canary.Unhealthy)))
	said := heard{}
	c := s.client(func(o *Options) { o.Attempts, o.Poll, o.Notify = 6, time.Nanosecond, said.hear })
	for _, want := range []canary.HealthState{canary.Healthy, canary.Unhealthy} {
		got, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
		if err != nil || got[0].State != want {
			t.Fatalf("Health = %v, %v; want %s", got, err, want)
		}
	}
	if got := said.all(); len(got) != 4 {
		t.Errorf("said %q", got)
	}
}

// heard is what a client told its operator.
type heard struct {
	mu    sync.Mutex
	texts []string
}

func (h *heard) hear(text string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.texts = append(h.texts, text)
}

func (h *heard) all() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.texts)
}
