package alb

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddle "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"iiscanary/canary"
)

// Survey is what was found at AWS: who asks, the target groups, and every server that is registered in one of them.
type Survey struct {
	Account  string        // the account that the credentials belong to, twelve digits
	Caller   string        // ARN of the identity
	Region   string        //
	Endpoint string        // empty: AWS itself
	ClockOff time.Duration // AWS's clock minus ours, to about a second
	Expires  time.Time     // when the credentials at hand end; zero: never, or they are renewed, or nobody knows
	Passing  bool          // they end some day, and nobody knows when: a session token came without its end
	Groups   []canary.Group
	Members  []Member // sorted by Name, then Instance, then address
	Warnings []string // what makes these groups harder to roll, one sentence each
}

// Member is a server that is registered in at least one of the groups.
type Member struct {
	Name       string // its Name tag, or else its instance id, or else its address
	Instance   string // EC2 instance id; empty for an address that no known instance has
	State      string // of the instance, such as running; empty without one
	PrivateIP  string
	PrivateDNS string
	Tags       map[string]string
	Targets    []canary.Target       // its registrations, in the order of the groups; perhaps not in all of them
	Health     []canary.TargetHealth // of Targets, in their order
	Problems   []string              // why it cannot be rolled as it is
}

// Survey reads everything that a plan needs to know from AWS, and changes nothing. Typed errors: *[NotFoundError] and
// *[ElsewhereError] for a group, *[AccessError], *[CredentialsError], *[ThrottledError]. What was found before an error comes
// with it.
func (c *Client) Survey(ctx context.Context) (Survey, error) {
	out := Survey{Region: c.region, Endpoint: c.options.Endpoint}
	if err := c.identify(ctx, &out); err != nil {
		return out, err
	}
	groups, err := c.findGroups(ctx)
	if err != nil {
		return out, err
	}
	forwards, err := c.readForwards(ctx, groups)
	if err != nil {
		return out, err
	}
	var lists []listing
	for _, found := range groups {
		g := c.group(aws.ToString(found.TargetGroupArn))
		if account := accountOf(g.arn); account != out.Account {
			return out, &ElsewhereError{Group: g.name, Kind: "account", Has: account, Want: out.Account}
		}
		attributes, err := g.settings.get(ctx, time.Now())
		if err != nil {
			return out, err
		}
		l, err := g.health.get(ctx, time.Now())
		if err != nil {
			return out, err
		}
		lists = append(lists, l)
		out.Groups = append(out.Groups, describe(found, attributes, forwards[g.arn]))
		out.Warnings = append(out.Warnings, attributes.warnings(g.name)...)
		if len(forwards[g.arn]) == 0 {
			out.Warnings = append(out.Warnings, g.name+": no listener rule forwards to it, its targets never become healthy")
		}
	}
	out.Members, err = c.members(ctx, lists)
	return out, err
}

// identify asks who the credentials belong to, and compares the clocks on the way.
func (c *Client) identify(ctx context.Context, s *Survey) error {
	var who *sts.GetCallerIdentityOutput
	const attempt = "ask AWS who this process is"
	err := c.call(ctx, attempt, func(ctx context.Context) (err error) {
		who, err = c.sts.GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
		return err
	})
	if err != nil {
		return err
	}
	if who.Account == nil {
		return empty(attempt)
	}
	s.Account, s.Caller = *who.Account, aws.ToString(who.Arn)
	if skew, known := awsmiddle.GetAttemptSkew(who.ResultMetadata); known {
		s.ClockOff = skew + time.Second/2 // the Date header is cut to whole seconds
	}
	keys, err := c.secrets.Retrieve(ctx)
	if err != nil {
		return explain(ctx, attempt, err)
	}
	if keys.CanExpire {
		s.Expires = keys.Expires
	}
	s.Passing = keys.SessionToken != "" && !keys.CanExpire
	return nil
}

// accountOf is the account number in an ARN.
func accountOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 {
		return ""
	}
	return parts[4]
}

// members matches the lists of all groups to servers.
func (c *Client) members(ctx context.Context, lists []listing) ([]Member, error) {
	var ids []string
	for _, l := range lists {
		for _, h := range l {
			if isInstance(h.ID) && !slices.Contains(ids, h.ID) {
				ids = append(ids, h.ID)
			}
		}
	}
	instances, err := c.readInstances(ctx, ids)
	if err != nil {
		return nil, err
	}
	roster := roster{instances: instances, byID: map[string]*Member{}}
	for _, l := range lists {
		for _, h := range l {
			m := roster.member(h.ID)
			m.Targets = append(m.Targets, h.Target)
			m.Health = append(m.Health, h)
		}
	}
	return roster.sorted(), nil
}
