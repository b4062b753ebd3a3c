package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func sensible() Starter {
	return Starter{App: "app.domain.com", Region: "eu-west-1", TargetGroups: []string{"web-443"}, Root: `D:\sites`,
		ESURL: "https://es.domain.com:9200", Index: "logs-iis.access-*"}
}

// answers are random, and such as people give.
func answers(t *rapid.T) Starter {
	env := rapid.StringMatching(`[A-Z_][A-Z0-9_]{0,20}`)
	return Starter{
		App:          rapid.StringMatching(`[A-Za-z0-9]([a-z0-9._-]{0,40}[a-z0-9])?`).Draw(t, "app"),
		Region:       rapid.SampledFrom([]string{"eu-west-1", "us-gov-east-1", "ap-southeast-2"}).Draw(t, "region"),
		TargetGroups: rapid.SliceOfNDistinct(rapid.StringMatching(`[A-Za-z0-9]([A-Za-z0-9-]{0,30}[A-Za-z0-9])?`), 1, 4, rapid.ID).Draw(t, "groups"),
		Root:         rapid.StringMatching(`[C-F]:\\[A-Za-z0-9 _.'#&%{},-]{0,20}`).Draw(t, "root"),
		WarmupPath:   rapid.StringMatching(`(/[a-z0-9?=&%:,{}'*!@.-]{0,20})?`).Draw(t, "path"),
		Address:      rapid.SampledFrom([]string{"", "private_ip", "private_dns", "tag:Name", "tag:Deploy Address", "tag:it's: #1"}).Draw(t, "address"),
		ESURL:        rapid.StringMatching(`https://[a-z0-9-]{1,10}\.domain\.com(:9200)?(/es)?`).Draw(t, "url"),
		Index:        rapid.StringMatching(`[a-z0-9*][a-z0-9.*,@:-]{0,20}`).Draw(t, "index"),
		ReleaseField: rapid.StringMatching(`([a-z@][a-z0-9_.@-]{0,20})?`).Draw(t, "field"),
		WinRMUserEnv: env.Draw(t, "user"), WinRMPasswordEnv: env.Draw(t, "password"), ESKeyEnv: env.Draw(t, "key"),
	}
}

func TestWhatSensibleAnswersBecomeLoads(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		s := answers(t)
		text, err := s.Text()
		if err != nil {
			t.Fatalf("%+v: %v", s, err)
		}
		file := filepath.Join(dir, "canary.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		spec, warnings, err := Load(file, func(string) (string, bool) { return "set", true })
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		warnings = withoutSlotName(warnings)
		if len(warnings) > 0 {
			t.Fatalf("warnings %s in\n%s", said(warnings), text)
		}
		s = s.Complete()
		got := Starter{App: spec.App, Region: spec.AWS.Region, TargetGroups: spec.TargetGroups, Root: spec.Site.Root, WarmupPath: spec.Warmup.Path,
			Address: spec.Servers.Address, ESURL: spec.Sources.Elastic.URLs[0], Index: spec.Sources.Elastic.Index,
			ReleaseField: spec.Sources.Elastic.Release.Field, WinRMUserEnv: s.WinRMUserEnv, WinRMPasswordEnv: s.WinRMPasswordEnv, ESKeyEnv: s.ESKeyEnv}
		if diff := cmp.Diff(s, got); diff != "" {
			t.Fatalf("answers (-given +read):\n%s", diff)
		}
		if got := spec.Servers.WinRM.Password.ref; got != "env:"+s.WinRMPasswordEnv {
			t.Fatalf("the password comes from %s", got)
		}
	})
}

// withoutSlotName leaves out the one warning that an answer may earn: an app that is called like a slot.
func withoutSlotName(warnings Warnings) Warnings {
	if len(warnings) == 1 && warnings[0].Path == "app" {
		return nil
	}
	return warnings
}

func TestNoAnswerIsMoreThanOneValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := sensible()
		evil := rapid.String().Draw(t, "answer") + rapid.SampledFrom([]string{"", "\nstate: /tmp", "' }\nkeep: 0", "\u2028state: x", ", region: b }", " # x"}).Draw(t, "more")
		field := rapid.SampledFrom([]*string{&s.App, &s.Region, &s.TargetGroups[0], &s.Root, &s.WarmupPath, &s.Address, &s.ESURL, &s.Index, &s.ReleaseField, &s.WinRMUserEnv}).Draw(t, "field")
		*field = evil
		text, err := s.Text()
		if _, is := errors.AsType[Problems](err); err != nil && !is {
			t.Fatalf("%T: %v", err, err)
		}
		if err != nil {
			return
		}
		spec, _, err := Parse("canary.yaml", []byte(text))
		if err != nil || strings.HasPrefix(spec.State, "/tmp") || spec.Site.Keep != 2 {
			t.Fatalf("%q became\n%s", evil, text)
		}
	})
}

func TestEveryWrongAnswerIsNamedByItsPath(t *testing.T) {
	_, err := Starter{Region: "eu west", TargetGroups: []string{"a b"}, Root: "/srv", ESURL: "es", Index: "a b", Address: "dns", WarmupPath: "x"}.Text()
	ps, is := errors.AsType[Problems](err)
	if !is {
		t.Fatalf("got %v", err)
	}
	var got []string
	for _, p := range ps {
		got = append(got, p.Path)
	}
	want := []string{PathApp, PathRegion, PathTargetGroups + "[0]", PathAddress, PathRoot, PathWarmup, PathESURL + "[0]", PathIndex}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
}

func TestAStarterMatchesTheSchema(t *testing.T) {
	text, err := sensible().Text()
	if err != nil {
		t.Fatal(err)
	}
	if mistakes := judgeOf(t)([]byte(text)); len(mistakes) > 0 {
		t.Error(mistakes)
	}
}

func TestASecretThatIsTypedForItsVariableIsNotShown(t *testing.T) {
	s := sensible()
	s.WinRMPasswordEnv, s.Region = "hunter2!X", "eu west"
	_, err := s.Text()
	ps, is := errors.AsType[Problems](err)
	if !is || len(ps) != 2 || ps[0].Path != PathWinRMSecret || strings.Contains(ps.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}
