package iis_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/iis"
	"iiscanary/iis/winrm"
)

// end is how Windows ends the agent's process.
type end struct {
	exit  int
	words string
}

// clixml is an error as PowerShell writes it where its output is redirected.
func clixml(text string) string {
	return "#< CLIXML\r\n" + `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><S S="Error">` + text + `_x000D__x000A_</S></Objs>`
}

func ends() map[string][]end {
	return map[string][]end{
		"constrained-language": {{1, clixml("Cannot invoke method. Method invocation is supported only on core types in this language mode.")}},
		"blocked":              {{1, clixml("This script contains malicious content and has been blocked by your antivirus software.")}},
		"no-powershell":        {{9009, ""}, {1, "'powershell.exe' is not recognized as an internal or external command,\r\noperable program or batch file."}},
		"out-of-memory": {{-2147024882, clixml("Exception of type 'System.OutOfMemoryException' was thrown.")}, {1, "System.OutOfMemoryException"},
			{0xC0000017, ""}, {0xC000009A, ""}, {0xC000012D, ""}, {-2147023441, ""}},
		"desktop-heap": {{-1073741502, ""}, {0xC0000142, ""}},
		"crashed":      {{0xC0000005, ""}, {-1073741819, ""}, {0xC00000FD, ""}, {0xC0000374, ""}, {0xC0000409, ""}, {-2146233082, ""}, {0xE0434352, "Unhandled Exception: System.AccessViolationException"}},
		"interrupted":  {{-1073741510, ""}},
		"input-taken":  {{3, ""}},
	}
}

func TestEveryEndOfTheAgentsProcessIsRecognisedAndAdvised(t *testing.T) {
	for name := range ends() {
		if !slices.ContainsFunc(iis.Endings(), func(d winrm.Diagnosis) bool { return d.Name == name }) {
			t.Errorf("%s is not recognised", name)
		}
	}
	for _, row := range iis.Endings() {
		all := ends()[row.Name]
		if len(all) == 0 {
			t.Errorf("nobody knows a way into %s", row.Name)
		}
		for _, one := range all {
			t.Run(row.Name, func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Timeouts.Tries = 1 }})
				err := w.killed(t, one)
				ended, is := errors.AsType[*iis.EndedError](err)
				if !is || ended.Diagnosis() != row || !strings.Contains(err.Error(), row.Advice) || strings.Contains(err.Error(), "CLIXML") {
					t.Errorf("%v", err)
				}
			})
		}
	}
}

// killed is what an operation says in the middle of which its process ends.
func (w *world) killed(t *testing.T, how end) error {
	t.Helper()
	w.acquire(t)
	w.stage(t, new, site("2"))
	s := w.servers["web-01"]
	s.Latency(20 * time.Millisecond)
	told := make(chan error, 1)
	go func() { told <- w.fleet.Start(t.Context(), "web-01", new) }()
	for range 2000 {
		select {
		case err := <-told:
			return err
		default:
			s.KillProcesses(how.exit, how.words)
			time.Sleep(time.Millisecond)
		}
	}
	return <-told
}

func TestAnEndThatMayPassIsFollowedByAnotherProcess(t *testing.T) {
	for _, row := range iis.Endings() {
		one := ends()[row.Name][0]
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{})
			if err := w.hello(t); err != nil {
				t.Fatal(err)
			}
			w.servers["web-01"].KillStarting(one.exit, one.words, 1)
			w.servers["web-01"].EndShells()
			err := w.hello(t)
			if again := err == nil; again != (row.Kind != winrm.Permanent) {
				t.Errorf("%s: %v", row.Kind, err)
			}
		})
	}
}

func TestAnEndThatNobodyKnowsIsToldAsItIs(t *testing.T) {
	for code, words := range map[int]string{7: "exit code 7", -5: "exit code 0xFFFFFFFB"} {
		err := &iis.EndedError{Exit: code, Stderr: "some words"}
		if d := err.Diagnosis(); d.Kind != winrm.State || !strings.HasSuffix(err.Error(), words+": some words") {
			t.Errorf("%+v: %v", d, err)
		}
	}
}

func TestAProcessThatHasEndedIsQuotedAndNotThePipeThatItLeft(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Timeouts.Tries = 1 }})
	for range 20 {
		w.servers["web-01"].KillStarting(0xC0000142, "", 1)
		err := w.hello(t)
		if ended, is := errors.AsType[*iis.EndedError](err); !is || ended.Diagnosis().Name != "desktop-heap" {
			t.Fatalf("got %v", err)
		}
	}
}
