package iistest

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
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
	want := map[string]any{"agent": "1", "machine": "WEB-SIM", "os": "Microsoft Windows NT 10.0.20348.0", "iis": "10.0", "powershell": powerShell,
		"language_mode": "FullLanguage", "elevated": true, "account": `WEB-SIM\deploy`, "disk_free": 123.0,
		"services": map[string]any{"WAS": "running", "W3SVC": "running"}, "pending_reboot": false}
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

func TestUploadedRangesBecomeOnePartWhenTheyMatch(t *testing.T) {
	s := installed(t, nil)
	c := leased(t, s)
	content := strings.Repeat("abc", 1000)
	sum := hash(content)
	rangeOf := func(from, to int) putReply {
		return putReply{c.call(c.next(), "put", map[string]any{"files": []map[string]any{
			{"sha256": sum, "size": len(content), "offset": from, "length": to - from}}}, deflate(t, content[from:to]))}
	}
	if got := rangeOf(0, 1000).stored(t); len(got) != 0 {
		t.Errorf("stored after a third: %v", got)
	}
	var h struct{ Have []string }
	c.ok("have", map[string]any{"hashes": []string{sum, hash("one"), hash("nowhere")}}, &h)
	if !cmp.Equal(h.Have, []string{hash("one")}) {
		t.Errorf("have: %v, want only the file of the old slot", h.Have)
	}
	if got := rangeOf(1000, 3000).stored(t); !cmp.Equal(got, []string{sum}) {
		t.Errorf("stored: %v", got)
	}
	c.ok("have", map[string]any{"hashes": []string{sum}}, &h)
	if !cmp.Equal(h.Have, []string{sum}) {
		t.Errorf("have: %v", h.Have)
	}
	must(t, os.WriteFile(filepath.Join(s.config.Root, "d", "sites", oldSlot, "bin", "app.dll"), []byte("longer than it was"), 0o644))
	c.ok("have", map[string]any{"hashes": []string{hash("one")}}, &h)
	if len(h.Have) != 0 {
		t.Errorf("a file that changed its size is still offered")
	}
}

type putReply struct{ agentReply }

func (a putReply) stored(t *testing.T) []string {
	t.Helper()
	if a.Error != nil {
		t.Fatal(a.Error)
	}
	var out struct{ Stored []string }
	must(t, json.Unmarshal(a.Result, &out))
	return out.Stored
}

func TestUploadsThatDoNotFitAreRefused(t *testing.T) {
	c := leased(t, serve(t, func(c *Config) { c.DiskFree = 100 }))
	entry := func(sum string, size, offset, length int) map[string]any {
		return map[string]any{"files": []map[string]any{{"sha256": sum, "size": size, "offset": offset, "length": length}}}
	}
	for _, x := range []struct {
		name, code string
		args       map[string]any
		plain      string
	}{
		{"another content", "hash_mismatch", entry(hash("right"), 5, 0, 5), "wrong"},
		{"past its end", "bad_request", entry(hash("right"), 5, 3, 5), "right"},
		{"less than promised", "bad_request", entry(hash("right"), 5, 0, 5), "rig"},
		{"more than promised", "bad_request", entry(hash("right"), 5, 0, 5), "rightly"},
		{"a hash in upper case", "bad_request", entry(strings.ToUpper(hash("right")), 5, 0, 5), "right"},
		{"a full disk", "disk_full", entry(hash(strings.Repeat("x", 200)), 200, 0, 200), strings.Repeat("x", 200)},
	} {
		a := c.call(c.next(), "put", x.args, deflate(t, x.plain))
		if a.Error == nil || a.Error.Code != x.code {
			t.Errorf("%s: %+v, want %s", x.name, a.Error, x.code)
		}
	}
	if got := c.upload("right"); got.Error != nil {
		t.Errorf("the part that did not match was not deleted: %v", got.Error)
	}
}

