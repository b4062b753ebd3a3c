//go:build moto

package alb_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"iiscanary/alb"
	"iiscanary/canary"
)

// motoURL is where these tests find moto_server (https://docs.getmoto.org), which somebody else wrote to behave as AWS does.
// What it lacks is not tested here: a deregistered target is gone at once, and a registered one healthy at once.
const motoURL = "MOTO_URL"

// motoFleet is n running instances behind a load balancer of moto, and our client of it.
type motoFleet struct {
	*alb.Client
	t         *testing.T
	api       *elb.Client
	compute   *ec2.Client
	web, apis string // target groups: of the default rule, and of the rule for /api/*
	balancer  string
	ids       []string
	names     []string
	webPort   int
	name      string
}

func newMotoFleet(t *testing.T, n int) *motoFleet {
	t.Helper()
	endpoint := os.Getenv(motoURL)
	if endpoint == "" {
		t.Fatalf("%s is not set: start moto_server and set it to its URL", motoURL)
	}
	cfg := aws.Config{Region: "eu-west-1", BaseEndpoint: &endpoint, Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
	f := &motoFleet{t: t, api: elb.NewFromConfig(cfg), compute: ec2.NewFromConfig(cfg), webPort: 8443,
		name: "m" + strings.ToLower(rand.Text()[:10])}
	f.launch(n)
	f.build()
	return f.with(f.name+"-web", f.apis)
}

// with is the same fleet, and a client that works on these groups.
func (f *motoFleet) with(groups ...string) *motoFleet {
	f.t.Helper()
	client, err := alb.New(f.t.Context(), alb.Options{
		Region: "eu-west-1", Endpoint: os.Getenv(motoURL), Credentials: alb.Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "secret"},
		Groups: groups, Poll: 50 * time.Millisecond, DeregisterGrace: 5 * time.Second, RegisterGrace: 5 * time.Second, Reads: 1e3, Writes: 1e3,
	})
	f.must(err)
	other := *f
	other.Client = client
	return &other
}

func (f *motoFleet) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// launch starts instances with Name tags.
func (f *motoFleet) launch(n int) {
	f.t.Helper()
	for i := range n {
		name := fmt.Sprintf("%s-%02d", f.name, i+1)
		out, err := f.compute.RunInstances(f.t.Context(), &ec2.RunInstancesInput{
			ImageId: aws.String("ami-12c6146b"), InstanceType: ec2types.InstanceTypeM5Large, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
			TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeInstance,
				Tags: []ec2types.Tag{{Key: aws.String("Name"), Value: &name}, {Key: aws.String("role"), Value: aws.String("web")}}}},
		})
		f.must(err)
		f.ids, f.names = append(f.ids, *out.Instances[0].InstanceId), append(f.names, name)
	}
}

// build makes a load balancer with a listener, whose default action is a group with every instance; a rule for the other
// group, with every instance but the first; and a group that nothing forwards to.
func (f *motoFleet) build() {
	f.t.Helper()
	ctx := f.t.Context()
	subnets, err := f.compute.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{})
	f.must(err)
	lb, err := f.api.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: aws.String(f.name),
		Subnets: []string{*subnets.Subnets[0].SubnetId, *subnets.Subnets[1].SubnetId}})
	f.must(err)
	f.balancer = *lb.LoadBalancers[0].LoadBalancerArn
	vpc := subnets.Subnets[0].VpcId
	f.web, f.apis = f.group(ctx, "web", vpc, f.ids), f.group(ctx, "api", vpc, f.ids[1:])
	f.group(ctx, "idle", vpc, nil)
	forward := func(arn string) []types.Action {
		return []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: &arn}}
	}
	listener, err := f.api.CreateListener(ctx, &elb.CreateListenerInput{LoadBalancerArn: &f.balancer, Protocol: types.ProtocolEnumHttp,
		Port: aws.Int32(80), DefaultActions: forward(f.web)})
	f.must(err)
	_, err = f.api.CreateRule(ctx, &elb.CreateRuleInput{ListenerArn: listener.Listeners[0].ListenerArn, Priority: aws.Int32(10), Actions: forward(f.apis),
		Conditions: []types.RuleCondition{{Field: aws.String("path-pattern"), Values: []string{"/api/*"}}}})
	f.must(err)
}

