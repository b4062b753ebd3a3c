package alb

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

// instancesOf answers DescribeInstances for those that are known, and as EC2 does when one is not: the whole call fails.
func instancesOf(known ...string) answer {
	return func(w http.ResponseWriter, form url.Values) {
		var b strings.Builder
		for n := 1; ; n++ {
			id := form.Get(fmt.Sprintf("InstanceId.%d", n))
			if id == "" {
				break
			}
			if !strings.Contains(strings.Join(known, " "), id) {
				body(400, "text/xml", "<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code><Message>The instance ID does not exist</Message></Error></Errors><RequestID>r</RequestID></Response>")(w, form)
				return
			}
			fmt.Fprintf(&b, "<item><instancesSet><item><instanceId>%s</instanceId><instanceState><name>running</name></instanceState>"+
				"<privateIpAddress>10.0.0.%d</privateIpAddress></item></instancesSet></item>", id, n)
		}
		body(200, "text/xml", `<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><reservationSet>`+b.String()+
			"</reservationSet></DescribeInstancesResponse>")(w, form)
	}
}

// surveyed is a service with one group, and who asks.
func surveyed(t *testing.T, account string, list answer) *service {
	s := newService(t)
	s.on("GetCallerIdentity", ok("GetCallerIdentity", "<Account>"+account+"</Account><Arn>arn:aws:sts::"+account+":assumed-role/roller/ci</Arn>"))
	s.on("DescribeTargetGroups", ok("DescribeTargetGroups", "<TargetGroups><member><TargetGroupArn>"+web+"</TargetGroupArn>"+
		"<TargetGroupName>web-443</TargetGroupName><TargetType>instance</TargetType><LoadBalancerArns/></member></TargetGroups>"))
	s.on("DescribeTargetHealth", list)
	return s
}

