package alb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"

	"iiscanary/canary"
)

// Client is a [canary.Balancer] on Elastic Load Balancing v2. It is safe for use by many goroutines.
type Client struct {
	options Options
	region  string
	secrets aws.CredentialsProvider
	elb     *elb.Client
	ec2     describeInstances // not the client itself: with it come the hundreds of operations that it has
	sts     *sts.Client
	writes  aws.RetryerV2
	guard   func(ctx context.Context, targets []canary.Target) error // asked before each write; nil: nobody

	turn chan struct{} // held while one server's leaving is checked and written

	mu      sync.Mutex // guards what follows
	groups  map[string]*group
	leaving map[canary.Target]bool // deregistered, not yet seen out: never counted as somebody's spare
}

// describeInstances is EC2's DescribeInstances.
type describeInstances func(context.Context, *ec2.DescribeInstancesInput, ...func(*ec2.Options)) (*ec2.DescribeInstancesOutput, error)

var _ canary.Balancer = (*Client)(nil)

// New makes a client. It makes no call to AWS. It fails when no region is known, and when an environment variable or the
// shared configuration redirects a service although no endpoint was asked for: a rolled fleet must be the real one.
func New(ctx context.Context, o Options) (*Client, error) {
	o = o.withDefaults()
	if err := o.check(); err != nil {
		return nil, fmt.Errorf("balancer options: %w", err)
	}
	cfg, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	if cfg.Region == "" {
		return nil, errors.New("no AWS region is known: set aws.region or AWS_REGION")
	}
	var answered atomic.Bool
	reads := newRetryer(o, o.Reads, &answered)
	c := &Client{
		options: o, region: cfg.Region, secrets: cfg.Credentials, writes: newRetryer(o, o.Writes, &answered),
		turn: make(chan struct{}, 1), groups: map[string]*group{}, leaving: map[canary.Target]bool{},
	}
	var endpoint *string
	if o.Endpoint != "" {
		endpoint = &o.Endpoint
	}
	c.elb = elb.NewFromConfig(cfg, func(e *elb.Options) { e.Retryer, e.BaseEndpoint = reads, orStray(endpoint, e.BaseEndpoint) })
	instances := ec2.NewFromConfig(cfg, func(e *ec2.Options) { e.Retryer, e.BaseEndpoint = reads, orStray(endpoint, e.BaseEndpoint) })
	c.ec2 = instances.DescribeInstances
	c.sts = sts.NewFromConfig(cfg, func(e *sts.Options) { e.Retryer, e.BaseEndpoint = reads, orStray(endpoint, e.BaseEndpoint) })
	return c, c.refuseStray(instances.Options().BaseEndpoint)
}

// orStray leaves an endpoint that was not asked for in place, so that refuseStray sees it.
func orStray(asked, found *string) *string {
	if asked != nil {
		return asked
	}
	return found
}

func load(ctx context.Context, o Options) (aws.Config, error) {
	options := []func(*config.LoadOptions) error{
		config.WithLogger(logging.Nop{}), // it would write to the operator's screen
		config.WithHTTPClient(awshttp.NewBuildableClient().WithTimeout(o.CallTimeout)),
		config.WithCredentialsCacheOptions(func(c *aws.CredentialsCacheOptions) { c.ExpiryWindow = o.ExpiryWindow }),
	}
	if o.Region != "" {
		options = append(options, config.WithRegion(o.Region))
	}
	switch k := o.Credentials; {
	case k.static():
		options = append(options,
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(k.AccessKey, k.SecretKey, k.SessionToken)),
			config.WithSharedConfigFiles([]string{}), config.WithSharedCredentialsFiles([]string{}))
	case o.Profile != "":
		options = append(options, config.WithSharedConfigProfile(o.Profile))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	cfg.Credentials = namedCredentials{cfg.Credentials}
	cfg.RetryMaxAttempts = 0 // AWS_MAX_ATTEMPTS would cut Options.Attempts short
	return cfg, nil
}

// refuseStray fails when a client would go somewhere else than to AWS without having been asked to.
func (c *Client) refuseStray(instances *string) error {
	if c.options.Endpoint != "" {
		return nil
	}
	for service, endpoint := range map[string]*string{
		"elasticloadbalancing": c.elb.Options().BaseEndpoint,
		"ec2":                  instances,
		"sts":                  c.sts.Options().BaseEndpoint,
	} {
		if endpoint != nil {
			return &StrayEndpointError{Service: service, Endpoint: *endpoint}
		}
	}
	return nil
}

// call runs one operation with all its attempts. What it attempts is said in the error: "read the health of web-443".
func (c *Client) call(ctx context.Context, attempt string, operation func(context.Context) error) error {
	bounded, cancel := context.WithTimeout(ctx, c.options.limit())
	defer cancel()
	return explain(ctx, attempt, operation(bounded))
}

// takeTurn waits for the other servers' checks; the returned function ends the turn.
func (c *Client) takeTurn(ctx context.Context) (func(), error) {
	select {
	case c.turn <- struct{}{}:
		return func() { <-c.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for the servers that leave before this one: %w", context.Cause(ctx))
	}
}

// mark notes that targets leave, before the first write says so.
func (c *Client) mark(targets []canary.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range targets {
		c.leaving[t] = true
	}
}

// unmark notes that the groups' own lists tell the truth about targets again.
func (c *Client) unmark(targets []canary.Target) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, t := range targets {
		delete(c.leaving, t)
	}
}

// markedExcept copies the targets that are leaving, other than these.
func (c *Client) markedExcept(targets []canary.Target) []canary.Target {
	c.mu.Lock()
	defer c.mu.Unlock()
	var marked []canary.Target
	for t := range c.leaving {
		if !contains(targets, t) {
			marked = append(marked, t)
		}
	}
	return marked
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