func TestCreateBuildsTheSlotFromPartsAndOtherSlots(t *testing.T) {
	s := installed(t, nil)
	c := leased(t, s)
	files := map[string]string{"web.config": "<configuration/>", "bin/app.dll": "two"} // web.config is in the old slot
	c.refused("not_found", "create", c.creation(newSlot, files))
	c.upload("two")
	var made struct {
		Changed       bool
		Before, After slotState
	}
	c.ok("create", c.creation(newSlot, files), &made)
	if !made.Changed || made.Before.Site != absent || made.After.Site != stopped || made.After.Digest != hash(newSlot) || made.After.Path != `D:\sites\`+newSlot {
		t.Errorf("create: %+v", made)
	}
	folder := filepath.Join(s.config.Root, "d", "sites", newSlot)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(path)))
		must(t, err)
		if string(got) != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if left := exists(filepath.Join(s.store.data(app, "parts"), hash("two"))); left {
		t.Error("the part that was used is still there")
	}
	c.ok("create", c.creation(newSlot, files), &made)
	if made.Changed {
		t.Error("the same slot again is a change")
	}
	other := c.creation(newSlot, files)
	other["digest"] = hash("another")
	c.refused("conflict", "create", other)
	must(t, os.Remove(filepath.Join(folder, manifestName)))
	c.refused("conflict", "create", c.creation(newSlot, files))
}

func TestCreateRefusesWhatAServerCannotHave(t *testing.T) {
	c := leased(t, installed(t, nil))
	for name, x := range map[string]struct {
		code string
		bend func(map[string]any)
	}{
		"a path that climbs":    {"bad_request", func(a map[string]any) { a["files"] = []file{{"../x", 3, hash("one")}} }},
		"a path with a drive":   {"bad_request", func(a map[string]any) { a["files"] = []file{{"c:/x", 3, hash("one")}} }},
		"a device":              {"bad_request", func(a map[string]any) { a["files"] = []file{{"bin/NUL.txt", 3, hash("one")}} }},
		"two of one name":       {"bad_request", func(a map[string]any) { a["files"] = []file{{"A", 3, hash("one")}, {"a", 3, hash("one")}} }},
		"its own manifest":      {"bad_request", func(a map[string]any) { a["files"] = []file{{manifestName, 3, hash("one")}} }},
		"another port":          {"bad_request", func(a map[string]any) { a["bindings"] = []string{"*:1:"} }},
		"no runtime":            {"bad_request", func(a map[string]any) { a["runtime"] = "" }},
		"a certificate of none": {"certificate_missing", func(a map[string]any) { a["certificate"] = map[string]string{"subject": "*.other.org"} }},
	} {
		args := c.creation(newSlot, map[string]string{"bin/app.dll": "one"})
		x.bend(args)
		a := c.call(c.next(), "create", args, nil)
		if a.Error == nil || a.Error.Code != x.code {
			t.Errorf("%s: %+v, want %s", name, a.Error, x.code)
		}
	}
	args := c.creation(newSlot, map[string]string{"bin/app.dll": "one"})
	args["certificate"] = map[string]string{"subject": "*.domain.com"}
	c.ok("create", args, nil)
}

func TestPruneRemovesOnlyWhatIsDead(t *testing.T) {
	c := staged(t, nil, nil)
	s := c.server
	must(t, s.Install(app+"-0", "0", map[string]string{"x": "y"}))
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", app+"-7.partial"), 0o755))
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", app+"-8"), 0o755))
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", "other-8"), 0o755))
	c.ok("own", map[string]any{"boot": map[string]bool{newSlot: true}}, nil)
	var got struct{ Removed, Warnings []string }
	c.ok("prune", map[string]any{"keep": []string{}}, &got)
	if diff := cmp.Diff([]string{app + "-0", app + "-8"}, got.Removed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{oldSlot, newSlot, "other-8"}, folders(filepath.Join(s.config.Root, "d", "sites"))); diff != "" {
		t.Error(diff)
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
	s := &Server{config: c, store: store, leases: newLeases(), calls: newCalls(), faults: newFaults(), front: &front{}}
	s.machine = newMachine(c, s.front, s.faults, store.local)
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
