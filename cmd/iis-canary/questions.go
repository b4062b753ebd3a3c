package main

import (
	"slices"
	"strings"

	"iiscanary/configs"
)

// question is one thing that init must know: a flag, and what is asked where it is not given.
type question struct {
	flag, usage string
	ask         string
	preset      string // empty: it must be answered
	path        string // of the value in the file
	many        bool
	set         func(*configs.Starter, []string)
}

// questions is all of them, in the order in which they are asked.
func questions() []question {
	preset := configs.Starter{}.Complete()
	return slices.Concat(questionsOnPlaces(), questionsOnHabits(preset), questionsOnAccounts(preset))
}

// questionsOnPlaces have no answer that is usual.
func questionsOnPlaces() []question {
	return []question{
		{flag: "app", path: configs.PathApp,
			usage: "base `NAME` of the application, such as app.domain.com",
			ask:   "The application's base name (app.domain.com)",
			set:   field(func(s *configs.Starter) *string { return &s.App })},
		{flag: "region", path: configs.PathRegion,
			usage: "AWS `REGION` of the load balancer, such as eu-west-1",
			ask:   "AWS region of the load balancer (eu-west-1)",
			set:   field(func(s *configs.Starter) *string { return &s.Region })},
		{flag: "target-group", path: configs.PathTargetGroups, many: true,
			usage: "`NAME` or ARN of a target group",
			ask:   "Target groups, names or ARNs, with commas between",
			set:   func(s *configs.Starter, answer []string) { s.TargetGroups = answer }},
		{flag: "root", path: configs.PathRoot,
			usage: "`FOLDER` on the servers for the releases, such as D:\\sites",
			ask:   "Folder on the servers for the releases (D:\\sites)",
			set:   field(func(s *configs.Starter) *string { return &s.Root })},
		{flag: "es-url", path: configs.PathESURL,
			usage: "`URL` of Elasticsearch, such as https://es:9200",
			ask:   "URL of Elasticsearch (https://es:9200)",
			set:   field(func(s *configs.Starter) *string { return &s.ESURL })},
		{flag: "index", path: configs.PathIndex,
			usage: "`INDEX` or pattern of the access log, such as logs-iis.access-*",
			ask:   "Index or pattern of the access log (logs-iis.access-*)",
			set:   field(func(s *configs.Starter) *string { return &s.Index })},
	}
}

// questionsOnHabits are about what most fleets have in common.
func questionsOnHabits(d configs.Starter) []question {
	return []question{
		{flag: "release-field", path: configs.PathReleaseField, preset: d.ReleaseField,
			usage: "`FIELD` that holds the name of the site that answered",
			ask:   "Field that holds the name of the site that answered",
			set:   field(func(s *configs.Starter) *string { return &s.ReleaseField })},
		{flag: "warmup-path", path: configs.PathWarmup, preset: d.WarmupPath,
			usage: "`PATH` that is asked for before customers come",
			ask:   "Path that warms the application up",
			set:   field(func(s *configs.Starter) *string { return &s.WarmupPath })},
		{flag: "address", path: configs.PathAddress, preset: d.Address,
			usage: "`WHERE` a server is reached: private_ip, private_dns or tag:NAME",
			ask:   "Where servers are reached: private_ip, private_dns or tag:NAME",
			set:   field(func(s *configs.Starter) *string { return &s.Address })},
	}
}

// questionsOnAccounts are about where secrets come from.
func questionsOnAccounts(d configs.Starter) []question {
	return []question{
		{flag: "winrm-user-env", path: configs.PathWinRMUser, preset: d.WinRMUserEnv,
			usage: "environment `VARIABLE` with the account's name",
			ask:   "Environment variable with the account's name",
			set:   field(func(s *configs.Starter) *string { return &s.WinRMUserEnv })},
		{flag: "winrm-password-env", path: configs.PathWinRMSecret, preset: d.WinRMPasswordEnv,
			usage: "environment `VARIABLE` with the account's password",
			ask:   "Environment variable with its password",
			set:   field(func(s *configs.Starter) *string { return &s.WinRMPasswordEnv })},
		{flag: "es-api-key-env", path: configs.PathESKey, preset: d.ESKeyEnv,
			usage: "environment `VARIABLE` with the API key of Elasticsearch",
			ask:   "Environment variable with the API key of Elasticsearch",
			set:   field(func(s *configs.Starter) *string { return &s.ESKeyEnv })},
	}
}

// field puts an answer into one field.
func field(of func(*configs.Starter) *string) func(*configs.Starter, []string) {
	return func(s *configs.Starter, answer []string) { *of(s) = strings.Join(answer, "") }
}
