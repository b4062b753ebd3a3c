package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// Fleets mostly wait: more of them may stand at the same time than the machine has processors.
func TestMain(m *testing.M) {
	if err := flag.Set("test.parallel", fleetsAtOnce); err != nil {
		log.Fatal(err)
	}
	testscript.Main(m, map[string]func(){"iis-canary": main})
}

// The scripts are the specification of the command line: what is typed, what comes out, and the exit code.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("SPEED", strconv.Itoa(fleetSpeed))
			e.Setenv("TRAFFIC", strconv.Itoa(fleetTraffic))
			e.Setenv("BUSY", strconv.Itoa(busyTraffic))
			e.Setenv("XDG_CACHE_HOME", e.WorkDir+"/cache")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits, "unspoken": unspoken},
	})
}

// exits runs a program and demands an exit code: exits CODE PROGRAM [ARG ...].
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG ...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	code := 0
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if code != want {
		ts.Fatalf("exit code %d, want %d", code, want)
	}
}

// unspoken demands that no secret of a fleet stands anywhere but in its own file: not on the screen, not in the journals, not in
// what servers were given or wrote, their command lines included. unspoken DIR, after the command that made the fleet; unspoken DIR
// unbegun where its run never began, and has no journal.
func unspoken(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 && (len(args) != 2 || args[1] != "unbegun") {
		ts.Fatalf("usage: unspoken DIR [unbegun]")
	}
	proofs := []string{"servers/*/logs/process-creation.log", "servers/*/logs/W3SVC*/*.log"}
	if len(args) == 1 {
		proofs = append(proofs, "state/*/*.jsonl")
	}
	dir := ts.MkAbs(args[0])
	looked, hits, err := spilled(dir, map[string]string{"standard output": ts.ReadFile("stdout"), "standard error": ts.ReadFile("stderr")})
	ts.Check(err)
	if len(hits) > 0 {
		ts.Fatalf("%s", strings.Join(hits, "\n"))
	}
	for _, proof := range proofs {
		if found, err := filepath.Glob(filepath.Join(dir, proof)); err != nil || len(found) == 0 {
			ts.Fatalf("there is nothing like %s to look into (%d files)", proof, looked)
		}
	}
}

// spilled looks for a fleet's own secrets in texts and in all files of its folder but those that are there for them, and says how many files there were.
func spilled(dir string, texts map[string]string) (looked int, hits []string, err error) {
	own := []string{"access_key", "secret_key", "winrm_password", "es_api_key", "es_password", "machine_password", "package_token"}
	looks := map[string][]form{}
	for _, name := range own {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return 0, nil, err
		}
		if len(text) < len("8 digits") {
			return 0, nil, fmt.Errorf("the %s is short enough to be found by chance", name)
		}
		looks[name] = forms(strings.TrimSpace(string(text)))
	}
	look := func(where string, text []byte) {
		text = bytes.ToLower(text)
		for name, all := range looks {
			for _, f := range all {
				if bytes.Contains(text, f.text) {
					hits = append(hits, fmt.Sprintf("the %s stands in %s: %s", name, where, f.name))
				}
			}
		}
	}
	for where, text := range texts {
		look(where, []byte(text))
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || slices.Contains(append(own, rehearsal.EndpointsFile), d.Name()) {
			return err
		}
		text, err := os.ReadFile(path)
		looked++
		look(path, text)
		return err
	})
	return looked, hits, err
}

// Every fault is rehearsed by a script, and the script ends with a search for secrets.
func TestEveryRehearsedFaultLooksForSecrets(t *testing.T) {
	t.Parallel()
	for _, f := range rehearsal.Faults() {
		text, err := os.ReadFile(filepath.Join("testdata", "script", "fault-"+f.Name+".txtar"))
		if err != nil || !strings.Contains(string(text), "--fault "+f.Name+" ") && f.Name != "none" || !strings.Contains(string(text), "\nunspoken kept") {
			t.Errorf("%s: no script like the others: %v", f.Name, err)
		}
	}
}
