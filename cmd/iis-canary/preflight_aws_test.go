package main

import (
	"fmt"
	"slices"
	"time"

	"iiscanary/alb/elbtest"
)

func awsTroubles() []trouble {
	return []trouble{
		{id: checkAWS, make: func(s *scene) { s.edit(s.fleet.Balancer.URL(), "http://127.0.0.1:1") },
			words: []string{"AWS is unreachable: "}},
		{id: checkCredentials, make: func(s *scene) {
			s.file("other_key", "AKIAOTHER")
			s.edit("file:access_key", "file:other_key")
		}, words: []string{"AWS says InvalidClientTokenId"}},
		{id: checkPermissions, half: "DescribeTargetGroups", make: denied("DescribeTargetGroups"),
			words: []string{"AWS says AccessDenied"}, remedy: "allow elasticloadbalancing:DescribeTargetGroups to this identity"},
		{id: checkExpiry, warns: true, make: func(s *scene) {
			s.edit(", access_key: 'file:access_key', secret_key: 'file:secret_key'", "")
			keys := s.file("keys.json", fmt.Sprintf(`{"Version": 1, "AccessKeyId": %q, "SecretAccessKey": %q, "Expiration": %q}`,
				s.read("access_key"), s.read("secret_key"), time.Now().Add(20*time.Minute).UTC().Format(time.RFC3339)))
			settings := s.file("aws.ini", "[default]\ncredential_process = cat "+keys+"\n")
			s.env = []string{"AWS_CONFIG_FILE=" + settings, "AWS_SHARED_CREDENTIALS_FILE=" + settings, "AWS_EC2_METADATA_DISABLED=true"}
		}, words: []string{"the AWS credentials end in ", "a roll and its revert may take 1h0m0s"}},
		{id: checkExpiry, half: "of which nobody knows when", warns: true, make: func(s *scene) {
			s.edit(", access_key: 'file:access_key', secret_key: 'file:secret_key'", "")
			s.env = []string{"AWS_ACCESS_KEY_ID=" + s.read("access_key"), "AWS_SECRET_ACCESS_KEY=" + s.read("secret_key"), "AWS_SESSION_TOKEN=any", "AWS_EC2_METADATA_DISABLED=true"}
		}, words: []string{"the AWS credentials have a session token and do not say when they end"}},
		{id: checkClockAWS, make: func(s *scene) {
			s.fleet.Balancer.SetClock(-90 * time.Second)
			s.t.Cleanup(func() { s.fleet.Balancer.SetClock(0) })
		}, words: []string{"AWS's clock is 1m", " behind this machine's; at most 30s is allowed"}},
		{id: checkGroup, make: func(s *scene) { s.edit("target_groups: [web-443]", "target_groups: [web-444]") },
			words: []string{"target group web-444 does not exist in eu-west-1, did you mean web-443?"}, remedy: "target_groups: [web-443]"},
	}
}

func groupTroubles() []trouble {
	return []trouble{
		{id: checkSettings, warns: true, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) { c.Groups[0].Delay = 0 })
			s.settled("healthy")
		}, words: []string{"web-443: the deregistration delay is 0"}},
		{id: checkForwards, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) {
				c.Groups[0].NotInUse = true
				c.Groups = append(c.Groups, elbtest.GroupConfig{Name: "other"})
			})
		}, words: []string{"no listener rule forwards to web-443"}},
		{id: checkRegistered, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) { c.Groups = append(c.Groups, elbtest.GroupConfig{Name: "web-80"}) })
			s.edit("target_groups: [web-443]", "target_groups: [web-443, web-80]")
		}, words: []string{"no server is registered in web-80"}},
		{id: checkInstance, make: func(s *scene) {
			s.elsewhere(func(*elbtest.Config) {})
			s.balancer.SetInstanceState(s.balancer.Truth().Groups["web-443"].Targets[1].ID, "stopped")
		}, words: []string{"web-02 its instance is stopped"}},
		{id: checkHealthy, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) { c.Groups[0].Matcher = "418" })
			s.settled("unhealthy")
		}, words: []string{"web-01, web-02 is unhealthy (Target.ResponseCodeMismatch: Health checks failed with these codes: [200]) in web-443"}},
		{id: checkNames, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) { c.Instances[0].Name, c.Instances[1].Name = "web", "web" })
		}, words: []string{"several servers are called web by servers.names: tag:Name"}},
		{id: checkOrder, make: func(s *scene) { s.edit("servers:\n", "servers:\n  order: [web-02, web-09]\n") },
			words: []string{"web-09 is in servers.order, and not in the target groups"}},
		{id: checkFloor, make: func(s *scene) { s.edit("min_healthy: 50%", "min_healthy: 2") },
			words: []string{"web-443 has 2 healthy targets; with one out 1 remain, and 2 must"}, remedy: "lower min_healthy"},
	}
}

// denied makes AWS refuse an action.
func denied(action string) func(*scene) {
	return func(s *scene) {
		s.fleet.Balancer.Deny(action)
		s.t.Cleanup(func() { s.fleet.Balancer.Deny() })
	}
}

// everyQuestionIsRefused demands a trouble for each call that the preflight makes. Who asks, AWS tells everybody.
func everyQuestionIsRefused(s *scene) {
	s.enter("doctor").must(s.t, 0)
	all := append(troubles(), halves()...)
	for call := range s.fleet.Balancer.Calls() {
		refused := slices.ContainsFunc(all, func(x trouble) bool { return x.id == checkPermissions && x.half == call })
		if !refused && call != "GetCallerIdentity" {
			s.t.Errorf("nobody refuses %s", call)
		}
	}
}