func (f *motoFleet) group(ctx context.Context, name string, vpc *string, ids []string) string {
	f.t.Helper()
	made, err := f.api.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{Name: aws.String(f.name + "-" + name), Protocol: types.ProtocolEnumHttps,
		Port: aws.Int32(int32(f.webPort)), VpcId: vpc, TargetType: types.TargetTypeEnumInstance, HealthCheckPath: aws.String("/up"),
		HealthCheckIntervalSeconds: aws.Int32(10), HealthCheckTimeoutSeconds: aws.Int32(4), HealthyThresholdCount: aws.Int32(3),
		UnhealthyThresholdCount: aws.Int32(2), Matcher: &types.Matcher{HttpCode: aws.String("200-299")}})
	f.must(err)
	arn := made.TargetGroups[0].TargetGroupArn
	_, err = f.api.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{TargetGroupArn: arn, Attributes: []types.TargetGroupAttribute{
		{Key: aws.String("deregistration_delay.timeout_seconds"), Value: aws.String("45")}}})
	f.must(err)
	if len(ids) > 0 {
		in := &elb.RegisterTargetsInput{TargetGroupArn: arn}
		for _, id := range ids {
			in.Targets = append(in.Targets, types.TargetDescription{Id: &id, Port: aws.Int32(int32(f.webPort))})
		}
		_, err = f.api.RegisterTargets(ctx, in)
		f.must(err)
	}
	return *arn
}

// targets are an instance's registrations in these groups.
func (f *motoFleet) targets(id string, groups ...string) []canary.Target {
	var out []canary.Target
	for _, g := range groups {
		out = append(out, canary.Target{Group: g, ID: id, Port: f.webPort})
	}
	return out
}

// says is what the client reads of an instance in both groups: state and reason.
func (f *motoFleet) says(id string) []string {
	f.t.Helper()
	health, err := f.Health(f.t.Context(), f.targets(id, f.web, f.apis))
	f.must(err)
	var out []string
	for _, h := range health {
		out = append(out, strings.TrimSpace(string(h.State)+" "+h.Reason))
	}
	return out
}

func (f *motoFleet) expect(id string, want ...string) {
	f.t.Helper()
	if diff := cmp.Diff(want, f.says(id)); diff != "" {
		f.t.Errorf("%s: %s", id, diff)
	}
}

func TestMotoSurvey(t *testing.T) {
	f := newMotoFleet(t, 3)
	s, err := f.Survey(t.Context())
	f.must(err)
	if s.Account != "123456789012" || s.Region != "eu-west-1" || s.ClockOff.Abs() > 3*time.Second {
		t.Errorf("account %s, region %s, clock %s off", s.Account, s.Region, s.ClockOff)
	}
	want := []canary.Group{}
	for _, g := range []struct{ arn, name string }{{f.web, f.name + "-web"}, {f.apis, f.name + "-api"}} {
		want = append(want, canary.Group{ARN: g.arn, Name: g.name, Type: "instance", Delay: 45 * time.Second, Interval: 10 * time.Second,
			Timeout: 4 * time.Second, HealthyAfter: 3, UnhealthyAt: 2, Algorithm: "round_robin", CheckPath: "/up", CheckMatcher: "200-299", CheckHTTP: true,
			LoadBalancers: []string{f.balancer}})
	}
	if diff := cmp.Diff(want, s.Groups); diff != "" {
		t.Error(diff)
	}
	if len(s.Members) != 3 {
		t.Fatalf("members: %+v", s.Members)
	}
	for i, m := range s.Members {
		groups := []string{f.web, f.apis}
		if i == 0 {
			groups = groups[:1]
		}
		if m.Name != f.names[i] || m.Instance != f.ids[i] || m.State != "running" || m.PrivateIP == "" || m.Tags["role"] != "web" || len(m.Problems) > 0 {
			t.Errorf("member %d: %+v", i, m)
		}
		if diff := cmp.Diff(f.targets(f.ids[i], groups...), m.Targets); diff != "" {
			t.Error(diff)
		}
		if m.Health[0].State != canary.Healthy {
			t.Errorf("%s is %s", m.Name, m.Health[0].State)
		}
	}
}

