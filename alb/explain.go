package alb

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"iiscanary/canary"
)

// callError is a failed call in words for people, with its causes for errors.Is and errors.As. The SDK's own text repeats
// itself and can quote what was signed.
type callError struct {
	text   string
	causes []error
}

func (e *callError) Error() string   { return e.text }
func (e *callError) Unwrap() []error { return e.causes }

func unreachable(attempt, why string, cause error) error {
	return &callError{fmt.Sprintf("%s: AWS is %s: %s", attempt, canary.ErrUnreachable, why), []error{canary.ErrUnreachable, cause}}
}

// explain turns what the SDK returned into an error that says what was attempted and what kind of trouble it is.
func explain(ctx context.Context, attempt string, err error) error {
	if err == nil {
		return nil
	}
	if e, is := errors.AsType[*CredentialsError](err); is {
		return &CredentialsError{Attempt: attempt, Code: e.Code, Err: e.Err}
	}
	if ctx.Err() != nil {
		return ended(ctx, attempt)
	}
	if throttled(err) {
		return &ThrottledError{Attempt: attempt}
	}
	if e, is := errors.AsType[smithy.APIError](err); is && e.ErrorCode() != "UnknownError" {
		return explainCode(attempt, e, err)
	}
	return explainNetwork(attempt, err)
}

// ended is for a call that the caller has cut short: after a deadline nothing is known, after a cancellation the caller
// knows why.
func ended(ctx context.Context, attempt string) error {
	cause := context.Cause(ctx)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return unreachable(attempt, "no answer within the time of this step", cause)
	}
	return fmt.Errorf("%s: %w", attempt, cause)
}

// explainCode sorts errors by AWS's code. The list follows "Common errors" of the Elastic Load Balancing and EC2 API
// references. AWS's message is left out where it can quote what was signed, the session token included.
func explainCode(attempt string, e smithy.APIError, err error) error {
	switch code := e.ErrorCode(); code {
	case "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidAccessKeyId", "UnrecognizedClientException",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException", "AuthFailure", "RequestExpired", "RequestTimeTooSkewed":
		return &CredentialsError{Attempt: attempt, Code: code}
	case "AccessDenied", "AccessDeniedException", "UnauthorizedOperation":
		return &AccessError{Attempt: attempt, Permission: permission(err), Code: code}
	case (&types.InvalidTargetException{}).ErrorCode():
		return &InvalidTargetError{Attempt: attempt, Message: e.ErrorMessage()}
	case (&types.TargetGroupNotFoundException{}).ErrorCode():
		return &callError{attempt + ": the target group does not exist", []error{&NotFoundError{}, err}}
	default:
		if status(err) >= 500 {
			return unreachable(attempt, fmt.Sprintf("%s (HTTP %d) to every attempt", code, status(err)), err)
		}
		return &callError{fmt.Sprintf("%s: AWS says %s: %s", attempt, code, e.ErrorMessage()), []error{err}}
	}
}

// permission is the IAM action behind the operation that failed.
func permission(err error) string {
	op, is := errors.AsType[*smithy.OperationError](err)
	if !is {
		return "of this call"
	}
	prefix := map[string]string{"Elastic Load Balancing v2": "elasticloadbalancing", "EC2": "ec2", "STS": "sts"}[op.ServiceID]
	return prefix + ":" + op.OperationName
}

func explainNetwork(attempt string, err error) error {
	if errors.Is(err, canary.ErrUnreachable) {
		return unreachable(attempt, "too many calls wait for the own limit per second", err)
	}
	if u, is := errors.AsType[*url.Error](err); is {
		return unreachable(attempt, u.Err.Error(), err)
	}
	if code := status(err); code != 0 {
		return unreachable(attempt, fmt.Sprintf("the answer (HTTP %d) is not one of the AWS API", code), err)
	}
	_, canceled := errors.AsType[*aws.RequestCanceledError](err)
	_, unsent := errors.AsType[*smithyhttp.RequestSendError](err)
	_, garbled := errors.AsType[*smithy.DeserializationError](err)
	if canceled || unsent || garbled || errors.Is(err, context.DeadlineExceeded) {
		return unreachable(attempt, "no usable answer within all attempts", err)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

// namedCredentials makes a failure to get credentials recognisable behind the layers of the SDK.
type namedCredentials struct {
	aws.CredentialsProvider
}

// Retrieve returns credentials or a *CredentialsError.
func (n namedCredentials) Retrieve(ctx context.Context) (aws.Credentials, error) {
	if n.CredentialsProvider == nil {
		return aws.Credentials{}, &CredentialsError{Attempt: "get AWS credentials"}
	}
	c, err := n.CredentialsProvider.Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, &CredentialsError{Attempt: "get AWS credentials", Err: err}
	}
	return c, nil
}
