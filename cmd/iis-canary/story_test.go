package main

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/canary/report"
	"iiscanary/cmd/iis-canary/rehearsal"
)

// answered is the answer of a command in JSON.
func answered[T any](t *testing.T, code int, args ...string) T {
	t.Helper()
	var out T
	y := enter(t, append(args, "-o", "json")...).must(t, code)
	if err := json.Unmarshal([]byte(y.out), &out); err != nil {
		t.Fatalf("%v: %v in\n%s", args, err, y.out)
	}
	return out
}

func TestAKilledRunIsToldOfHereAndFromTheServers(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	if s := answered[report.Fleet](t, 0, "status", "-c", f.Config(), "--detailed-exitcode"); !s.Whole() || len(s.Servers) != 2 || s.Version != 1 {
		t.Fatalf("before any run: %+v", s)
	}
	cmd := underway(t, f)
	if s := answered[report.Fleet](t, 10, "status", "-c", f.Config(), "--detailed-exitcode"); len(s.InFlight) != 1 || len(s.Unfinished) != 0 || s.Servers[0].Lease == nil {
		t.Errorf("while a run is in flight: %+v", s)
	}
	if l := answered[report.Runs](t, 0, "runs", "-c", f.Config()); len(l.Runs) != 1 || !l.Runs[0].Alive || l.Runs[0].Outcome != report.Underway || l.Runs[0].Resumable {
		t.Errorf("while a run is in flight: %+v", l)
	}
	cmd.kill()

	run := answered[report.Run](t, 0, "report", "-c", f.Config())
	if run.Outcome != report.Unfinished || !run.Resumable || run.Alive || len(run.Next) != 2 {
		t.Errorf("after it was killed: %+v", run)
	}
	unfinished := func(when string) {
		t.Helper()
		s := answered[report.Fleet](t, 10, "status", "-c", f.Config(), "--detailed-exitcode")
		if len(s.Unfinished) != 1 || s.Unfinished[0].Run != run.Run || len(s.Drift) == 0 || len(s.Next) == 0 {
			t.Errorf("%s: %+v", when, s)
		}
	}
	unfinished("killed")
	until(t, "the draining server is listed no more", func() bool { return f.Listed() < len(f.Servers) })
	if y := enter(t, "status", "-c", f.Config()).must(t, 0); !strings.Contains(y.out, "web-01: it is in no target group: run "+run.Run) {
		t.Errorf("the lost server is not named:\n%s", y.out)
	}

	state := filepath.Join(filepath.Dir(f.Config()), "state")
	if err := os.Rename(state, state+".old"); err != nil {
		t.Fatal(err)
	}
	flight := answered[report.Fleet](t, 0, "status", "-c", f.Config()) // this machine knows nothing: the lease and the servers tell
	if len(flight.InFlight)+len(flight.Unfinished) != 1 {
		t.Errorf("from another machine: %+v", flight)
	}
	enter(t, "report", "-c", f.Config()).must(t, 2)
	if err := errors.Join(os.RemoveAll(state), os.Rename(state+".old", state)); err != nil {
		t.Fatal(err)
	}

	enter(t, "resume", "-c", f.Config()).must(t, 0)
	run = answered[report.Run](t, 0, "report", "-c", f.Config())
	if run.Outcome != report.Deployed || len(run.Resumed) != 1 || run.Done() != 2 || run.Seconds.Deploy <= 0 {
		t.Errorf("after it was resumed: %+v", run)
	}
	for _, s := range run.Steps {
		if s.Outcome != report.Done && s.Outcome != report.FoundDone {
			t.Errorf("%s is %s: %s", s.ID, s.Outcome, s.Why)
		}
	}
	if s := answered[report.Fleet](t, 0, "status", "-c", f.Config(), "--detailed-exitcode"); !s.Whole() {
		t.Errorf("after it was resumed: %+v", s)
	}
	everywhere(t, f, rehearsal.NewSlot)
}

func TestAnUnreachableServerIsDrift(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	f.Servers[1].Unreachable(true)
	s := answered[report.Fleet](t, 10, "status", "-c", f.Config(), "--detailed-exitcode")
	if len(s.Drift) != 1 || s.Drift[0].Kind != report.DriftUnread || s.Drift[0].Server != "web-02" || s.Drift[0].Next == "" {
		t.Errorf("an unreachable server: %+v", s.Drift)
	}
}

func TestAHalfWrittenJournalIsToldOf(t *testing.T) {
	t.Parallel()
	books := runs{t.TempDir()}
	const id = "20261121-101500-ab12"
	text := `{"seq":1,"at":"2026-11-21T10:15:00Z","type":"planned","run":"` + id + `","plan":{"run":"` + id + `","app":"a","new":{"slot":"a-2"}}}` + "\n" + `{"seq":2,"at":"2026`
	if err := os.WriteFile(books.journal(id), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, other := range []string{"notes.jsonl", id + ".json"} {
		if err := os.WriteFile(filepath.Join(books.dir, other), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := books.stories(10, typedFor("canary.yaml"))
	if err != nil || len(all) != 1 {
		t.Fatal(all, err)
	}
	if r := all[0]; !r.Torn || len(r.Damage) > 0 || !r.Resumable || r.Outcome != report.Unfinished {
		t.Errorf("%+v", r)
	}
	var b strings.Builder
	if err := (report.Runs{Runs: []report.RunLine{all[0].Line()}}).Text(&b); err != nil || !strings.Contains(b.String(), "half-written") {
		t.Errorf("%v\n%s", err, b.String())
	}
	if latest, err := books.latest(); err != nil || latest != id {
		t.Errorf("the newest is %q, %v", latest, err)
	}
}

func TestThePlanInJSONIsDocumented(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := (&prepared{}).print(streams{out: &out}, "json"); err != nil {
		t.Fatal(err)
	}
	var printed map[string]any
	if err := json.Unmarshal([]byte(out.String()), &printed); err != nil {
		t.Fatal(err)
	}
	doc, err := os.ReadFile("../../docs/output.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(doc), "### PlanOutput\n")
	section, _, _ = strings.Cut(section, "\n###")
	for field := range printed {
		if !strings.Contains(section, "| `"+field+"` |") {
			t.Errorf("docs/output.md does not document %s of a plan", field)
		}
	}
	if n := strings.Count(section, "| `"); n != len(printed) || printed["version"] != 1.0 {
		t.Errorf("%d fields documented, %d printed, version %v", n, len(printed), printed["version"])
	}
}
