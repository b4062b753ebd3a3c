package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/configs"
)

// atTerminal runs the program with a person who types these lines.
func atTerminal(typed string, args ...string) (code int, out, talk string) {
	var stdout, stderr bytes.Buffer
	code = run(append([]string{"iis-canary"}, args...), streams{
		in: strings.NewReader(typed), out: &stdout, err: &stderr, inTTY: true, errTTY: true,
		width: func() int { return 80 }, getenv: func(string) string { return "" },
	})
	return code, stdout.String(), stderr.String()
}

func TestInitAsksUntilEachAnswerIsAllowed(t *testing.T) {
	file := filepath.Join(t.TempDir(), "canary.yaml")
	typed := []string{
		"", "app domain", "app.domain.com", // the first two are not allowed
		"eu west", "eu-west-1",
		"web-443, web_8443", "web-443, web-8443",
		"/srv", `D:\sites`,
		"es:9200", "https://es.domain.com:9200",
		"logs-iis.access-*",
		"", "/health/warm", "dns", "private_dns", "", "", "ELASTIC_KEY",
	}
	code, out, talk := atTerminal(strings.Join(typed, "\n")+"\n", "init", "--out", file)
	if code != 0 {
		t.Fatalf("exit %d\n%s%s", code, out, talk)
	}
	if got := strings.Count(talk, "  found "); got != 7 {
		t.Errorf("%d answers were refused, want 7:\n%s", got, talk)
	}
	spec, warnings, err := configs.Load(file, func(string) (string, bool) { return "set", true })
	if err != nil || len(warnings) > 0 {
		t.Fatalf("%v %v", err, warnings)
	}
	got := []string{spec.App, spec.AWS.Region, strings.Join(spec.TargetGroups, " "), spec.Site.Root, spec.Sources.Elastic.URLs[0],
		spec.Sources.Elastic.Release.Field, spec.Warmup.Path, spec.Servers.Address}
	want := []string{"app.domain.com", "eu-west-1", "web-443 web-8443", `D:\sites`, "https://es.domain.com:9200", "iis.access.site_name", "/health/warm", "private_dns"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if !strings.Contains(out, "WINRM_USER\n  WINRM_PASSWORD\n  ELASTIC_KEY\n") {
		t.Errorf("it does not say which variables to set:\n%s", out)
	}
}

func TestInitAsksOnlyWhatNoFlagSays(t *testing.T) {
	file := filepath.Join(t.TempDir(), "canary.yaml")
	code, _, talk := atTerminal("logs\n\n\n\n\n\n\n", "init", "--out", file, "--app", "a.b", "--region", "eu-west-1", "--target-group", "web", "--root", `D:\s`, "--es-url", "http://es:9200")
	if code != 0 || strings.Contains(talk, "region") || !strings.Contains(talk, "Index or pattern") {
		t.Errorf("exit %d\n%s", code, talk)
	}
	code, _, talk = atTerminal("", "init", "--force", "--out", file, "--app", "a.b", "--region", "eu-west-1", "--target-group", "web", "--root", `D:\s`,
		"--es-url", "http://es:9200", "--index", "logs")
	if code != 0 || talk != "" {
		t.Errorf("with every answer in flags: exit %d\n%s", code, talk)
	}
}

func TestInitWithoutAllAnswersWritesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "canary.yaml")
	code, out, talk := atTerminal("app.domain.com\neu-west-1\n", "init", "--out", file)
	if code != int(exitUsage) || out != "" || !strings.Contains(talk, "the answers ended before target-group") {
		t.Errorf("exit %d\n%s%s", code, out, talk)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("there is a file: %v", err)
	}
}

func TestWordsAreWrappedWithoutLosingAny(t *testing.T) {
	text := "a server leaves the target groups, then 20s pass " + strings.Repeat("x", 50)
	lines := wrapped(text, 20)
	if got := strings.Join(lines, " "); got != text {
		t.Errorf("got %q", got)
	}
	for _, line := range lines {
		if len(line) > 20 && strings.Contains(line, " ") {
			t.Errorf("%q is longer than 20", line)
		}
	}
}
