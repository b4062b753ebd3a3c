package iistest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestAServerIsRolledFromOldToNewByTheAgent(t *testing.T) {
	c := staged(t, nil, nil)
	var s struct{ Slots []slotState }
	c.ok("survey", map[string]any{}, &s)
	if len(s.Slots) != 2 || s.Slots[0].Site != started || s.Slots[1].Site != stopped || s.Slots[1].SiteBoot || s.Slots[1].Version != "2" {
		t.Fatalf("survey: %+v", s.Slots)
	}
	c.ok("stop", map[string]any{"slot": oldSlot, "wait_ms": 5000}, nil)
	c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 20}, nil)
	var p struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": newSlot, "path": "/health/warm", "first_ms": 5000, "each_ms": 1000, "requests": 3, "header": "X-App-Release"}, &p)
	for _, a := range p.Answers {
		if a.Status != http.StatusOK || a.Version != "2" || a.Worker == 0 || a.Worker != p.Answers[0].Worker || a.Bytes == 0 || a.MS <= 0 {
			t.Errorf("probe: %+v", a)
		}
	}
	if len(p.Answers) != 4 {
		t.Errorf("%d answers, want 4", len(p.Answers))
	}
	c.ok("own", map[string]any{"boot": map[string]bool{newSlot: true, oldSlot: false}}, nil)
	truth := c.server.Truth()
	if !cmp.Equal(truth.Running, []string{newSlot}) || !truth.Warm || truth.Ops["start"] != 1 {
		t.Errorf("truth: %+v", truth)
	}
}

func TestALoaderWhoseSourceDoesNotMatchEndsWithFour(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	command := c.command(shell, loader(strings.ToUpper(hash("another source"))))
	c.send(shell, command, sourceFrame(source), false)
	out, _, exit := c.finish(shell, command)
	if exit != 4 || !strings.HasPrefix(out, "ICF1") || !strings.Contains(out, `"fatal":"agent source has SHA-256 `) {
		t.Errorf("exit %d, %q", exit, out)
	}
}

func TestInputThatEndsEarlyEndsTheAgentWithThree(t *testing.T) {
	s := serve(t, nil)
	for name, last := range map[string]string{"within the source": "", "within a frame": "ICF1\x02\x00"} {
		c := newSOAP(t, s)
		shell := c.create()
		command := c.command(shell, loader(strings.ToUpper(hash(source))))
		input := string(sourceFrame(source))
		if last == "" {
			input = input[:8]
		}
		c.send(shell, command, []byte(input+last), true)
		if out, _, exit := c.finish(shell, command); exit != 3 || out != "" {
			t.Errorf("%s: exit %d, %q", name, exit, out)
		}
	}
	c := connect(t, s)
	c.send(c.shell, c.process, nil, true)
	if _, _, exit := c.finish(c.shell, c.process); exit != 0 {
		t.Errorf("between frames: exit %d, want 0", exit)
	}
}

func TestNoiseOnTheStreamEndsTheAgent(t *testing.T) {
	c := connect(t, serve(t, nil))
	c.send(c.shell, c.process, []byte("Hello, agent!"), false)
	if out, _, exit := c.finish(c.shell, c.process); exit != 4 || !strings.Contains(out, "fatal") {
		t.Errorf("exit %d, %q", exit, out)
	}
}

func TestARequestThatComesAgainIsAnsweredFromMemory(t *testing.T) {
	c := leased(t, installed(t, nil))
	args := map[string]any{"run": "r1", "lines": []string{"one"}}
	first := c.call("same", "note", args, nil)
	again := c.call("same", "note", args, nil)
	if diff := cmp.Diff(string(first.Result), string(again.Result)); diff != "" {
		t.Error(diff)
	}
	var n struct{ Runs []struct{ Lines []string } }
	c.ok("notes", map[string]any{"run": ""}, &n)
	if len(n.Runs) != 1 || len(n.Runs[0].Lines) != 1 {
		t.Errorf("the note was taken twice: %+v", n)
	}
}

