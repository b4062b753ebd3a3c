package alb

import (
	"context"
	"errors"
	"fmt"
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
}

var _ aws.RetryerV2 = (*retryer)(nil)

func newRetryer(o Options, perSecond float64) *retryer {
	standard := retry.NewStandard(func(s *retry.StandardOptions) {
		s.MaxAttempts, s.MaxBackoff = o.Attempts, o.MaxBackoff
		s.Backoff = retry.NewExponentialJitterBackoff(o.MaxBackoff)
		s.RateLimiter = ratelimit.None
		s.Retryables = append(s.Retryables, retry.IsErrorRetryableFunc(unreadable))
	})
	burst := max(1, int(2*perSecond))
	return &retryer{standard, rate.NewLimiter(rate.Limit(perSecond), burst), o.Attempts, o.Notify}
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
		return nil, fmt.Errorf("%w: too many calls wait for the own limit of calls per second: %w", canary.ErrUnreachable, err)
	}
	return r.Standard.GetAttemptToken(ctx)
}

// RetryDelay is the pause after a failed attempt, counted from 1.
func (r *retryer) RetryDelay(attempt int, failure error) (time.Duration, error) {
	d, err := r.Standard.RetryDelay(attempt, failure)
	if err == nil {
		r.notify(fmt.Sprintf("%s, attempt %d of %d, again in %s", trouble(failure), attempt, r.attempts, d.Round(10*time.Millisecond)))
	}
	return d, err
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
