package main

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/configs"
)

// Commands that put a fleet of their own up, whose secrets they make up themselves, and what looks for those under every fault.
func elsewhere() map[string]string {
	return map[string]string{"rehearse": "TestEveryRehearsedFaultLooksForSecrets", "simulate": "TestAStandingFleetTellsItsSecretsToNobody"}
}

// Every secret is a text that nobody else writes. Every command is typed under every fault, and then nothing that was said, written or sent
// may have that text in it, in any coding, but the secret's own file and what it was made for.
func TestNoSecretAppearsAnywhere(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	planted := map[string]bool{}
	t.Run("faults", func(t *testing.T) {
		for _, fault := range rehearsal.Faults() {
			if hoardFaults != "" && !slices.Contains(strings.Fields(hoardFaults), fault.Name) {
				continue
			}
			t.Run(fault.Name, func(t *testing.T) {
				t.Parallel()
				h := newHoard(t, fault.Name, layoutOf(fault.Name))
				mu.Lock()
				maps.Copy(planted, h.planted())
				mu.Unlock()
				h.typeAll(fault)
				for _, leak := range h.leaks() {
					t.Error(leak)
				}
			})
		}
	})
	if !planted["aws.access_key"] || !planted["sources.elastic.password"] || !planted["servers.winrm.key"] {
		return // some of the faults were asked for by name
	}
	all := map[string]bool{}
	secretPaths(reflect.TypeFor[configs.Spec](), "", all)
	for _, path := range slices.Sorted(maps.Keys(all)) {
		if !planted[path] {
			t.Errorf("%s can hold a secret, and none was planted there: secretFiles", path)
		}
	}
}

// typeAll types every command while a fault is on.
func (h *hoard) typeAll(fault rehearsal.Fault) {
	h.t.Helper()
	underway := slices.Contains(strings.Fields("no-logs winrm-busy winrm-restart winrm-silent winrm-503 winrm-garbage winrm-shells winrm-full winrm-operations winrm-killed winrm-reboot"),
		fault.Name) // before a run, they would be over, or keep it from beginning
	if !underway {
		h.fleet.Begin()
	}
	plan := filepath.Join(h.out, "plan.json")
	h.enter("version")
	h.enter("schema")
	h.enter("man")
	h.enter("completion", "bash")
	h.enter("init", "--app", rehearsal.App, "--region", "eu-west-1", "--target-group", "web-443", "--root", `D:\sites`, "--es-url", "https://es:9200",
		"--index", "logs", "--out", filepath.Join(h.out, "first.yaml"))
	h.enter("validate", "-c")
	h.enter("validate", "-o", "json", "-c")
	for _, words := range [][]string{{"doctor", "--package", h.pack}, {"plan", "-o", "json", "--package", h.pack, "--out", plan}, {"status"}} {
		h.enter(append(words, "-c")...)
	}
	if underway {
		rolling, rolled := context.WithCancel(h.t.Context())
		defer rolled()
		go h.beginUnderway(rolling)
	}
	code := h.enter("deploy", "--yes", "--package", h.pack, "-c")
	talk := h.last
	h.began = fault.Exit != int(exitPreflight)
	if journals, err := filepath.Glob(filepath.Join(h.dir, "state", "*", "*.jsonl")); err != nil || h.began && len(journals) == 0 {
		h.t.Errorf("deploy ends with %d under %s, so little was looked at:\n%s", code, fault.Name, h.last)
	}
	h.records()
	if fault.Name == "crash" {
		h.quoted(talk)
	}
	for _, words := range [][]string{{"resume"}, {"revert", "--yes", "-o", "json"}, {"status", "-o", "json"}, {"doctor", "-o", "json"}} {
		h.enter(append(words, "-c")...)
	}
	if fault.Name == "none" {
		h.enter("doctor", "--probe", "--quick", "--yes", "--with-names", "--server", "web-01", "-c")
	}
	h.records()
	for _, c := range newApp(system()).Commands {
		if !h.typed[c.Name] && elsewhere()[c.Name] == "" {
			h.t.Errorf("nobody typed %s", c.Name)
		}
	}
}

// quoted looks for the words of an application that quotes a secret as it crashes: they are told everywhere, without the secret.
func (h *hoard) quoted(screen string) {
	h.t.Helper()
	told := map[string]string{"the screen": screen, "a webhook": h.told.String()}
	for _, pattern := range []string{filepath.Join(h.dir, "state", "*", "*.jsonl"), filepath.Join(h.out, "report.text"), filepath.Join(h.out, "report.json"), filepath.Join(h.out, "report.junit")} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			h.t.Fatalf("there is no %s (%v)", pattern, err)
		}
		text, err := os.ReadFile(files[0])
		if err != nil {
			h.t.Fatal(err)
		}
		told[filepath.Base(pattern)] = string(text)
	}
	for place, text := range told {
		if plain := strings.NewReplacer("\n", " ", "\u0026#39;", "'", "&#39;", "'").Replace(text); !strings.Contains(strings.Join(strings.Fields(plain), " "), "Cannot open '(secret)'") {
			h.t.Errorf("%s has not the words of the exception:\n%s", place, text)
		}
	}
}

