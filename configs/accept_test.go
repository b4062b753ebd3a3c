package configs

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const whole = `app: app.domain.com
aws: { region: eu-west-1 }
target_groups: [web-443]
servers:
  winrm: { user: svc-deploy, password: env:PW }
site:
  root: 'D:\sites'
  bindings: ['*:443:']
warmup: { path: /warm }
metrics:
  - { name: errors, source: elastic, bad: 'status >= 500' }
  - { name: slow, source: elastic, slower_than: old p95 }
sources:
  elastic: { urls: ['http://127.0.0.1:9200'], index: logs, release: { field: app } }
`

func parsed(t *testing.T, text string) *Spec {
	t.Helper()
	spec, _, err := Parse("canary.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

func TestThePortFollowsFromTLS(t *testing.T) {
	for change, want := range map[string]int{"auth: ntlm": 5986, "auth: ntlm, https: false": 5985, "auth: ntlm, https: false, port: 8085": 8085} {
		spec := parsed(t, strings.Replace(whole, "user: svc-deploy", change+", user: svc-deploy", 1))
		if got := spec.Servers.WinRM; got.Port != want || got.Auth != "ntlm" {
			t.Errorf("%s: port %d, auth %s", change, got.Port, got.Auth)
		}
	}
}

func TestDefaultsAreInPlace(t *testing.T) {
	spec := parsed(t, whole)
	for _, c := range []struct {
		name      string
		got, want any
	}{
		{"names", spec.Servers.Names, "tag:Name"},
		{"address", spec.Servers.Address, "private_ip"},
		{"port", spec.Servers.WinRM.Port, 5986},
		{"https", spec.Servers.WinRM.HTTPS, true},
		{"runtime", spec.Site.Runtime, "v4.0"},
		{"keep", spec.Site.Keep, 2},
		{"host of the site", spec.Site.Host, "app.domain.com"},
		{"host of the warm-up", spec.Warmup.Host, "app.domain.com"},
		{"first", spec.Warmup.First, 3 * time.Minute},
		{"under", spec.Warmup.Under, 100 * time.Millisecond},
		{"settle", spec.Drain.Settle, 20 * time.Second},
		{"grace", spec.Admit.Grace, 30 * time.Second},
		{"waves", spec.Rollout.Waves == nil, true},
		{"parallel", spec.Rollout.Parallel, 1},
		{"floor", spec.Rollout.MinHealthy, Size{Percent: 50}},
		{"bake", spec.Bake, Bake{For: 2 * time.Minute, AtMost: 10 * time.Minute, Poll: 5 * time.Second}},
		{"limit of errors", spec.Metrics[0].Limit, Limit{Text: "1.5 x old + 0.1%", Rho: 1.5, Delta: 0.001}},
		{"limit of times", spec.Metrics[1].Limit, Limit{Text: "1.2 x old + 1%", Rho: 1.2, Delta: 0.01}},
		{"skip of errors", spec.Metrics[0].SkipFirst, time.Duration(0)},
		{"skip of times", spec.Metrics[1].SkipFirst, 30 * time.Second},
		{"false alarm", spec.Metrics[0].FalseAlarm, 1e-4},
		{"unit", spec.Sources.Elastic.Fields.DurationUnit, "ns"},
		{"bucket", spec.Sources.Elastic.Bucket, 5 * time.Second},
		{"on failure", spec.OnFailure, "revert"},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// every visits all fields that a file may hold.
func every(t reflect.Type, path string, visit func(reflect.StructField, string)) {
	for _, f := range reflect.VisibleFields(t) {
		key := f.Tag.Get("yaml")
		if key == "" || key == "-" {
			continue
		}
		visit(f, join(path, key))
		inner := f.Type
		for inner.Kind() == reflect.Pointer || inner.Kind() == reflect.Slice {
			inner = inner.Elem()
		}
		if inner.Kind() == reflect.Struct && inner.PkgPath() == t.PkgPath() && !isScalar(reflect.New(inner).Elem()) {
			every(inner, join(path, key), visit)
		}
	}
}

func TestEveryDefaultInATagIsAllowed(t *testing.T) {
	presets := 0
	every(reflect.TypeFor[Spec](), "", func(f reflect.StructField, path string) {
		r := rulesOf(f)
		if r.preset == "" {
			return
		}
		presets++
		v := reflect.New(f.Type).Elem()
		if w, is := v.Addr().Interface().(*Waves); is {
			if r.preset != "each" || *w != nil {
				t.Errorf("%s: default %q", path, r.preset)
			}
			return
		}
		if s, is := v.Addr().Interface().(scalar); is {
			if err := s.parse(r.preset); err != nil {
				t.Errorf("%s: default %q: %v", path, r.preset, err)
			}
			return
		}
		if !(&decoder{forms: map[string]*regexp.Regexp{}}).set(r.preset, v, r) {
			t.Errorf("%s: default %q is not allowed", path, r.preset)
		}
	})
	if presets < 30 {
		t.Errorf("only %d defaults looked at", presets)
	}
	for _, text := range []string{errorLimit, slowLimit} {
		if err := new(Limit).parse(text); err != nil {
			t.Errorf("default limit %q: %v", text, err)
		}
	}
}

func TestTheCompleteExampleHasEveryKey(t *testing.T) {
	spec, _, err := Load("examples/complete.yaml", func(string) (string, bool) { return "x", true })
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("examples/complete.yaml")
	if err != nil {
		t.Fatal(err)
	}
	alternatives := map[string]bool{"aws.endpoint": true, "package.signature.pem": true, "site.certificate.thumbprint": true, "sources.elastic.user": true, "sources.elastic.password": true}
	every(reflect.TypeFor[Spec](), "", func(f reflect.StructField, path string) {
		if alternatives[path] {
			return
		}
		key := f.Tag.Get("yaml")
		if !strings.Contains(string(text), key+":") {
			t.Errorf("%s is missing", path)
		}
	})
	if got := spec.Rollout.Waves; !cmp.Equal(got, Waves{{Count: 1}, {Percent: 25}, {Percent: 100}}) {
		t.Errorf("waves are %v", got)
	}
}

// missingFiles is what examples name besides themselves: a user has them, the repository does not.
func missingFiles() []string {
	return []string{"winrm-password", "ca.pem", "es-ca.pem", "winrm-ca.pem", "packages-ca.pem"}
}

func TestEveryExampleLoadsWithoutAWarning(t *testing.T) {
	for name, text := range examples(t) {
		if first, _, _ := strings.Cut(string(text), "\n"); first != "# yaml-language-server: $schema=../schema.json" {
			t.Errorf("%s begins with %q: an editor would not find its schema", name, first)
		}
		dir := t.TempDir()
		for _, file := range missingFiles() {
			if err := os.WriteFile(filepath.Join(dir, file), []byte("x"), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, filepath.Base(name))
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, warnings, err := Load(path, func(string) (string, bool) { return "x", true }); err != nil || len(warnings) > 0 {
			t.Errorf("%s: error %v, warnings %s", name, err, said(warnings))
		}
	}
}

func TestAValueKnowsItsPlace(t *testing.T) {
	spec := parsed(t, whole)
	for path, want := range map[string]Pos{
		"site.root":         {"canary.yaml", 7, 9},
		"metrics[1].source": {"canary.yaml", 12, 27},
		"site.keep":         {"canary.yaml", 7, 3}, // not given: its section
		"bake.for":          {"canary.yaml", 1, 1}, // the section is not given either
		"metrics[1].limit":  {"canary.yaml", 12, 5},
	} {
		if got := spec.Pos(path); got != want {
			t.Errorf("%s stands at %s, want %s", path, got, want)
		}
	}
	p := spec.Problem("site.root", "a folder that is not there", "a folder of the server")
	if p.Line != 7 || !strings.Contains(p.Text, `D:\sites`) {
		t.Errorf("problem is %+v", p)
	}
}

func TestPathsStartAtTheFile(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "c.yaml")
	text := strings.Replace(whole, "password: env:PW", "password: 'file:pw', ca: ca.pem", 1) + "state: journals\n"
	for name, content := range map[string]string{"c.yaml": text, "pw": "hunter2\r\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	spec, _, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := spec.State; got != filepath.Join(dir, "journals") {
		t.Errorf("state is %s", got)
	}
	if got := spec.Servers.WinRM.CA; got != filepath.Join(dir, "ca.pem") {
		t.Errorf("ca is %s", got)
	}
	if got, err := spec.Servers.WinRM.Password.Resolve(); got != "hunter2" || err != nil {
		t.Errorf("password resolves to %q, %v", got, err)
	}
}

func TestShapesOfLimits(t *testing.T) {
	for text, want := range map[string]Limit{
		"1.5 x old + 0.1%": {Rho: 1.5, Delta: 0.001}, "2x old": {Rho: 2}, "old + 1%": {Rho: 1, Delta: 0.01}, "5%": {Delta: 0.05},
	} {
		want.Text = text
		var got Limit
		if err := got.parse(text); err != nil || !cmp.Equal(got, want) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "old +", "x old", "-1 x old", "0 x old", "1.5 x old + 0.1", "NaN x old", "1e999 x old", "0%", "101%", "1.5 old", "1 x old - 1%", "5", "0x2 x old", "1.5 x old + ", "1e1%"} {
		if err := new(Limit).parse(text); err == nil {
			t.Errorf("%q is a limit", text)
		}
	}
}

func TestShapesOfSlowness(t *testing.T) {
	for text, want := range map[string]Slower{
		"old p95": {Quantile: 0.95}, "old p99.9": {Quantile: 0.999}, "800ms": {Fixed: 800 * time.Millisecond},
	} {
		var got Slower
		if err := got.parse(text); err != nil || fmt.Sprintf("%.6f %s", got.Quantile, got.Fixed) != fmt.Sprintf("%.6f %s", want.Quantile, want.Fixed) {
			t.Errorf("%q is %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "p95", "old p5", "old p100", "800", "0ms", "-1s"} {
		if err := new(Slower).parse(text); err == nil {
			t.Errorf("%q says what slow is", text)
		}
	}
}
