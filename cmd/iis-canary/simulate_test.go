package main

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// simulated is a process that leaves a fleet standing.
type simulated struct {
	t   *testing.T
	dir string
	cmd *running
	at  rehearsal.Endpoints
}

func simulateIn(t *testing.T, dir string) *simulated {
	t.Helper()
	s := &simulated{t: t, dir: dir, cmd: background(t, "simulate", "--dir", dir, "--servers", "3",
		"--speed", strconv.Itoa(fleetSpeed), "--traffic", strconv.Itoa(fleetTraffic))}
	until(t, "the fleet stands", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, rehearsal.EndpointsFile))
		return err == nil && json.Unmarshal(text, &s.at) == nil
	})
	return s
}

// state is the truth by the word of the control.
func (s *simulated) state() rehearsal.State {
	s.t.Helper()
	answer, err := http.Get(s.at.Control + "/state")
	if err != nil {
		s.t.Fatal(err)
	}
	defer answer.Body.Close()
	var out rehearsal.State
	if err := json.NewDecoder(answer.Body).Decode(&out); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// serves demands that every server serves just this slot.
func (s *simulated) serves(slot string) {
	s.t.Helper()
	for _, server := range s.state().Servers {
		if server.Slot != slot || !server.InRotation || !server.Warm {
			s.t.Errorf("%+v does not serve %s", server, slot)
		}
	}
}

func (s *simulated) enter(verb, pack string, flags ...string) typed {
	s.t.Helper()
	args := append([]string{verb, "-c", filepath.Join(s.dir, "canary.yaml")}, flags...)
	if pack != "" {
		args = append(args, "--package", filepath.Join(s.dir, pack))
	}
	return enter(s.t, args...)
}

func TestAStandingFleetIsPlannedDeployedAndTakenDown(t *testing.T) {
	t.Parallel()
	s := simulateIn(t, filepath.Join(t.TempDir(), "practice"))
	if err := os.WriteFile(filepath.Join(s.dir, "notes.txt"), []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.enter("plan", rehearsal.GoodPackage).must(t, 0)
	if got := s.state(); got.Changes != (rehearsal.Changes{}) || got.Calls.WinRM == 0 || got.Calls.AWS["DescribeTargetHealth"] == 0 {
		t.Errorf("a plan changed or asked nothing: %+v %+v", got.Changes, got.Calls)
	}
	if y := enter(t, "simulate", "--dir", s.dir).must(t, 2); !strings.Contains(y.err, "a fleet stands in") {
		t.Errorf("a second fleet in the same folder was refused with\n%s", y.err)
	}
	s.enter("deploy", rehearsal.BadPackage, "--yes").must(t, 3)
	s.serves(rehearsal.OldSlot)
	s.enter("deploy", rehearsal.GoodPackage, "--yes").must(t, 0)
	s.serves(rehearsal.App + "-good")
	s.cmd.signal(os.Interrupt)
	s.cmd.ended().must(t, 0)
	if _, err := os.Stat(filepath.Join(s.dir, rehearsal.EndpointsFile)); !os.IsNotExist(err) {
		t.Errorf("the endpoints of a fleet that is gone are still there: %v", err)
	}
	again := simulateIn(t, s.dir) // nothing of the last fleet is taken for this one's
	again.serves(rehearsal.OldSlot)
	if text, err := os.ReadFile(filepath.Join(s.dir, "notes.txt")); err != nil || string(text) != "mine" {
		t.Errorf("the second fleet removed a file of its user: %q, %v", text, err)
	}
	if y := again.enter("resume", ""); y.code != 7 {
		t.Errorf("resume on a fresh fleet exits %d\n%s", y.code, y.err)
	}
}

func TestSimulateTouchesNoFolderThatIsNotItsOwn(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mine := filepath.Join(dir, "state")
	for _, name := range []string{mine, filepath.Join(dir, rehearsal.BadPackage)} {
		if err := os.WriteFile(name, []byte("mine"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if y := enter(t, "simulate", "--dir", dir).must(t, 2); !strings.Contains(y.err, "not empty") {
		t.Errorf("refused with\n%s", y.err)
	}
	if text, err := os.ReadFile(mine); err != nil || string(text) != "mine" {
		t.Errorf("it touched a file of somebody else: %q, %v", text, err)
	}
	if y := enter(t, "simulate", "--servers", "1").must(t, 2); !strings.Contains(y.err, "--dir is missing") || !strings.Contains(y.err, "--servers is 1") {
		t.Errorf("not every mistake is named:\n%s", y.err)
	}
}

// Every fault is switched on and off, and nobody but the files that are for them has the fleet's secrets.
func TestAStandingFleetTellsItsSecretsToNobody(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "practice")
	cmd := background(t, "simulate", "--dir", dir, "--servers", "2", "--speed", strconv.Itoa(fleetSpeed), "--traffic", "10")
	var at rehearsal.Endpoints
	until(t, "the fleet stands", func() bool {
		text, err := os.ReadFile(filepath.Join(dir, rehearsal.EndpointsFile))
		return err == nil && json.Unmarshal(text, &at) == nil
	})
	answers := map[string]string{}
	for _, f := range rehearsal.Faults() {
		answer, err := http.Post(at.Control+"/faults", "application/json", strings.NewReader(`{"name":"`+f.Name+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %v", f.Name, answer.StatusCode, err)
		}
		answers["the answer of the control to "+f.Name] = string(text)
	}
	cmd.signal(os.Interrupt)
	y := cmd.ended().must(t, 0)
	answers["standard output"], answers["standard error"] = y.out, y.err
	looked, hits, err := spilled(dir, answers)
	if err != nil || looked < 20 {
		t.Errorf("%d files: %v", looked, err)
	}
	for _, hit := range hits {
		t.Error(hit)
	}
}
