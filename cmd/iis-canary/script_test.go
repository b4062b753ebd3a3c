package main

import (
	"errors"
	"flag"
	"log"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
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
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
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
