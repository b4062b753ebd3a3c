package configs

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRefused changes one thing in a file that is right and expects exactly one mistake, at the place of the change.
func TestRefused(t *testing.T) {
	for _, c := range []struct {
		name, old, new, path, found, allowed string
	}{
		{"an unknown key", "warmup: { path", "warmup: { paht: /x, path", "warmup.paht", "unknown key", "path, host, first"},
		{"a key twice", "name: errors,", "name: errors, name: b,", "metrics[0].name", "a second time", "line 11"},
		{"a time without a unit", "path: /warm", "path: /warm, first: 90", "warmup.first", `"90"`, "with its unit"},
		{"a bare zero as a time", "path: /warm", "path: /warm, under: 0", "warmup.under", `"0"`, "with its unit"},
		{"a negative time", "path: /warm", "path: /warm, under: -1s", "warmup.under", `"-1s"`, "with its unit"},
		{"a number in quotes", "path: /warm", "path: /warm, status: '200'", "warmup.status", "in quotes", "whole number"},
		{"yes for true", "user: svc", "https: yes, user: svc", "servers.winrm.https", `"yes"`, "true or false"},
		{"plain http", "user: svc", "https: false, user: svc", "servers.winrm.https", "false", "password to the network"},
		{"kerberos", "user: svc", "auth: kerberos, user: svc", "servers.winrm.auth", "comes later", "basic"},
		{"a key without value", "region: eu-west-1", "region:", "aws.region", "nothing", "a text"},
		{"a list for a text", "region: eu-west-1", "region: [a]", "aws.region", "a list", "a text"},
		{"a text for a list", "[web-443]", "web-443", "target_groups", `"web-443"`, "a list"},
		{"an empty list", "[web-443]", "[]", "target_groups", "an empty list", "at least one"},
		{"a text for a section", "{ region: eu-west-1 }", "eu-west-1", "aws", `"eu-west-1"`, "region, endpoint"},
		{"an anchor", "region: eu-west-1", "region: &r eu-west-1", "aws.region", "anchor", "written out"},
		{"an endpoint elsewhere", "region: eu-west-1", "region: eu-west-1, endpoint: 'http://10.1.1.1'", "aws.endpoint", "10.1.1.1", "allow_endpoint"},
		{"half a key pair", "region: eu-west-1", "region: eu-west-1, access_key: env:A", "aws", "only one", "both"},
		{"a map that is not used", "servers:\n", "servers:\n  map: {i-0a: h}\n", "servers.map", "does not use", "address: map"},
		{"address map without a map", "servers:\n", "servers:\n  address: map\n", "servers.address", "without entries", "servers.map"},
		{"a tag without a name", "servers:\n", "servers:\n  names: 'tag:'\n", "servers.names", `"tag:"`, "tag:NAME"},
		{"a folder of another system", `'D:\sites'`, "/srv", "site.root", `"/srv"`, "Windows folder"},
		{"a binding without parts", "'*:443:'", "'443'", "site.bindings[0]", `"443"`, "ADDRESS:PORT:HOST"},
		{"a port that is none", "'*:443:'", "'*:99999:'", "site.bindings[0]", "99999", "ADDRESS:PORT:HOST"},
		{"keep below nothing", "  root:", "  keep: -1\n  root:", "site.keep", `"-1"`, "from 0"},
		{"two certificates", "  root:", "  certificate: {}\n  root:", "site.certificate", "not exactly one", "one of the two"},
		{"a path without its slash", "/warm", "warm", "warmup.path", `"warm"`, "slash"},
		{"a warm limit above the first budget", "path: /warm", "path: /warm, first: 1s, under: 2s", "warmup.under", "2s", "at most warmup.first"},
		{"a settle time past any delay", "warmup:", "drain: { settle: 2h }\nwarmup:", "drain.settle", `"2h"`, "at most 1h"},
		{"a floor that no fleet meets", "warmup:", "rollout: { min_healthy: 100% }\nwarmup:", "rollout.min_healthy", "100%", "no fleet"},
		{"waves that end early", "warmup:", "rollout: { waves: [1, 50%] }\nwarmup:", "rollout.waves[1]", "as the last wave", "100%"},
		{"waves that shrink", "warmup:", "rollout: { waves: [1, 50%, 25%, 100%] }\nwarmup:", "rollout.waves[2]", `"25%" after "50%"`, "larger"},
		{"waves of a word", "warmup:", "rollout: { waves: all }\nwarmup:", "rollout.waves", `"all"`, "each"},
		{"a share above all", "warmup:", "rollout: { min_healthy: 120% }\nwarmup:", "rollout.min_healthy", "120%", "at most 100%"},
		{"a bake past its cap", "warmup:", "bake: { for: 20m }\nwarmup:", "bake.for", "20m", "which is 10m"},
		{"a bake without a look", "warmup:", "bake: { for: 2s }\nwarmup:", "bake.poll", "5s", "one look"},
		{"a metric without a source", "name: errors, source: elastic,", "name: errors,", "metrics[0].source", "nothing", "required"},
		{"a metric with an unknown source", "name: errors, source: elastic,", "name: errors, source: elastick,", "metrics[0].source", "elastick", "elastic"},
		{"a metric that counts nothing", ", bad: 'status >= 500'", "", "metrics[0]", "not exactly one", "bad"},
		{"a comparison that is not done", "status >= 500", "status < 500", "metrics[0].bad", "status < 500", "status >="},
		{"a limit below the quantile itself", "slower_than: old p95", "slower_than: old p95, limit: 5%", "metrics[1].limit", "5%", "more than 5%"},
		{"a false alarm that is one", "slower_than: old p95", "slower_than: old p95, false_alarm: 1", "metrics[1].false_alarm", `"1"`, "to 0.1"},
		{"both ways to sign in", "index: logs", "index: logs, api_key: env:A, user: b, password: env:C", "sources.elastic", "beside", "api_key, or"},
		{"a lag below the bucket", "index: logs", "index: logs, max_lag: 1s", "sources.elastic.max_lag", "1s", "bucket"},
		{"a bucket finer than the log", "index: logs", "index: logs, bucket: 500ms", "sources.elastic.bucket", `"500ms"`, "from 1s"},
		{"a notice to nobody", "warmup:", "notify: [{ on: [failed] }]\nwarmup:", "notify[0]", "not exactly one", "one of the two"},
		{"an app that no pool can be called", "app: app.domain.com", "app: " + strings.Repeat("a", 60), "app", "aaaa", "at most 56"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(whole, c.old) {
				t.Fatalf("%q is not in the file", c.old)
			}
			ps := problems(t, "canary.yaml", []byte(strings.Replace(whole, c.old, c.new, 1)))
			if len(ps) != 1 {
				t.Fatalf("%d mistakes:\n%s", len(ps), ps)
			}
			p := ps[0]
			if p.Path != c.path || !strings.Contains(p.Found, c.found) || !strings.Contains(p.Allowed, c.allowed) {
				t.Errorf("got %s", p)
			}
		})
	}
}

func TestNearestMatch(t *testing.T) {
	for word, want := range map[string]string{"at_mots": "at_most", "AtMost": "at_most", "at-most": "at_most", "pol": "poll", "zebra": "", "fro": "for"} {
		if got := Nearest(word, []string{"for", "at_most", "poll"}); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}

func TestWhatIsNoYAML(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		found      string
	}{
		{"nothing", " \n\n", 1, "an empty file"},
		{"a list", "- a\n", 1, "no keys"},
		{"a word", "hello\n", 1, "no keys"},
		{"a list that is not closed", "app: [a\naws: b\n", 2, "not YAML"},
		{"a tab", "app: a\n\taws: b\n", 2, "not YAML"},
		{"two documents", "app: a\n---\napp: b\n", 1, "more than one"},
		{"an unknown alias", "app: *a\n", 1, "not YAML"},
		{"bytes", "app: \xff\n", 1, "not YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps := problems(t, "c.yaml", []byte(c.text))
			if len(ps) != 1 || ps[0].Line != c.line || !strings.Contains(ps[0].Found, c.found) {
				t.Errorf("got %s", ps)
			}
		})
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	_, _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}