func TestMotoSurveyWarnsOfAGroupThatNothingForwardsTo(t *testing.T) {
	f := newMotoFleet(t, 2)
	f = f.with(f.name + "-idle")
	s, err := f.Survey(t.Context())
	f.must(err)
	if warned := strings.Join(s.Warnings, "\n"); !strings.Contains(warned, "-idle: no listener rule forwards to it") || len(s.Members) != 0 {
		t.Errorf("warnings %q, members %+v", warned, s.Members)
	}
}

func TestMotoSurveyOfAnUnknownGroupNamesTheNearest(t *testing.T) {
	f := newMotoFleet(t, 2)
	f = f.with(f.name + "-wep")
	_, err := f.Survey(t.Context())
	e, is := errors.AsType[*alb.NotFoundError](err)
	if !is || len(e.Nearest) == 0 || e.Nearest[0] != f.name+"-web" {
		t.Errorf("Survey: %v", err)
	}
}

func TestMotoServerLeavesAndReturns(t *testing.T) {
	f := newMotoFleet(t, 3)
	out := f.targets(f.ids[1], f.web, f.apis)
	f.expect(f.ids[1], "healthy", "healthy")
	f.must(f.ProveRegister(t.Context(), out[0]))
	f.must(f.Deregister(t.Context(), out, 1))
	f.expect(f.ids[1], "unused Target.NotRegistered", "unused Target.NotRegistered")
	f.expect(f.ids[2], "healthy", "healthy")
	f.must(f.Deregister(t.Context(), out, 1)) // moto refuses it, which is no news
	if err := f.ProveRegister(t.Context(), out[0]); err == nil {
		t.Error("a registration that changes something was taken for a proof")
	}
	f.must(f.Register(t.Context(), out))
	f.must(f.Register(t.Context(), out))
	f.expect(f.ids[1], "healthy", "healthy")
}

func TestMotoFloorHolds(t *testing.T) {
	f := newMotoFleet(t, 3)
	err := f.Deregister(t.Context(), f.targets(f.ids[1], f.web, f.apis), 2)
	e, is := errors.AsType[*canary.NoSpareError](err)
	if !is || e.Need != 2 {
		t.Fatalf("Deregister: %v", err)
	}
	f.expect(f.ids[1], "healthy", "healthy")
	f.must(f.Deregister(t.Context(), f.targets(f.ids[0], f.web), 2))
	f.must(f.Deregister(t.Context(), f.targets(f.ids[2], f.web, f.apis), 1))
}

func TestMotoInstanceThatIsStoppedIsNamed(t *testing.T) {
	f := newMotoFleet(t, 2)
	_, err := f.compute.StopInstances(t.Context(), &ec2.StopInstancesInput{InstanceIds: f.ids[1:]})
	f.must(err)
	s, err := f.Survey(t.Context())
	f.must(err)
	if m := s.Members[1]; m.State != "stopped" || len(m.Problems) == 0 || m.Health[0].State != canary.Unused || m.Health[0].Reason != "Target.InvalidState" {
		t.Errorf("a stopped server: %+v", m)
	}
	f.must(f.Deregister(t.Context(), f.targets(f.ids[1], f.web, f.apis), 0))
	err = f.Register(t.Context(), f.targets(f.ids[1], f.web))
	if e, is := errors.AsType[*alb.InvalidTargetError](err); !is || !strings.Contains(e.Message, f.ids[1]) {
		t.Errorf("Register: %v", err)
	}
}