func TestWhatIsNoRequestIsRefused(t *testing.T) {
	c := leased(t, installed(t, nil))
	for _, x := range []struct {
		name, code string
		body       string
	}{
		{"no object", "bad_request", `[1]`},
		{"no id", "bad_request", `{"op":"hello","args":{"app":"` + app + `","root":"D:\\sites"}}`},
		{"unknown operation", "unknown_op", `{"id":"a","op":"format","args":{"app":"` + app + `"}}`},
		{"no app", "bad_request", `{"id":"b","op":"survey","args":{"root":"D:\\sites"}}`},
		{"no root", "bad_request", `{"id":"c","op":"survey","args":{"app":"` + app + `"}}`},
		{"a root that climbs", "bad_request", `{"id":"d","op":"survey","args":{"app":"` + app + `","root":"D:\\..\\x"}}`},
		{"a foreign slot", "bad_request", `{"id":"e","op":"requests","args":{"app":"` + app + `","slot":"other-1"}}`},
		{"a slot that is not there", "not_found", `{"id":"f","op":"requests","args":{"app":"` + app + `","slot":"` + app + `-9"}}`},
		{"wrong types", "bad_request", `{"id":"g","op":"probe","args":{"app":"` + app + `","requests":"six"}}`},
		{"a change without a lease", "fenced", `{"id":"h","op":"prune","args":{"app":"` + app + `","root":"D:\\sites"}}`},
	} {
		a := c.exchange(frameOf(json.RawMessage(x.body), nil))
		if a.Error == nil || a.Error.Code != x.code {
			t.Errorf("%s: %+v, want %s", x.name, a.Error, x.code)
		}
	}
	if a := c.call("i", "hello", map[string]any{}, []byte("blob")); a.Error == nil || a.Error.Code != "bad_request" {
		t.Errorf("a blob that nobody asked for: %+v", a.Error)
	}
}

func TestHelloSaysWhatTheServerIs(t *testing.T) {
	c := connect(t, serve(t, func(c *Config) { c.DiskFree = 123 }))
	var h map[string]any
	c.ok("hello", map[string]any{}, &h)
	clock, err := time.Parse(time.RFC3339Nano, fmt.Sprint(h["clock"]))
	if err != nil || time.Since(clock).Abs() > time.Minute || h["clock"].(string)[len(h["clock"].(string))-1] != 'Z' {
		t.Errorf("clock %v: %v", h["clock"], err)
	}
	delete(h, "clock")
	want := map[string]any{"agent": "1", "machine": "WEB-SIM", "os": "Microsoft Windows NT 10.0.20348.0", "iis": "Version 10.0", "powershell": powerShell,
		"language_mode": "FullLanguage", "elevated": true, "account": `WEB-SIM\deploy`, "disk_free": 123.0,
		"services": map[string]any{"WAS": "running", "W3SVC": "running"}, "pending_reboot": false,
		"start_types": map[string]any{"WAS": "automatic", "W3SVC": "automatic"}, "bits": 64.0, "os_bits": 64.0, "shared_config": false,
		"framework": float64(frameworkRelease), "runtimes": []any{},
		"modules": map[string]any{"app_init": false, "request_monitor": false, "rewrite": false, "websockets": false, "ancm": false}}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
}

func TestALeaseIsFencedByItsGeneration(t *testing.T) {
	s := installed(t, nil)
	a, b := leased(t, s), connect(t, s)
	own := map[string]any{"boot": map[string]bool{oldSlot: true}}
	b.refused("fenced", "own", own)
	held := b.call("x", "lease", map[string]any{"action": "acquire", "run": "r2", "owner": "other", "seconds": 60}, nil)
	if held.Error == nil || held.Error.Code != "leased" || !strings.Contains(held.Error.Message, "r1") || !strings.Contains(string(held.Result), `"run":"r1"`) {
		t.Errorf("acquire of a held lease: %+v %s", held.Error, held.Result)
	}
	a.acquire("r1")
	if a.generation != 1 {
		t.Errorf("the same run got generation %d, want 1", a.generation)
	}
	must(t, s.ExpireLease())
	a.refused("fenced", "own", own)
	b.acquire("r2")
	if b.generation != 2 {
		t.Errorf("the next run got generation %d, want 2", b.generation)
	}
	a.refused("fenced", "own", own)
	a.refused("fenced", "lease", map[string]any{"action": "renew", "run": "r1", "seconds": 60})
	a.refused("fenced", "lease", map[string]any{"action": "release", "run": "r1"})
	b.ok("own", own, nil)
	b.ok("lease", map[string]any{"action": "renew", "run": "r2", "seconds": 3600}, nil)
	if l := s.Truth().Lease; l == nil || l.Run != "r2" || time.Until(l.Until) < 50*time.Minute {
		t.Errorf("lease: %+v", l)
	}
	b.ok("lease", map[string]any{"action": "release", "run": "r2"}, nil)
	if l := s.Truth().Lease; l != nil {
		t.Errorf("released, and still there: %+v", l)
	}
	b.refused("fenced", "own", own)
}

