package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"iiscanary/canary/report"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/metrics/estest"
)

// putUp puts up a fleet that the commands are then aimed at, as an operator aims them: by a configuration file.
func putUp(t *testing.T, faults ...string) *rehearsal.Fleet { return putUpOf(t, 2, faults...) }

// putUpOf is putUp for so many servers, where a wave between the first and the last matters.
func putUpOf(t *testing.T, servers int, faults ...string) *rehearsal.Fleet {
	t.Helper()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: servers, Speed: fleetSpeed, Traffic: fleetTraffic, Faults: faults, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// openShells is how many are open on each server.
func openShells(f *rehearsal.Fleet) []int {
	var open []int
	for _, s := range f.Servers {
		open = append(open, s.Truth().Shells)
	}
	return open
}

// noShells demands that nothing is left open on a server but what a killed run had open there: nobody can tell within two minutes that
// it is dead.
func noShells(t *testing.T, f *rehearsal.Fleet, killed []int) {
	t.Helper()
	for i, n := range openShells(f) {
		if n > killed[i] {
			t.Errorf("server %d has %d shells left, %d of them of the killed run", i+1, n, killed[i])
		}
	}
}

// everywhere demands that each server serves just this slot, by the word of the servers and of the balancer themselves.
func everywhere(t *testing.T, f *rehearsal.Fleet, slot string) {
	t.Helper()
	for i, s := range f.Servers {
		if truth := s.Truth(); !slices.Equal(truth.Running, []string{slot}) || !truth.Warm {
			t.Errorf("server %d runs %v, warm %t, want %s", i+1, truth.Running, truth.Warm, slot)
		}
	}
	if n := f.Healthy(); n != len(f.Servers) {
		t.Errorf("%d of %d servers are healthy in the target group", n, len(f.Servers))
	}
	if seen := f.Customers(); seen.Failed != 0 {
		t.Errorf("%d of %d customer requests failed: %v", seen.Failed, seen.Requests, seen.Errors)
	}
}

func TestPlanChangesNothingAndDeployExecutesJustThatPlan(t *testing.T) {
	t.Parallel()
	f := putUpOf(t, 3)
	saved := filepath.Join(t.TempDir(), "plan.json")
	y := enter(t, "plan", "-c", f.Config(), "--package", f.Package(), "--out", saved, "--detailed-exitcode").must(t, 10)
	for _, want := range []string{"app.domain.com-3456", "app.domain.com-3457", "drain web-02", "would be found", "never fewer than 2"} {
		if !strings.Contains(y.out, want) {
			t.Errorf("the plan does not say %q:\n%s", want, y.out)
		}
	}
	if n := f.Changes(); n != 0 {
		t.Fatalf("plan made %d changes", n)
	}
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--dry-run").must(t, 0)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package()).must(t, 2) // nobody is there to confirm
	if n := f.Changes(); n != 0 {
		t.Fatalf("a dry run or an unconfirmed deploy made %d changes", n)
	}

	forged := filepath.Join(t.TempDir(), "forged.json")
	text, err := os.ReadFile(saved)
	if err != nil {
		t.Fatal(err)
	}
	text = bytes.ReplaceAll(text, []byte(`"policy": "observed"`), []byte(`"policy": "full"`))
	if err := os.WriteFile(forged, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if y := enter(t, "deploy", "-c", f.Config(), "--plan", forged, "--yes").must(t, 7); !strings.Contains(y.err, "its steps") {
		t.Errorf("an edited plan was refused with\n%s", y.err)
	}
	y = enter(t, "deploy", "-c", f.Config(), "--plan", saved, "--yes", "-o", "json").must(t, 0)
	var o report.Outcome
	if err := json.Unmarshal([]byte(y.out), &o); err != nil || o.Outcome != report.Deployed || o.Exit != 0 || len(o.Servers) != 3 {
		t.Fatalf("%v: %+v", err, o)
	}
	everywhere(t, f, rehearsal.NewSlot)
	if y := enter(t, "status", "-c", f.Config()).must(t, 0); strings.Count(y.out, "app.domain.com-3457") != 6 || strings.Contains(y.out, "warning") {
		t.Errorf("status:\n%s", y.out)
	}
	if y := enter(t, "deploy", "-c", f.Config(), "--plan", saved, "--yes").must(t, 7); !strings.Contains(y.err, "no longer fits") {
		t.Errorf("a stale plan was refused with\n%s", y.err)
	}
	if y := enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0); !strings.Contains(y.err, "nothing to do") {
		t.Errorf("a second deploy of the same release says\n%s", y.err)
	}
	enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0)
	everywhere(t, f, rehearsal.OldSlot)
}