// beginUnderway switches the fault on when the first server leaves rotation.
func (h *hoard) beginUnderway(ctx context.Context) {
	for h.fleet.Healthy() == len(h.fleet.Servers) {
		if (wallClock{}).Wait(ctx, 5*time.Millisecond) != nil {
			return
		}
	}
	h.fleet.Begin()
}

// records reads what is told of runs, in every format.
func (h *hoard) records() {
	h.t.Helper()
	h.enter("runs", "-c")
	h.enter("runs", "-o", "json", "-c")
	for _, format := range []string{"text", "json", "junit"} {
		h.enter("report", "-o", format, "--force", "--out", filepath.Join(h.out, "report."+format), "-c")
	}
	h.enter("report", "-c")
}

// enter types a command; a last word -c stands for the configuration. It returns the exit code.
func (h *hoard) enter(words ...string) int {
	h.t.Helper()
	h.typed[words[0]] = true
	name := strings.Join(words, " ")
	if words[len(words)-1] == "-c" {
		words = append(words, h.fleet.Config())
	}
	var y typed
	if h.env == nil {
		y = inside(words...)
	} else {
		y = h.watched(words...)
	}
	h.said.lookAtWords("standard output of "+name, []byte(y.out))
	h.said.lookAtWords("standard error of "+name, []byte(y.err))
	h.last = y.out + y.err
	return y.code
}

// watched types a command in a process of its own, and looks at the command lines of this machine until it ends.
func (h *hoard) watched(words ...string) typed {
	h.t.Helper()
	cmd := program(h.t, words...)
	cmd.Env = append(cmd.Env, h.env...)
	p := launch(h.t, cmd)
	ended := make(chan typed, 1)
	go func() { ended <- p.ended() }()
	for {
		h.said.processes()
		select {
		case y := <-ended:
			return y
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// leaks looks everywhere.
func (h *hoard) leaks() []string {
	h.t.Helper()
	h.fleet.Close() // writes the logs out
	all := leaks{slices.Concat(h.said.list, h.wire.found())}
	looked := all.walk(h.t, h.dir, h.allowed)
	all.walk(h.t, h.out, func(path string) string {
		if strings.HasPrefix(path, "report.") {
			return nameOfUser
		}
		return ""
	})
	if h.temp != "" {
		if n := all.walk(h.t, h.temp, func(string) string { return "" }); n > 0 {
			left, _ := filepath.Glob(filepath.Join(h.temp, "*"))
			h.t.Errorf("%d temporary files are left: %v", n, left)
		}
	}
	proofs, peers := []string{"servers/*/logs/W3SVC*/*.log"}, []string{"aws", "elasticsearch", "packages"}
	if h.began {
		proofs = append(proofs, "servers/*/logs/process-creation.log", "state/*/*.jsonl", "state/*/*.json", "servers/*/d/sites/*/.canary.json", "servers/*/programdata/iis-canary/*/*/*")
		peers = append(peers, "web-01", "webhook")
	}
	if h.began && !h.wire.settingsSent() {
		h.t.Error("no settings are in the files that were sent, so nobody can have looked into those")
	}
	for _, proof := range proofs {
		if files, err := filepath.Glob(filepath.Join(h.dir, proof)); err != nil || len(files) == 0 {
			h.t.Errorf("there is nothing like %s to look into (%d files)", proof, looked)
		}
	}
	for _, peer := range peers {
		if h.wire.count[peer] == 0 {
			h.t.Errorf("%s was asked nothing", peer)
		}
	}
	return all.list
}

// allowed says which plants may be in a file below the fleet's folder.
func (h *hoard) allowed(path string) string {
	if !strings.Contains(path, "/") {
		if _, is := secretFiles("", "")[path]; is || path == "client.key" || path == "client.pem" {
			return everything
		}
	}
	noted := strings.HasPrefix(path, "servers/") && strings.Contains(path, "/programdata/iis-canary/") // the servers' parts of the journal
	if strings.HasPrefix(path, "state/") || noted {
		return nameOfUser
	}
	for _, file := range settingFiles() {
		if strings.HasPrefix(path, "servers/") && strings.Contains(path, "/d/sites/"+rehearsal.App+"-3461/") && strings.HasSuffix(path, "/"+file) {
			return settingName
		}
	}
	return ""
}