func TestNotesSurviveTheProcessAndTheMachine(t *testing.T) {
	s := installed(t, nil)
	c := leased(t, s)
	c.ok("note", map[string]any{"run": "r1", "lines": []string{`{"n":1}`, `{"n":2}`}}, nil)
	c.ok("note", map[string]any{"run": "r2", "lines": []string{`{"n":3}`}}, nil)
	c.refused("bad_request", "note", map[string]any{"run": "r1", "lines": []string{"two\nlines"}})
	c.refused("bad_request", "note", map[string]any{"run": `..\..\x`, "lines": []string{"x"}})
	must(t, os.Chtimes(s.store.shard(app, "r1"), time.Now(), time.Now().Add(-time.Hour)))
	s.Reboot()
	c = connect(t, s)
	var got struct {
		Runs []struct {
			Run   string
			Lines []string
		}
	}
	c.ok("notes", map[string]any{"run": ""}, &got)
	if len(got.Runs) != 2 || got.Runs[0].Run != "r2" || !cmp.Equal(got.Runs[1].Lines, []string{`{"n":1}`, `{"n":2}`}) {
		t.Errorf("notes: %+v", got)
	}
	c.ok("notes", map[string]any{"run": "r1"}, &got)
	if len(got.Runs) != 1 || got.Runs[0].Run != "r1" {
		t.Errorf("notes of r1: %+v", got)
	}
}

func TestTheMemoryOfAnswersHasAnEnd(t *testing.T) {
	a := &agent{memory: map[string][]byte{}}
	for i := range 1500 {
		a.remember(fmt.Sprint(i), nil)
	}
	_, first := a.memory["499"]
	_, last := a.memory["500"]
	if first || !last || len(a.memory) != 1000 {
		t.Errorf("%d answers are remembered", len(a.memory))
	}
}

func FuzzAgentSurvivesAnyRequest(f *testing.F) {
	f.Add([]byte(`{"id":"1","op":"lease","args":{"app":"a","action":"acquire","run":"r","seconds":1}}`), []byte{})
	f.Add([]byte(`{"id":"1","op":"notes","args":{"app":"a","run":"x"}}`), []byte("x"))
	f.Add([]byte(`null`), []byte{})
	root := f.TempDir()
	store, err := newStore(Config{Root: root, Sites: `D:\sites`})
	if err != nil {
		f.Fatal(err)
	}
	c := Config{Root: root, App: app, Sites: `D:\sites`}
	s := &Server{config: c, store: store, leases: newLeases(), calls: newCalls(), faults: newFaults(c), front: &front{}}
	s.machine = newMachine(c, s.front, s.faults, &s.trouble, store.local)
	f.Fuzz(func(t *testing.T, body, blob []byte) {
		a := &agent{server: s, memory: map[string][]byte{}}
		var got agentReply
		if err := json.Unmarshal(a.reply(t.Context(), body, blob), &got); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheLoaderHashIsThatOfTheSource(t *testing.T) {
	script, ok := encodedCommand(strings.Fields(loader(fmt.Sprintf("%X", sha256.Sum256([]byte(source))))))
	if !ok || agentHash.FindStringSubmatch(script) == nil {
		t.Errorf("%q", script)
	}
}

// The model and the C# agent share no line, so each is held to the page.
func TestTheModelsOperationsAreThoseOfTheProtocol(t *testing.T) {
	page, err := os.ReadFile("../../docs/agent-protocol.md")
	must(t, err)
	var written, changing []string
	for _, m := range regexp.MustCompile("\\*\\*`(\\w+)`\\*\\*").FindAllStringSubmatch(string(page), -1) {
		written = append(written, m[1])
	}
	_, rest, _ := strings.Cut(string(page), "Operations that change something (`")
	list, _, _ := strings.Cut(rest, "`)")
	for name, op := range operations() {
		if op.changes {
			changing = append(changing, name)
		}
	}
	if got, want := slices.Sorted(maps.Keys(operations())), slices.Sorted(slices.Values(written)); !slices.Equal(got, want) {
		t.Errorf("the model has %v, the page %v", got, want)
	}
	if got, want := slices.Sorted(slices.Values(changing)), slices.Sorted(slices.Values(strings.Fields(list))); !slices.Equal(got, want) {
		t.Errorf("the model demands the lease for %v, the page for %v", got, want)
	}
}
