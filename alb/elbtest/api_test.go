package elbtest_test

import (
	"encoding/xml"
	"fmt"
	"strings"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

func TestSignaturesAreVerified(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	cases := []struct {
		name   string
		change func(*client)
		status int
		code   string
	}{
		{"good", func(*client) {}, 200, ""},
		{"none", func(c *client) { c.unsigned = true }, 403, "MissingAuthenticationToken"},
		{"wrong secret", func(c *client) { c.secret = "guess" }, 403, "SignatureDoesNotMatch"},
		{"unknown key", func(c *client) { c.key = "AKIDOTHER" }, 403, "InvalidClientTokenId"},
		{"other region", func(c *client) { c.region = "us-east-1" }, 403, "SignatureDoesNotMatch"},
		{"other service", func(c *client) { c.service = "ec2" }, 403, "SignatureDoesNotMatch"},
		{"old", func(c *client) { c.at = time.Now().Add(-6 * time.Minute) }, 400, "RequestExpired"},
		{"from the future", func(c *client) { c.at = time.Now().Add(6 * time.Minute) }, 400, "RequestExpired"},
		{"a little late", func(c *client) { c.at = time.Now().Add(-4 * time.Minute) }, 200, ""},
	}
	for _, test := range cases {
		c := clientOf(t, b)
		test.change(&c)
		if got := c.call("DescribeTargetGroups"); got.status != test.status || got.code(t) != test.code {
			t.Errorf("%s: answered %d %s", test.name, got.status, got.body)
		}
	}
	if n := b.Calls()["DescribeTargetGroups"]; n != 2 {
		t.Errorf("%d calls counted, two were authenticated", n)
	}
}

func TestWrongCallsAreRefusedInTheServicesWords(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	old := c
	old.version = "2012-06-01"
	cases := []struct {
		name   string
		answer reply
		code   string
	}{
		{"unknown action", c.call("ReticulateSplines"), "InvalidAction"},
		{"other version", old.call("DescribeTargetHealth", "TargetGroupArn", arn), "InvalidAction"},
		{"no action", c.send("Version=2015-12-01"), "MissingAction"},
		{"bad form", c.send("Action=%zz&Version=2015-12-01"), "MalformedQueryString"},
		{"no group", c.call("DescribeTargetHealth"), "ValidationError"},
		{"unknown group", c.call("DescribeTargetHealth", "TargetGroupArn", arn+"0"), "TargetGroupNotFound"},
		{"no targets", c.call("DeregisterTargets", "TargetGroupArn", arn), "ValidationError"},
		{"no id", c.call("RegisterTargets", "TargetGroupArn", arn, "Targets.member.1.Port", "80"), "ValidationError"},
		{"port 0", c.call("RegisterTargets", append(targetPairs(arn, "i-01", 0), "Targets.member.1.Port", "0")...), "ValidationError"},
		{"unknown instance", c.call("RegisterTargets", targetPairs(arn, "i-99", 80)...), "InvalidTarget"},
		{"address for an instance", c.call("RegisterTargets", targetPairs(arn, "10.0.0.1", 80)...), "ValidationError"},
		{"unknown name", c.call("DescribeTargetGroups", "Names.member.1", "nobody"), "TargetGroupNotFound"},
		{"no ARN of a group", c.call("DescribeTargetHealth", "TargetGroupArn", "web-443"), "ValidationError"},
		{"group of another account", c.call("DescribeTargetGroups", "TargetGroupArns.member.1", strings.Replace(arn, ":123456789012:", ":210987654321:", 1)), "ValidationError"},
		{"unknown balancer", c.call("DescribeListeners", "LoadBalancerArn", b.LoadBalancerARN()+"0"), "LoadBalancerNotFound"},
		{"group for a balancer", c.call("DescribeLoadBalancers", "LoadBalancerArns.member.1", arn), "ValidationError"},
		{"unknown listener", c.call("DescribeRules", "ListenerArn", strings.Replace(arn, ":targetgroup/", ":listener/app/", 1)), "ListenerNotFound"},
		{"no ARN of a listener", c.call("DescribeListeners", "ListenerArns.member.1", "arn:x"), "ValidationError"},
		{"page of 0", c.call("DescribeTargetGroups", "PageSize", "0"), "ValidationError"},
		{"bad marker", c.call("DescribeTargetGroups", "Marker", "x"), "ValidationError"},
		{"unknown vm", c.ec2().call("DescribeInstances", "InstanceId.1", "i-0123"), "InvalidInstanceID.NotFound"},
		{"malformed vm", c.ec2().call("DescribeInstances", "InstanceId.1", "web-01"), "InvalidInstanceID.Malformed"},
		{"unknown filter", c.ec2().call("DescribeInstances", "Filter.1.Name", "colour"), "InvalidParameterValue"},
	}
	for _, test := range cases {
		if test.answer.status != 400 || test.answer.code(t) != test.code {
			t.Errorf("%s: answered %d %s", test.name, test.answer.status, test.answer.body)
		}
	}
}

func TestAnswersHaveTheServicesForm(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	c, arn := clientOf(t, b), b.TargetGroupARN("web-443")
	const namespace = `xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"`
	for _, test := range []struct {
		answer reply
		parts  []string
	}{
		{c.call("RegisterTargets", targetPairs(arn, "i-01", portOf(b, "web-443", "i-01"))...), []string{
			"<RegisterTargetsResponse " + namespace + "><RegisterTargetsResult></RegisterTargetsResult><ResponseMetadata><RequestId>",
		}},
		{c.call("DescribeTargetHealth", "TargetGroupArn", arn, "Include.member.1", "AnomalyDetection"), []string{
			"<DescribeTargetHealthResponse " + namespace, "<TargetHealthDescriptions><member><Target><Id>i-01</Id><Port>",
			"<AnomalyDetection><Result>normal</Result><MitigationInEffect>no</MitigationInEffect></AnomalyDetection>",
			"<AdministrativeOverride><State>no_override</State>",
		}},
		{c.call("DescribeTargetGroups"), []string{"<IpAddressType>ipv4</IpAddressType>", "<Matcher><HttpCode>200</HttpCode></Matcher>",
			"<VpcId>", "<HealthCheckPort>traffic-port</HealthCheckPort>", "<LoadBalancerArns><member>" + b.LoadBalancerARN()}},
		{c.call("DescribeTargetGroupAttributes", "TargetGroupArn", arn), []string{
			"<member><Key>deregistration_delay.timeout_seconds</Key><Value>1</Value></member>"}},
		{c.call("DescribeLoadBalancers"), []string{"<State><Code>active</Code></State>", "<CanonicalHostedZoneId>", "<ZoneName>eu-west-1a</ZoneName>"}},
		{c.call("DescribeTags", "ResourceArns.member.1", arn), []string{"<TagDescriptions><member><ResourceArn>", "<Tags><member><Key>Name</Key>"}},
		{c.call("DescribeTargetHealth"), []string{"<ErrorResponse " + namespace + "><Error><Type>Sender</Type><Code>ValidationError</Code><Message>"}},
		{c.ec2().call("DescribeInstances"), []string{
			`<DescribeInstancesResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><requestId>`,
			"<reservationSet><item>", "<instancesSet><item><instanceId>i-01</instanceId>",
			"<instanceState><code>16</code><name>running</name></instanceState>", "<privateIpAddress>127.0.0.1</privateIpAddress>",
			"<tagSet><item><key>Name</key><value>web-i-01</value></item></tagSet>",
		}},
		{c.ec2().call("DescribeInstances", "InstanceId.1", "i-0123"), []string{"<Response><Errors><Error><Code>InvalidInstanceID.NotFound</Code>"}},
	} {
		for _, part := range test.parts {
			if !strings.Contains(test.answer.body, part) {
				t.Errorf("%s\nis not in\n%s", part, test.answer.body)
			}
		}
	}
}

func TestTheCallerLearnsTheAccount(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	c := clientOf(t, b)
	c.service, c.version = "sts", "2011-06-15"
	if got := c.call("GetCallerIdentity"); !strings.Contains(got.body, "<Account>123456789012</Account>") {
		t.Errorf("answered %d %s", got.status, got.body)
	}
}

func TestRulesLeadFromTheBalancerToTheGroup(t *testing.T) {
	b, _ := fleet(t, func(c *elbtest.Config) {
		api := c.Groups[0]
		api.Name, api.PathPattern = "api-443", "/api/*"
		c.Groups = append(c.Groups, api)
	}, ok)
	c := clientOf(t, b)
	var listeners struct {
		ARN   string `xml:"DescribeListenersResult>Listeners>member>ListenerArn"`
		Group string `xml:"DescribeListenersResult>Listeners>member>DefaultActions>member>TargetGroupArn"`
	}
	decode(t, c.call("DescribeListeners", "LoadBalancerArn", b.LoadBalancerARN()), &listeners)
	if listeners.Group != b.TargetGroupARN("web-443") {
		t.Errorf("the default action forwards to %s", listeners.Group)
	}
	var rules struct {
		Rules []struct {
			Priority string
			Pattern  string   `xml:"Conditions>member>PathPatternConfig>Values>member"`
			Groups   []string `xml:"Actions>member>ForwardConfig>TargetGroups>member>TargetGroupArn"`
		} `xml:"DescribeRulesResult>Rules>member"`
	}
	decode(t, c.call("DescribeRules", "ListenerArn", listeners.ARN), &rules)
	got := fmt.Sprint(rules.Rules)
	if want := fmt.Sprintf("[{1 /api/* [%s]} {default  [%s]}]", b.TargetGroupARN("api-443"), b.TargetGroupARN("web-443")); got != want {
		t.Errorf("rules %s, want %s", got, want)
	}
}

func decode(t *testing.T, r reply, into any) {
	t.Helper()
	if err := xml.Unmarshal([]byte(r.body), into); err != nil || r.status != 200 {
		t.Fatalf("answered %d %s: %v", r.status, r.body, err)
	}
}

func TestLongListsComeInPages(t *testing.T) {
	b, _ := fleet(t, func(c *elbtest.Config) {
		c.PageSize = 2
		for i := range 4 {
			more := c.Groups[0]
			more.Name, more.Targets = fmt.Sprintf("more-%d", i), nil
			c.Groups = append(c.Groups, more)
		}
	}, ok)
	c, marker := clientOf(t, b), ""
	var names []string
	for range 3 {
		var pairs []string
		if marker != "" {
			pairs = []string{"Marker", marker}
		}
		var page struct {
			Names []string `xml:"DescribeTargetGroupsResult>TargetGroups>member>TargetGroupName"`
			Next  string   `xml:"DescribeTargetGroupsResult>NextMarker"`
		}
		decode(t, c.call("DescribeTargetGroups", pairs...), &page)
		names, marker = append(names, page.Names...), page.Next
	}
	if got := strings.Join(names, " "); got != "web-443 more-0 more-1 more-2 more-3" || marker != "" {
		t.Errorf("read %s, then marker %q", got, marker)
	}
}

func TestThrottlingComesInBurstsAndChangesNothing(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	allHealthy(t, b)
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	b.Throttle(1, 2)
	var codes []string
	for range 4 {
		codes = append(codes, c.call("DescribeTargetGroups").code(t))
	}
	if got := strings.Join(codes, " "); got != " Throttling ThrottlingException " {
		t.Errorf("answered %q", got)
	}
	c.call("DeregisterTargets", targetPairs(arn, "i-01", port)...)
	if got := state(b, "web-443", "i-01"); got != "healthy" || len(b.Mutations()) != 0 {
		t.Errorf("a throttled call left the target %s", got)
	}
	b.Throttle(0, 0)
	c.must(c.call("DescribeTargetGroups"))
}

func TestADeniedActionIsRefusedAndChangesNothing(t *testing.T) {
	b, _ := fleet(t, nil, ok)
	allHealthy(t, b)
	c, arn, port := clientOf(t, b), b.TargetGroupARN("web-443"), portOf(b, "web-443", "i-01")
	b.Deny("DeregisterTargets", "DescribeInstances")
	for code, denied := range map[string]reply{
		"AccessDenied":          c.call("DeregisterTargets", targetPairs(arn, "i-01", port)...),
		"UnauthorizedOperation": c.ec2().call("DescribeInstances"),
	} {
		if got := denied.code(t); got != code || denied.status != 403 {
			t.Errorf("answered %d %s, want 403 %s", denied.status, got, code)
		}
	}
	if got := state(b, "web-443", "i-01"); got != "healthy" || len(b.Mutations()) != 0 {
		t.Errorf("a denied call left the target %s", got)
	}
	c.must(c.call("DescribeTargetGroups"))
	b.Deny()
	c.must(c.call("DeregisterTargets", targetPairs(arn, "i-01", port)...))
}

func TestInstancesAreFoundByTagAndAddress(t *testing.T) {
	b, _ := fleet(t, func(c *elbtest.Config) { c.Instances[1].Tags = map[string]string{"role": "web"} }, ok, ok)
	c := clientOf(t, b).ec2()
	for filter, want := range map[string]string{"tag:role": "[i-02]", "tag:Name": "[]", "private-ip-address": "[]"} {
		var found struct {
			IDs []string `xml:"reservationSet>item>instancesSet>item>instanceId"`
		}
		decode(t, c.call("DescribeInstances", "Filter.1.Name", filter, "Filter.1.Value.1", "web"), &found)
		if got := fmt.Sprint(found.IDs); got != want {
			t.Errorf("%s found %s, want %s", filter, got, want)
		}
	}
}

func TestAConfigurationWithoutSenseIsRefused(t *testing.T) {
	for name, config := range map[string]elbtest.Config{
		"no group":      {},
		"only unused":   {Groups: []elbtest.GroupConfig{{Name: "g", NotInUse: true}}},
		"bad matcher":   {Groups: []elbtest.GroupConfig{{Name: "g", Matcher: "200-199"}}},
		"bad type":      {Groups: []elbtest.GroupConfig{{Name: "g", Type: "lambda"}}},
		"ghost target":  {Groups: []elbtest.GroupConfig{{Name: "g", Targets: []elbtest.Target{{ID: "i-01"}}}}},
		"twins":         {Groups: []elbtest.GroupConfig{{Name: "g"}, {Name: "g"}}},
		"no address":    {Groups: []elbtest.GroupConfig{{Name: "g"}}, Instances: []elbtest.Instance{{ID: "i-01"}}},
		"slow and busy": {Groups: []elbtest.GroupConfig{{Name: "g", SlowStart: 1, Algorithm: "least_outstanding_requests"}}},
		"address taken": {Groups: []elbtest.GroupConfig{{Name: "g"}}, Addr: "256.0.0.1:0"},
	} {
		if b, err := elbtest.New(config); err == nil {
			b.Close()
			t.Errorf("%s was accepted", name)
		}
	}
}
