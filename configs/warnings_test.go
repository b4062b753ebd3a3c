package configs

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// said is one line for each warning.
func said(warnings Warnings) string {
	var lines []string
	for _, w := range warnings {
		lines = append(lines, w.String())
	}
	return strings.Join(lines, "\n")
}

// TestEachWarningIsAlone changes one thing in a file that is right and expects exactly one warning, at the place of the change.
func TestEachWarningIsAlone(t *testing.T) {
	const map4 = "servers:\n  address: map\n  map: { i-0a: a, i-0b: b, i-0c: c, i-0d: d }\n"
	for _, c := range []struct{ name, old, new, path, want string }{
		{"an app like a slot", "app: app.domain.com", "app: app.domain.com-3457", "app", "slots will be called app.domain.com-3457-NUMBER"},
		{"a first wave of many", "warmup:", "rollout: { waves: [2, 100%] }\nwarmup:", "rollout.waves[0]", "the first wave is 2"},
		{"parallel that nothing uses", "warmup:", "rollout: { parallel: 2 }\nwarmup:", "rollout.parallel", "is not used"},
		{"a wave that adds nobody", "servers:\n", "rollout: { waves: [1, 25%, 100%] }\n" + map4, "rollout.waves[1]", "adds no server: of 4 servers 25% are as many as 1"},
		{"parallel that the floor forbids", "servers:\n", "rollout: { waves: [1, 100%], parallel: 3 }\n" + map4, "rollout.parallel", "of 4 servers 2 must serve, so at most 2"},
		{"a floor above what the order names", "servers:\n", "rollout: { min_healthy: 2 }\nservers:\n  order: [a, b]\n", "rollout.min_healthy", "more servers than the 2 of servers.order"},
		{"a settle time that nothing uses", "warmup:", "drain: { policy: full, settle: 5s }\nwarmup:", "drain.settle", "is not used"},
		{"no settle time", "warmup:", "drain: { settle: 0s }\nwarmup:", "drain.settle", "is 0s"},
		{"a binding that health checks do not find", "'*:443:'", "'*:443:app.domain.com'", "site.bindings", "health checks"},
		{"a bake too short for late logs", "warmup:", "bake: { at_most: 150s }\nwarmup:", "bake.at_most", "2m30s is less than"},
		{"a metric that the shortest watch skips", "warmup:", "bake: { for: 20s }\nwarmup:", "metrics[1].skip_first", "30s is longer than bake.for"},
		{"a limit without a margin", "bad: 'status >= 500'", "bad: 'status >= 500', limit: 2 x old", "metrics[0].limit", "no margin"},
		{"a limit below the old release", "bad: 'status >= 500'", "bad: 'status >= 500', limit: 0.5 x old", "metrics[0].limit", "better than the old one"},
		{"statuses that are no failures", "status >= 500", "status >= 302", "metrics[0].bad", "below 400"},
		{"a bucket of half seconds", "index: logs", "index: logs, bucket: 2500ms", "sources.elastic.bucket", "2.5s is no number of whole seconds"},
		{"credentials in the clear", "'http://127.0.0.1:9200']", "'http://es:9200'], api_key: env:SET", "sources.elastic.urls[0]", "plain HTTP"},
		{"a variable that is not set", "password: env:PW", "password: env:UNSET", "servers.winrm.password", "UNSET is not set"},
		{"a least TLS without TLS", "user: svc", "https: false, auth: ntlm, tls_min: '1.3', user: svc", "servers.winrm.tls_min", "is not used"},
		{"a realm in small letters", "user: svc", "auth: kerberos, kerberos: { realm: corp.org, spn: 'HTTP/{name}' }, user: svc", "servers.winrm.kerberos.realm", "CORP.ORG"},
		{"a keytab that is not there", "user: svc-deploy, password: env:PW", "auth: kerberos, kerberos: { keytab: gone.keytab, spn: 'HTTP/{name}' }, user: svc", "servers.winrm.kerberos.keytab", "gone.keytab"},
		{"a client certificate that is not there", "user: svc-deploy, password: env:PW", "auth: certificate, certificate: 'file:gone.pem', key: env:K", "servers.winrm.certificate", "gone.pem"},
		{"a secret's file that is not there", "password: env:PW", "password: 'file:gone'", "servers.winrm.password", "there is no file"},
		{"an authority's file that is not there", "password: env:PW", "password: env:PW, ca: gone.pem", "servers.winrm.ca", "gone.pem"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !strings.Contains(whole, c.old) {
				t.Fatalf("%q is not in the file", c.old)
			}
			file := filepath.Join(t.TempDir(), "c.yaml")
			if err := os.WriteFile(file, []byte(strings.Replace(whole, c.old, c.new, 1)), 0o600); err != nil {
				t.Fatal(err)
			}
			_, warnings, err := Load(file, func(name string) (string, bool) { return "x", name != "UNSET" })
			if err != nil || len(warnings) != 1 {
				t.Fatalf("error %v, warnings:\n%s", err, said(warnings))
			}
			if w := warnings[0]; w.Path != c.path || !strings.Contains(w.Text, c.want) {
				t.Errorf("got %s", w)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	text := whole + "rollout: { waves: [2, 100%] }\ndrain: { policy: full, settle: 5s }\n"
	text = strings.Replace(text, "app: app.domain.com", "app: app.domain.com-3457", 1)
	text = strings.Replace(text, "http://127.0.0.1:9200'], ", "http://es:9200'], api_key: env:KEY, bucket: 2500ms, ", 1)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	_, warnings, err := Load(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	all := strings.ReplaceAll(said(warnings), file, "c.yaml")
	for _, want := range []string{
		"c.yaml:1:6: app: ends like a slot", "c.yaml:15:20: rollout.waves[0]: the first wave is 2", "c.yaml:16:32: drain.settle: is not used",
		"servers.winrm.password: the environment variable PW is not set", "sources.elastic.urls[0]: sends credentials over plain HTTP",
		"sources.elastic.api_key: the environment variable KEY is not set", "sources.elastic.bucket: 2.5s is no number of whole seconds",
	} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning %q in\n%s", want, all)
		}
	}
	if len(warnings) != 7 {
		t.Errorf("%d warnings:\n%s", len(warnings), all)
	}
}
