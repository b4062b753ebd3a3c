package main

import (
	"errors"
	"fmt"
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
	exitHeld       exit = 8   // held because unsure
	exitChanges    exit = 10  // plan --detailed-exitcode: there are changes
	exitAbandoned  exit = 130 // abandoned by a second interrupt
)

const exitHelp = `   0  done, or nothing to do
   1  unexpected error (the message says whether the fleet was touched)
   2  usage or configuration wrong; nothing touched
   3  the release was refused and the fleet was put back cleanly
   4  the fleet is mixed or a server is out: a person is needed
   5  stopped by the operator; resumable
   6  another run holds the lock
   7  preflight failed; nothing touched
   8  held because unsure
  10  plan --detailed-exitcode: there are changes
 130  abandoned by a second interrupt`

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