func TestSurveySurvivesAnInstanceThatIsGone(t *testing.T) {
	t.Parallel()
	s := surveyed(t, "123456789012", lists(in(web, "i-01", 443, canary.Healthy), in(web, "i-02", 443, canary.Healthy), in(web, "i-03", 443, canary.Healthy)))
	s.on("DescribeInstances", instancesOf("i-01", "i-03"))
	got, err := s.client().Survey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var problems []string
	for _, m := range got.Members {
		problems = append(problems, m.Instance+" "+strings.Join(m.Problems, ", "))
	}
	want := []string{"i-01 ", "i-02 EC2 does not know the instance i-02, it may be terminated", "i-03 "}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestSurveyAsksForInstancesInChunks(t *testing.T) {
	t.Parallel()
	var list []canary.TargetHealth
	var known []string
	for i := range 2*chunk + 1 {
		id := fmt.Sprintf("i-%04d", i)
		known = append(known, id)
		list = append(list, in(web, id, 443, canary.Healthy))
	}
	s := surveyed(t, "123456789012", lists(list...))
	s.on("DescribeInstances", instancesOf(known...))
	got, err := s.client().Survey(t.Context())
	if err != nil || len(got.Members) != len(known) || s.count("DescribeInstances") != 3 {
		t.Fatalf("%d members in %d calls, %v", len(got.Members), s.count("DescribeInstances"), err)
	}
}

func TestSurveyRefusesAGroupOfAnotherAccount(t *testing.T) {
	t.Parallel()
	s := surveyed(t, "999999999999", lists())
	_, err := s.client().Survey(t.Context())
	if err == nil || !strings.Contains(err.Error(), "belongs to account 123456789012, the credentials to account 999999999999") {
		t.Fatalf("Survey: %v", err)
	}
}

func TestSurveyNamesTheMissingPermission(t *testing.T) {
	t.Parallel()
	s := surveyed(t, "123456789012", lists(in(web, "i-01", 443, canary.Healthy)))
	s.on("DescribeInstances", body(403, "text/xml", "<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>"))
	_, err := s.client().Survey(t.Context())
	if e, is := errors.AsType[*AccessError](err); !is || e.Permission != "ec2:DescribeInstances" {
		t.Fatalf("Survey: %v", err)
	}
}

func TestSurveyComparesTheClocks(t *testing.T) {
	t.Parallel()
	s := surveyed(t, "123456789012", lists())
	identity := ok("GetCallerIdentity", "<Account>123456789012</Account>")
	s.on("GetCallerIdentity", func(w http.ResponseWriter, form url.Values) {
		w.Header().Set("Date", time.Now().Add(40*time.Second).UTC().Format(http.TimeFormat))
		identity(w, form)
	})
	got, err := s.client().Survey(t.Context())
	if err != nil || (got.ClockOff-40*time.Second).Abs() > 2*time.Second {
		t.Fatalf("clock %s off, %v", got.ClockOff, err)
	}
}

func TestSurveyOfAnEmptyAnswerIsUnreachable(t *testing.T) {
	t.Parallel()
	for _, action := range []string{"GetCallerIdentity", "DescribeTargetGroups", "DescribeTargetGroupAttributes", "DescribeTargetHealth", "DescribeInstances"} {
		s := surveyed(t, "123456789012", lists(in(web, "i-01", 443, canary.Healthy)))
		s.on("DescribeInstances", instancesOf("i-01"))
		s.on(action, body(200, "text/xml", ""))
		if _, err := s.client().Survey(t.Context()); !errors.Is(err, canary.ErrUnreachable) {
			t.Errorf("%s: %v", action, err)
		}
	}
}

// An address belongs to the instance that has it, unless several have it.
func TestAnAddressIsMatchedToItsInstance(t *testing.T) {
	t.Parallel()
	r := roster{byID: map[string]*Member{}, instances: map[string]Member{
		"i-1": {Instance: "i-1", Name: "web-1", PrivateIP: "10.0.0.1", State: "running"},
		"i-2": {Instance: "i-2", Name: "web-2", PrivateIP: "10.0.0.2", State: "running"},
		"i-3": {Instance: "i-3", Name: "web-3", PrivateIP: "10.0.0.2", State: "running"},
	}}
	for id, want := range map[string]string{"i-1": "web-1", "10.0.0.1": "web-1", "10.0.0.2": "10.0.0.2", "10.9.9.9": "10.9.9.9"} {
		if got := r.member(id).Name; got != want {
			t.Errorf("%s belongs to %s, want %s", id, got, want)
		}
	}
	if n := len(r.sorted()); n != 3 {
		t.Errorf("%d members, want 3", n)
	}
}

// Being a group of the load balancer is not enough: a rule must send it something.
func TestAGroupOfWeightNothingIsNotForwardedTo(t *testing.T) {
	t.Parallel()
	weighted := func(group string, weight int32) types.TargetGroupTuple {
		return types.TargetGroupTuple{TargetGroupArn: aws.String(group), Weight: aws.Int32(weight)}
	}
	f := forwards{}
	f.note("lb", types.Rule{Actions: []types.Action{
		{Type: types.ActionTypeEnumRedirect, TargetGroupArn: aws.String("redirected")},
		{Type: types.ActionTypeEnumForward, TargetGroupArn: aws.String("plain")},
		{Type: types.ActionTypeEnumForward, TargetGroupArn: aws.String("zero"), ForwardConfig: &types.ForwardActionConfig{
			TargetGroups: []types.TargetGroupTuple{weighted("zero", 0), weighted("some", 1), {TargetGroupArn: aws.String("unsaid")}}}},
	}})
	f.note("lb", types.Rule{Actions: []types.Action{{Type: types.ActionTypeEnumForward, TargetGroupArn: aws.String("plain")}}})
	if diff := cmp.Diff(forwards{"plain": {"lb"}, "some": {"lb"}, "unsaid": {"lb"}}, f); diff != "" {
		t.Error(diff)
	}
}

func TestNearest(t *testing.T) {
	t.Parallel()
	names := []string{"web-443", "web-80", "payments", "web-4433", "api-443", "wbe-443"}
	if diff := cmp.Diff([]string{"web-443", "web-4433", "wbe-443"}, nearest("web-4343", names)); diff != "" {
		t.Error(diff)
	}
	if got := nearest("shop", names); len(got) != 0 {
		t.Errorf("nothing is like shop, got %q", got)
	}
}

// A shared reading is never given out past the poll, and not always for the same time.
func TestJitterOnlyShortens(t *testing.T) {
	t.Parallel()
	seen := map[time.Duration]bool{}
	for range 1000 {
		d := jittered(5 * time.Second)
		seen[d] = true
		if d < 4*time.Second || d > 5*time.Second {
			t.Fatalf("jittered to %s", d)
		}
	}
	if len(seen) < 2 {
		t.Error("there is no jitter")
	}
}

func FuzzARN(f *testing.F) {
	f.Add(web)
	f.Add("arn:aws:elasticloadbalancing:eu-west-1")
	f.Add(":targetgroup/")
	f.Fuzz(func(t *testing.T, arn string) {
		for _, part := range []string{groupName(arn), accountOf(arn), regionOf(arn)} {
			if !strings.Contains(arn, part) {
				t.Errorf("%q is no part of %q", part, arn)
			}
		}
	})
}

func FuzzThresholds(f *testing.F) {
	f.Add("1", "75", 10)
	f.Add("off", "off", 3)
	f.Add("-1", "1e309", 7)
	f.Fuzz(func(t *testing.T, count, percentage string, registered int) {
		if registered < 0 || registered > 1000 {
			return
		}
		for _, got := range (settings{routing + "count": count, routing + "percentage": percentage}).thresholds(registered) {
			if strings.HasSuffix(got.name, "percentage") && (got.need < 0 || got.need > registered) {
				t.Errorf("%s of %d asks for %d", percentage, registered, got.need)
			}
		}
	})
}

// Whatever a server sends, a state is only ever what it wrote.
func FuzzHealthAnswer(f *testing.F) {
	f.Add([]byte(`<DescribeTargetHealthResponse><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-1</Id><Port>443</Port></Target>` +
		`<TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions></DescribeTargetHealthResult></DescribeTargetHealthResponse>`))
	f.Add([]byte(`<a><DescribeTargetHealthResult><TargetHealthDescriptions/></DescribeTargetHealthResult></a>`))
	f.Add([]byte(`<html>`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s := newService(t)
		s.on("DescribeTargetHealth", body(200, "text/xml", string(text)))
		got, err := s.client(func(o *Options) { o.Attempts = 1 }).Health(t.Context(), []canary.Target{at("i-1", 443)})
		if err == nil && !strings.Contains(strings.ToLower(string(text)), "targethealthdescriptions") {
			t.Errorf("%q was read as %v", text, got)
		}
	})
}