func TestAKilledDeployIsResumedOrReverted(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, verb string
		slot       string
		forget     bool // the machine that ran it is gone, and its journal with it
		later      bool // the server that was draining is in no target group any more
	}{
		{"resumed", "resume", rehearsal.NewSlot, false, false},
		{"resumed much later", "resume", rehearsal.NewSlot, false, true},
		{"reverted", "revert", rehearsal.OldSlot, false, false},
		{"reverted much later from another machine", "revert", rehearsal.OldSlot, true, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := putUp(t)
			cmd := underway(t, f)
			cmd.kill()
			killed := openShells(f)
			if c.later {
				until(t, "the draining server is listed no more", func() bool { return f.Listed() < len(f.Servers) })
			}
			y := enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes", "--lock-wait", "10m").must(t, 6) // its lease lasts
			if strings.Contains(y.err, "lower rollout.min_healthy") {
				t.Errorf("the operator is told to mend what the killed run has in hand:\n%s", y.err)
			}
			says(t, y.err, "that process is dead", "next:  iis-canary resume --config ", "iis-canary revert --config ")
			saysNot(t, y.err, "--take-over", "--lock-wait", "--abandon")
			if c.later && !strings.Contains(y.err, "web-01, which it took out of rotation, is in no target group") {
				t.Errorf("a new deploy does not name the forgotten server:\n%s", y.err)
			}
			args := []string{c.verb, "-c", f.Config()}
			if c.verb == "revert" {
				args = append(args, "--yes")
			}
			if c.forget {
				if err := os.RemoveAll(filepath.Join(filepath.Dir(f.Config()), "state")); err != nil {
					t.Fatal(err)
				}
				// From here nobody can tell whether that process is dead, however often the line is typed.
				for range 2 {
					if y := enter(t, args...).must(t, 6); !strings.Contains(y.err, "--take-over") {
						t.Errorf("refused without a word on what to do:\n%s", y.err)
					}
				}
				args = append(args, "--take-over")
			}
			enter(t, args...).must(t, 0)
			everywhere(t, f, c.slot)
			noShells(t, f, killed)
		})
	}
}

func TestTheFirstInterruptFinishesTheServerInHandAndTheSecondAbandons(t *testing.T) {
	t.Parallel()
	f := putUpOf(t, 3)
	cmd := underway(t, f)
	cmd.signal(os.Interrupt)
	cmd.ended().must(t, 5)
	if n := f.Healthy(); n != len(f.Servers) {
		t.Fatalf("%d of %d servers are in rotation after a stop", n, len(f.Servers))
	}

	// Beginning anew would take half a fleet for the old one, and put it back to that.
	if y := enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--slot", "9999", "--yes").must(t, 7); !strings.Contains(y.err, "did not come to its end") || !strings.Contains(y.err, "--abandon") {
		t.Errorf("a deploy over a stopped run was refused with\n%s", y.err)
	}
	underwayWith(t, f, "resume", "-c", f.Config(), "--yes").abandon()
	enter(t, "resume", "-c", f.Config()).must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)
}

func TestTwoRunsAtOnceAreKeptApart(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := underway(t, f)
	y := enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 6)
	says(t, y.err, "that process is at work", "next:  type the same line again when that run has ended; deploy, resume and revert wait for it with --lock-wait 25m", "Ctrl-C")
	saysNot(t, y.err, "lower rollout.min_healthy", "did not come to its end", "--abandon", "--take-over", "iis-canary resume", "iis-canary revert", "mend that")
	y = enter(t, "deploy", "-c", elsewhereOf(t, f, "other"), "--package", f.Package(), "--yes").must(t, 6)
	says(t, y.err, "whether that process lives cannot be known here", "next:  type the same line again when that run has ended; deploy, resume and revert wait for it with --lock-wait 25m", "iis-canary resume --config ", "iis-canary revert --config ", "--take-over")
	saysNot(t, y.err, "--abandon")
	if left, err := filepath.Glob(filepath.Join(filepath.Dir(f.Config()), "other", rehearsal.App, "*")); err != nil || len(left) > 0 {
		t.Errorf("a run that never began leaves %v (%v)", left, err)
	}
	cmd.ended().must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARunIsNotTakenUpWhileItsOwnProcessLives(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := underway(t, f)
	for _, verb := range []string{"revert", "resume"} {
		args := []string{verb, "-c", f.Config()}
		if verb == "revert" {
			args = append(args, "--yes")
		}
		if y := enter(t, args...).must(t, 6); !strings.Contains(y.err, "another process of this machine is at work") {
			t.Errorf("%s was refused with\n%s", verb, y.err)
		}
	}
	cmd.ended().must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)
}

