package alb

import (
	"context"
	"math/rand/v2"
	"time"
)

// shared is a value that many read and one fetches: callers queue, and whoever comes after a fetch takes what it brought.
type shared[T any] struct {
	fetch func(context.Context) (T, error)
	after func() time.Time // a value that was asked for before this is out of date
	age   time.Duration    // how long a value serves callers that do not ask for a fresh one

	gate    chan struct{} // held to touch what follows
	started time.Time
	ended   time.Time
	until   time.Time
	value   T
	err     error
}

func newShared[T any](age time.Duration, after func() time.Time, fetch func(context.Context) (T, error)) *shared[T] {
	return &shared[T]{fetch: fetch, after: after, age: age, gate: make(chan struct{}, 1)}
}

// get returns a value whose fetch began at since or later. With a zero since any value will do that is young enough. A
// failed fetch is the answer for those who have waited for it, and for nobody after them.
func (s *shared[T]) get(ctx context.Context, since time.Time) (T, error) {
	asked := time.Now()
	select {
	case s.gate <- struct{}{}:
		defer func() { <-s.gate }()
	case <-ctx.Done():
		var none T
		return none, ended(ctx, "wait for another caller's answer from AWS")
	}
	if s.serves(asked, since) {
		return s.value, s.err
	}
	started := time.Now()
	value, err := s.fetch(ctx)
	if err != nil && ctx.Err() != nil {
		return value, err // this caller's own deadline says nothing to the others
	}
	s.value, s.err, s.started, s.ended = value, err, started, time.Now()
	s.until = started.Add(jittered(s.age))
	return value, err
}

func (s *shared[T]) serves(asked, since time.Time) bool {
	switch {
	case s.err != nil:
		return !s.ended.Before(asked)
	case s.started.IsZero() || s.started.Before(s.after()) || s.started.Before(since):
		return false
	case since.IsZero():
		return time.Now().Before(s.until)
	default:
		return true
	}
}

// jittered is d less up to a fifth of it, so that many processes do not poll in step.
func jittered(d time.Duration) time.Duration {
	return d - time.Duration(rand.Float64()*float64(d)/5)
}
