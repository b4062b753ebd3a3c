package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// exit is the code that the process ends with. Few, printed in the help, tested.
type exit int

const (
	exitDone       exit = 0   // done, or nothing to do
	exitUnexpected exit = 1   // the message says whether the fleet was touched
	exitUsage      exit = 2   // usage or configuration wrong; nothing touched
	exitReverted   exit = 3   // the release was refused and the fleet was put back cleanly
	exitMixed      exit = 4   // the fleet is mixed or a server is out: a person is needed
	exitStopped    exit = 5   // stopped by the operator; resumable
	exitLocked     exit = 6   // another run holds the lock
	exitPreflight  exit = 7   // preflight failed; nothing touched
	exitHeld       exit = 8   // held because unsure, or because the journal cannot be written
	exitChanges    exit = 10  // plan --detailed-exitcode: there are changes
	exitAbandoned  exit = 130 // abandoned by a second interrupt
)

// meaning is what an exit code says, and the commands that can end with it.
type meaning struct {
	code     exit
	words    string
	commands string // names, with a space between; empty: every command
}

// meanings is every exit code, in order: the one table that help pages, the manual and the docs are made from.
func meanings() []meaning {
	const (
		rolls   = "deploy resume rehearse"
		changes = "deploy revert resume rehearse"
		fleet   = "doctor plan deploy status revert resume rehearse"
	)
	return []meaning{
		{exitDone, "done, or nothing to do", ""},
		{exitUnexpected, "unexpected error (the message says whether the fleet was touched)", ""},
		{exitUsage, "usage or configuration wrong; nothing touched", ""},
		{exitReverted, "the release was refused and the fleet was put back cleanly", rolls},
		{exitMixed, "the fleet is mixed or a server is out: a person is needed", changes},
		{exitStopped, "stopped by the operator; resumable", fleet + " simulate"},
		{exitLocked, "another run holds the lock", "doctor plan deploy revert resume"},
		{exitPreflight, "preflight failed; nothing touched", fleet + " simulate"},
		{exitHeld, "held because unsure, or because the journal cannot be written", changes},
		{exitChanges, "plan --detailed-exitcode: there are changes; status --detailed-exitcode: not all is as it should be", "plan status"},
		{exitAbandoned, "abandoned by a second interrupt", changes},
	}
}

// of reports whether a command can end so.
func (m meaning) of(command string) bool {
	return m.commands == "" || slices.Contains(strings.Fields(m.commands), command)
}

// exitHelp is the codes that a command can end with, one per line; of all commands where none is named.
func exitHelp(command string) string {
	var lines []string
	for _, m := range meanings() {
		if command == "" || m.of(command) {
			lines = append(lines, fmt.Sprintf("%4d  %s", m.code, m.words))
		}
	}
	return strings.Join(lines, "\n")
}

// failure is an error as a person reads it: what failed, what is true now, what to type next.
type failure struct {
	code exit
	what error
	now  string
	next []string
}

func (f *failure) Error() string { return f.what.Error() }
func (f *failure) Unwrap() error { return f.what }

// fail makes a failure; next are command lines to type, or advice.
func fail(code exit, what error, now string, next ...string) *failure {
	return &failure{code, what, now, next}
}

// then says what to type next.
func (f *failure) then(next ...string) *failure {
	f.next = next
	return f
}

// usage is a mistake on the command line.
func usage(format string, args ...any) *failure {
	return fail(exitUsage, fmt.Errorf(format, args...), "nothing was touched")
}

// codeOf is the exit code of an error that a command returned.
func codeOf(err error) exit {
	if err == nil {
		return exitDone
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.code
	}
	if q, ok := errors.AsType[quiet](err); ok {
		return exit(q)
	}
	return exitUnexpected
}

// quiet ends the process with a code after everything has been said already.
type quiet exit

func (q quiet) Error() string { return fmt.Sprintf("exit %d", int(q)) }
