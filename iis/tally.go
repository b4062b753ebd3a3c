package iis

import (
	"context"
	"net/http/httptrace"
	"sync"
	"time"
)

// tally counts the HTTP requests of a context, and remembers when the last of their answers began.
type tally struct {
	mu       sync.Mutex
	requests int
	opened   int // connections
	answered time.Time
}

func (t *tally) in(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(i httptrace.GotConnInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			if !i.Reused {
				t.opened++
			}
		},
		WroteRequest: func(httptrace.WroteRequestInfo) {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.requests++
		},
		GotFirstResponseByte: func() {
			t.mu.Lock()
			defer t.mu.Unlock()
			t.answered = time.Now()
		},
	})
}

func (t *tally) read() (requests, opened int, answered time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.requests, t.opened, t.answered
}
