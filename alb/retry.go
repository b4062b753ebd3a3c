package alb

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	"golang.org/x/time/rate"

	"iiscanary/canary"
)

// retryer is the SDK's standard retryer with our patience: more attempts, each of them limited in rate, no quota that a
// long burst of throttling could use up, and a word to the operator about every repetition. Every operation that this
// package makes is idempotent, so an answer that cannot be read is asked for again too.
type retryer struct {
	*retry.Standard
	limit    *rate.Limiter
	attempts int
	notify   func(string)
	answered *atomic.Bool // AWS has answered something, in whatever words; one for all of a client's calls
}

// As long as nothing at all has answered, attempts are few and close together: a wrong region or endpoint, or no network, does
// not mend itself while the operator waits.
const (
	firstContact = 3
	firstPause   = time.Second
)

var _ aws.RetryerV2 = (*retryer)(nil)

func newRetryer(o Options, perSecond float64, answered *atomic.Bool) *retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts, s.MaxBackoff = o.Attempts, o.MaxBackoff
		s.Backoff = retry.NewExponentialJitterBackoff(o.MaxBackoff)
		s.RateLimiter = ratelimit.None
		s.Retryables = append(s.Retryables, retry.IsErrorRetryableFunc(unreadable))
	})
	burst := max(1, int(2*perSecond))
	return &retryer{Standard: standard, limit: rate.NewLimiter(rate.Limit(perSecond), burst), attempts: o.Attempts, notify: o.Notify,
		answered: answered}
}

func unreadable(err error) aws.Ternary {
	if _, is := errors.AsType[*smithy.DeserializationError](err); is {
		return aws.TrueTernary
	}
	return aws.UnknownTernary
}

// GetAttemptToken waits until one more attempt is allowed.
func (r *retryer) GetAttemptToken(ctx context.Context) (func(error) error, error) {
	if err := r.limit.Wait(ctx); err != nil {
		if _, bound := ctx.Deadline(); bound && ctx.Err() == nil {
			err = context.DeadlineExceeded // the limiter does not begin a wait that the deadline would end
		}
		return nil, fmt.Errorf("%w: too many calls wait for the own limit of calls per second: %w", canary.ErrUnreachable, err)
	}
	release, err := r.Standard.GetAttemptToken(ctx)
	if err != nil {
		return nil, err
	}
	return func(failure error) error {
		if failure == nil || status(failure) != 0 {
			r.answered.Store(true)
		}
		return release(failure)
	}, nil
}

// RetryDelay is the pause after a failed attempt, counted from 1.
func (r *retryer) RetryDelay(attempt int, failure error) (time.Duration, error) {
	d, err := r.Standard.RetryDelay(attempt, failure)
	if err != nil {
		return d, err
	}
	attempts := r.attempts
	if !r.answered.Load() && status(failure) == 0 {
		attempts, d = min(attempts, firstContact), min(d, firstPause)
	}
	if attempt >= attempts {
		return 0, failure
	}
	r.notify(fmt.Sprintf("%s, attempt %d of %d, again in %s", trouble(failure), attempt, attempts, d.Round(10*time.Millisecond)))
	return d, nil
}

// trouble names a failure that is worth another attempt.
func trouble(err error) string {
	switch {
	case throttled(err):
		return "throttled by AWS"
	case status(err) >= 500:
		return fmt.Sprintf("AWS answered HTTP %d", status(err))
	default:
		return "no usable answer from AWS"
	}
}

func throttled(err error) bool {
	return retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

// status is the HTTP status that came with an error; 0: none did.
func status(err error) int {
	if answer, is := errors.AsType[interface {
		error
		HTTPStatusCode() int
	}](err); is {
		return answer.HTTPStatusCode()
	}
	return 0
}
