package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// A secret that the other side refuses is in many an error of theirs.
func TestASecretThatIsRefusedIsNotShown(t *testing.T) {
	t.Parallel()
	h := newHoard(t, "none", layout{})
	for _, name := range []string{"access_key", "secret_key", "winrm_user", "winrm_password", "es_api_key", "token"} {
		was, err := os.ReadFile(filepath.Join(h.dir, name))
		if err != nil {
			t.Fatal(err)
		}
		wrong := plainly("Wrong")
		if name == "winrm_user" {
			wrong = plainly(nameOfUser + "Wrong")
		}
		h.write(name, wrong+"\n")
		for _, words := range [][]string{{"doctor"}, {"status"}, {"deploy", "--yes"}} {
			if words[0] != "status" {
				words = append(words, "--package", h.pack)
			}
			if code := h.enter(append(words, "-c")...); code == 0 && words[0] != "status" {
				t.Errorf("%s ends well with a wrong %s", words[0], name)
			}
		}
		h.write(name, string(was))
	}
	for _, leak := range slices.Concat(h.said.list, h.wire.found()) {
		t.Error(leak)
	}
}

// What is typed in the wrong place comes back in the error, and errors end in the logs of pipelines.
func TestASecretThatIsTypedIsNotRepeated(t *testing.T) {
	t.Parallel()
	secret := plainly("Typed")
	pinned := "#sha256=" + strings.Repeat("0", 64)
	h := &hoard{t: t, typed: map[string]bool{}}
	config := filepath.Join(t.TempDir(), "canary.yaml")
	h.enter("init", "--app", rehearsal.App, "--region", "eu-west-1", "--target-group", "web-443", "--root", `D:\sites`, "--es-url", "https://es:9200",
		"--index", "logs", "--out", config)
	for _, address := range []string{"https://user:" + secret + "@host/app.1.zip" + pinned, "https://host/app.1.zip?X-Amz-Signature=" + secret, "https://host/app.1.zip?sig=" + secret + "#sha256=0",
		"https://" + secret + "@host/app.1.zip", "http://host/app.1.zip?sig=" + secret, "https://ho st/?sig=" + secret,
		"https://host/app.1.zip" + pinned + "?X-Amz-Signature=" + secret, "https://host/app.1.zip" + pinned + "&sig=" + secret, "https://host/app.1.zip#sig=" + secret, "https://host/app.1.zip#sha256=" + secret, "s3://user:" + secret + "@bucket/key"} {
		for _, words := range [][]string{{"plan"}, {"deploy", "--yes"}, {"doctor"}, {"deploy", "--dry-run"}, {"resume"}} {
			h.enter(append(words, "--config", config, "--package", address)...)
			h.enter(append(words, "stray", "--config", config, "--package", address)...)
			h.enter(append(words, "--config", config, address)...)
			h.enter(append(words, "--packag", address)...)
		}
		h.enter("deploi", "--package", address)
	}
	for _, flag := range []string{"--winrm-password-env", "--winrm-user-env", "--es-api-key-env"} {
		h.enter("init", "--app", rehearsal.App, "--region", "eu-west-1", "--target-group", "web-443", "--root", `D:\sites`, "--es-url", "https://es:9200", "--index", "logs",
			flag, secret+"!", "--out", filepath.Join(t.TempDir(), "a.yaml"))
	}
	for _, words := range [][]string{{"init", "--es-url", "https://user:" + secret + "@es:9200", "--out", filepath.Join(t.TempDir(), "b.yaml")}, {"rehearse", "--elasticsearch", "https://user:" + secret + "@es:9200"},
		{"rehearse", "--elasticsearch", "https://es:9200/?api_key=" + secret}} {
		h.enter(words...)
	}
	for _, leak := range h.said.list {
		t.Error(leak)
	}
}
