package configs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestASecretNeverPrints(t *testing.T) {
	s := Secret{ref: "hunter2", dir: "hunter2"}
	wrapped := struct{ S, T any }{s, &s}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "s", s, "w", wrapped)
	asJSON, err := json.Marshal(wrapped)
	if err != nil {
		t.Fatal(err)
	}
	asYAML, err := yaml.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	printed := []string{s.String(), s.GoString(), log.String(), string(asJSON), string(asYAML)}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%T"} {
		printed = append(printed, fmt.Sprintf(verb, s), fmt.Sprintf(verb, wrapped))
	}
	for _, p := range printed {
		if strings.Contains(p, "hunter2") || strings.Contains(p, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("the secret is shown: %s", p)
		}
	}
}

func TestASecretResolvesWhenAsked(t *testing.T) {
	value := "first"
	s := Secret{ref: "env:PW", lookup: func(name string) (string, bool) { return value, name == "PW" && value != "" }}
	for _, want := range []string{"first", "second"} {
		value = want
		if got, err := s.Resolve(); got != want || err != nil {
			t.Errorf("resolves to %q, %v; want %q", got, err, want)
		}
	}
	value = ""
	if _, err := s.Resolve(); err == nil || !strings.Contains(err.Error(), "PW is not set") {
		t.Errorf("an empty variable gives %v", err)
	}
}

func TestASecretFileThatCannotBe(t *testing.T) {
	dir := t.TempDir()
	for name, content := range map[string]string{"empty": "\n", "big": strings.Repeat("hunter2", maxSecret)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{"empty": "it is empty", "big": "larger than", "none": "file:none"} {
		_, err := Secret{ref: "file:" + name, dir: dir}.Resolve()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %.200v", name, err)
		}
	}
	if _, err := (Secret{ref: "file:none", dir: dir}).Resolve(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file gives %v", err)
	}
}

// TestNoMessageShowsASecret writes one secret in every way that people write one, right YAML or not.
func TestNoMessageShowsASecret(t *testing.T) {
	for _, text := range []string{
		"servers: { winrm: { password: hunter2, prot: 1 } }",
		"servers: { winrm: { prot: 1, 'password': 'hunter2' } }",
		"servers: { winrm: { password: env:X, password: hunter2 } }",
		"servers:\n  winrm:\n    password: |\n      hunter2\n    prot: 1",
		"servers:\n  winrm:\n    password: \"x\n      hunter2\"\n    prot: 1",
		"servers:\n  winrm:\n    password: hunter2: x\n",
		"servers:\n  winrm:\n    password: *hunter2\n",
		"servers:\n  winrm:\n    password: &hunter2 x\n",
		"servers:\n  winrm:\n    password: [hunter2]\n",
		"servers:\n  winrm:\n    password: {hunter2: hunter2}\n",
		"servers:\n  winrm:\n    pasword: hunter2\n",
		"servers:\n  winrm:\n    pwrd: hunter2\n",
		"servers:\n  winrm:\n    password: 'hunter2\n",
		"servers:\n  winrm:\n    password:\n      hunter2: {\n",
		"sources: { elastic: { urls: ['http://u:hunter2@h', 'x'], bucket: 5 } }",
		"aws: { endpoint: 'http://u:hunter2@h' }",
		"notify: [{ on: [x], webhook: 'https://h/hunter2' }]",
		"notify:\n  - on: [x]\n    webhook: https://h/hunter2\n",
		"winrm: { user: x, pwrd: hunter2 }",
		"winrm:\n  user: x\n  psword: hunter2\n",
		"aws: { key: hunter2 }",
		"aws: { keys: { access: hunter2 } }",
		"aws: { keys: [hunter2] }",
		"servers: { winrm: { kennwort: hunter2 } }",
		"servers: { winrm: { kennwort: |\n hunter2\n } }",
		"servers: { winrm: { 'password ': hunter2 } }",
		"servers: { winrm: { password: x,hunter2, prot: 1 } }",
		"servers: { winrm: { password: x, hunter2: , prot: 1 } }",
		"servers:\n  winrm:\n    pwrd:\n      a: hunter2\n    prot: 1\n",
		"servers:\n  winrm:\n    pwrd: >\n      hunter2\n    prot: 1\n",
		"servers:\n  winrm:\n    password: !!str hunter2\n",
		"servers:\n  winrm:\n    <<: { password: hunter2 }\n",
		"sources: { elastic: { urls: [\"http://u:hunter2@h\"], prot: 5 } }",
		"sources: { elastic: { url: 'http://u:hunter2@h' } }",
		"elastic: { api-key: hunter2 }",
		"apikey: hunter2",
	} {
		ps := problems(t, "c.yaml", []byte(text))
		if shown := fmt.Sprintf("%s %+v", ps, ps); strings.Contains(shown, "hunter2") {
			t.Errorf("%q shows it:\n%s", text, ps)
		}
	}
}

// TestOnlyWhatMayBeASecretIsHidden holds that a line stays readable where its unknown key can hold none.
func TestOnlyWhatMayBeASecretIsHidden(t *testing.T) {
	for text, want := range map[string]string{
		"aws: { regoin: eu-west-1 }":                          "aws: { regoin: eu-west-1 }",
		"servers: { winrm: { prot: 5986 } }":                  "servers: { winrm: { prot: 5986 } }",
		"servers: { winrm: { timeout: 60s } }":                "servers: { winrm: { timeout: 60s } }",
		"servers: { winrm: { pasword: env:WINRM_PASSWORD } }": "servers: { winrm: { pasword: env:WINRM_PASSWORD } }",
		"servers: { winrm: { pasword: hunter2 } }":            "servers: { winrm: { pasword: [secret]",
		"roll_out: { waves: each }":                           "roll_out: { waves: each }",
		"rollout: { wave: [1, 100%] }":                        "rollout: { wave: [1, 100%] }",
		"sources: { elastic: { indx: logs-* } }":              "sources: { elastic: { indx: logs-* } }",
	} {
		shown := problems(t, "c.yaml", []byte(text))[0].Text
		for _, p := range problems(t, "c.yaml", []byte(text)) {
			if strings.Contains(p.Found, "unknown key") {
				shown = p.Text
			}
		}
		if shown != want {
			t.Errorf("%q is shown as %q", text, shown)
		}
	}
}