func TestAHeldRunGoesOnWhenTheLogsAreBack(t *testing.T) {
	t.Parallel()
	f := putUp(t, "no-logs")
	cmd := underway(t, f)
	f.Begin()
	cmd.ended().must(t, 8)
	if n := f.Healthy(); n != len(f.Servers) {
		t.Fatalf("%d of %d servers are in rotation while the run is held", n, len(f.Servers))
	}
	f.ShipAgain()
	if y := enter(t, "resume", "-c", f.Config()).must(t, 0); !strings.Contains(y.err, "drain web-02") || strings.Contains(y.err, "wave2/web-02") {
		t.Errorf("a resumed run shows step ids instead of words:\n%s", y.err)
	}
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARevertDoesNotWaitForAServerThatCannotBeReached(t *testing.T) {
	t.Parallel()
	f := putUpOf(t, 3)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	f.Servers[2].Unreachable(true)
	if y := enter(t, "revert", "-c", f.Config(), "--yes").must(t, 4); !strings.Contains(y.out, "trouble: web-03") {
		t.Errorf("the server is not named:\n%s", y.out)
	}
	for i, s := range f.Servers[:2] {
		if running := s.Truth().Running; !slices.Equal(running, []string{rehearsal.OldSlot}) {
			t.Errorf("server %d runs %v", i+1, running)
		}
	}
	if n := f.Healthy(); n != len(f.Servers) {
		t.Errorf("%d of %d servers are in rotation", n, len(f.Servers))
	}
	f.Servers[2].Unreachable(false)
	enter(t, "revert", "-c", f.Config(), "--yes").must(t, 0)
	everywhere(t, f, rehearsal.OldSlot)
}

func TestAJournalThatTheServersKnowMoreOfIsNotBelieved(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	cmd := underway(t, f)
	cmd.kill()
	state := filepath.Join(filepath.Dir(f.Config()), "state")
	if err := os.Rename(state, state+".old"); err != nil {
		t.Fatal(err)
	}
	enter(t, "resume", "-c", f.Config(), "--take-over").must(t, 0)
	if err := errors.Join(os.RemoveAll(state), os.Rename(state+".old", state)); err != nil {
		t.Fatal(err)
	}
	if y := enter(t, "revert", "-c", f.Config(), "--yes").must(t, 7); !strings.Contains(y.err, "on another machine") {
		t.Errorf("refused with\n%s", y.err)
	}
	everywhere(t, f, rehearsal.NewSlot)
}

func TestARunThatWasOvertakenIsNotReverted(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes").must(t, 0)
	journals, err := filepath.Glob(filepath.Join(filepath.Dir(f.Config()), "state", "*", "*.jsonl"))
	if err != nil || len(journals) != 1 {
		t.Fatal(journals, err)
	}
	first := strings.TrimSuffix(filepath.Base(journals[0]), ".jsonl")
	enter(t, "deploy", "-c", f.Config(), "--package", f.Package(), "--slot", "3458", "--yes").must(t, 0)
	if y := enter(t, "revert", "-c", f.Config(), "--run", first, "--yes").must(t, 7); !strings.Contains(y.err, "another release was rolled since") || strings.Contains(y.err, "nothing to do") ||
		strings.Contains(y.err, "wave") {
		t.Errorf("refused with\n%s", y.err)
	}
	everywhere(t, f, rehearsal.App+"-3458")
}

func TestAResumeIsNotJudgedByAGuessWhenTheLogsCannotBeRead(t *testing.T) {
	t.Parallel()
	f := putUp(t, "slow")
	cmd := underway(t, f)
	cmd.kill()
	f.Logs.SetFaults(estest.Faults{Status: 503})
	enter(t, "resume", "-c", f.Config()).must(t, 7)
	f.Logs.SetFaults(estest.Faults{})
	enter(t, "resume", "-c", f.Config()).must(t, 3)
}
