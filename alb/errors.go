package alb

import (
	"fmt"
	"strings"

	"iiscanary/canary"
)

// StrayEndpointError says that the environment or the shared configuration sends the calls of a service somewhere else
// than to AWS, although nobody asked for that.
type StrayEndpointError struct {
	Service  string
	Endpoint string
}

func (e *StrayEndpointError) Error() string {
	return fmt.Sprintf("calls to %s would go to %s, which the configuration does not ask for: unset AWS_ENDPOINT_URL "+
		"and AWS_ENDPOINT_URL_* (and endpoint_url in the AWS profile)", e.Service, e.Endpoint)
}

// CredentialsError says that AWS takes no call from this process any more: no credentials, expired or unknown ones. The
// release is not to blame and a revert would need the same credentials: hold, renew them, resume.
type CredentialsError struct {
	Attempt string // what was attempted
	Code    string // AWS's word, such as ExpiredToken; empty: no credentials could be had
	Err     error  // why none could be had; nil where AWS refused them
}

func (e *CredentialsError) Error() string {
	const advice = "nothing was changed by this call; renew the credentials, then go on"
	if e.Code == "" {
		return fmt.Sprintf("%s: no usable AWS credentials (%s); %s", e.Attempt, readable(e.Err), advice)
	}
	if e.Code == "RequestTimeTooSkewed" || e.Code == "RequestExpired" {
		return fmt.Sprintf("%s: AWS says %s: compare this machine's clock; %s", e.Attempt, e.Code, advice)
	}
	return fmt.Sprintf("%s: AWS says %s; %s", e.Attempt, e.Code, advice)
}

func (e *CredentialsError) Unwrap() error { return e.Err }

// readable is a provider's own words, unless they may quote what a credential process has printed.
func readable(err error) string {
	switch {
	case err == nil:
		return "none found"
	case strings.Contains(err.Error(), "process output"):
		return "the output of credential_process could not be read"
	default:
		return err.Error()
	}
}

// AccessError says that this identity may not do what was attempted.
type AccessError struct {
	Attempt    string
	Permission string // the IAM action that is missing, such as elasticloadbalancing:RegisterTargets
	Code       string
}

func (e *AccessError) Error() string {
	return fmt.Sprintf("%s: AWS says %s: the identity of this process needs the permission %s", e.Attempt, e.Code, e.Permission)
}

// ElsewhereError says that a target group is not where the configuration and the credentials lead to.
type ElsewhereError struct {
	Group string // its name
	Kind  string // "region" or "account"
	Has   string // the group's
	Want  string // the configuration's region, or the credentials' account
}

func (e *ElsewhereError) Error() string {
	if e.Kind == "region" {
		return fmt.Sprintf("target group %s is in region %s, the configuration names %s", e.Group, e.Has, e.Want)
	}
	return fmt.Sprintf("target group %s belongs to account %s, the credentials to account %s", e.Group, e.Has, e.Want)
}

// NotFoundError says that a target group does not exist in this account and region.
type NotFoundError struct {
	Name    string   // as configured, or the name in its ARN
	Region  string   // where it was looked for; empty: it vanished while it was in use
	Nearest []string // names that do exist, the most alike first; at most three
}

func (e *NotFoundError) Error() string {
	where := ""
	if e.Region != "" {
		where = " in " + e.Region
	}
	text := fmt.Sprintf("target group %s does not exist%s", e.Name, where)
	if len(e.Nearest) > 0 {
		text += ", did you mean " + strings.Join(e.Nearest, " or ") + "?"
	}
	return text
}

// ThrottledError says that AWS still throttled the last of all attempts. Nothing is known: it wraps
// [canary.ErrUnreachable].
type ThrottledError struct {
	Attempt string
}

func (e *ThrottledError) Error() string {
	return e.Attempt + ": AWS throttled every attempt; the limit is shared by the whole account and region"
}

func (e *ThrottledError) Unwrap() error { return canary.ErrUnreachable }

// InvalidTargetError says that the load balancer does not take a target: its instance does not run, is gone, or is in
// another network.
type InvalidTargetError struct {
	Attempt string
	Message string // AWS's own
}

func (e *InvalidTargetError) Error() string {
	return fmt.Sprintf("%s: the load balancer does not take it: %s", e.Attempt, e.Message)
}

// UnusableError says that a target is registered and cannot become healthy by waiting.
type UnusableError struct {
	Group  string
	Health canary.TargetHealth // Reason is Target.NotInUse, Target.InvalidState or Target.IpUnusable
}

func (e *UnusableError) Error() string {
	advice := map[string]string{
		notInUse:     "no rule forwards to the group, or the target's zone is not enabled on the load balancer",
		invalidState: "its instance is stopped or terminated",
		ipUnusable:   "the address belongs to a load balancer",
	}
	return fmt.Sprintf("%s in %s is registered but %s: %s", tuple(e.Health.Target), e.Group, e.Health.Reason, advice[e.Health.Reason])
}

// IneffectiveError says that a deregistration was answered with success and has changed nothing: the targets still take
// requests. Do not touch their servers.
type IneffectiveError struct {
	Group  string
	Still  []canary.TargetHealth // asked to leave, and still in
	Listed []canary.Target       // every registration of those ids that the group lists
}

func (e *IneffectiveError) Error() string {
	return fmt.Sprintf("%s accepted the deregistration and still lists %s as in rotation (registered there: %s): compare id, port and zone",
		e.Group, states(e.Still), tuples(e.Listed))
}

// UnrecordedError says that a server is registered in a group in more ways than were recorded, so that taking out the
// recorded ones would leave it in rotation. Nothing was changed; make a new plan.
type UnrecordedError struct {
	Group  string
	Listed []canary.Target // in rotation, and not among the targets that were to leave
}

func (e *UnrecordedError) Error() string {
	return fmt.Sprintf("%s also lists %s, which the plan does not know: taking the server out would leave it in rotation there; make a new plan",
		e.Group, tuples(e.Listed))
}

// NotListedError says that a registration was answered with success and the group still does not list the targets.
type NotListedError struct {
	Group   string
	Missing []canary.TargetHealth
}

func (e *NotListedError) Error() string {
	return fmt.Sprintf("%s accepted the registration and does not list %s as registered", e.Group, states(e.Missing))
}

// PartialError says that a server's groups no longer agree, and what is true in each of them.
type PartialError struct {
	Attempt  string
	Outcomes []Outcome
}

// Outcome is what a write to one group came to.
type Outcome struct {
	Group string
	Err   error                 // nil: done
	Now   []canary.TargetHealth // read after the failure; nil: could not be read, so it is not known
}

func (e *PartialError) Error() string {
	parts := make([]string, len(e.Outcomes))
	for i, o := range e.Outcomes {
		said, now := "done", "state unknown"
		if o.Err != nil {
			said = o.Err.Error()
		}
		if o.Now != nil {
			now = "now " + states(o.Now)
		}
		parts[i] = fmt.Sprintf("%s: %s (%s)", o.Group, said, now)
	}
	return e.Attempt + ": the target groups do not agree: " + strings.Join(parts, "; ")
}

// Unwrap gives the errors of the groups that failed.
func (e *PartialError) Unwrap() []error {
	var failed []error
	for _, o := range e.Outcomes {
		if o.Err != nil {
			failed = append(failed, o.Err)
		}
	}
	return failed
}
