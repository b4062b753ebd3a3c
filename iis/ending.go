package iis

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"iiscanary/iis/winrm"
)

// EndedError is an agent process that went away.
type EndedError struct {
	Exit   int
	Stderr string // the end of what it wrote there, readable; may be empty
}

func (e *EndedError) Error() string {
	s := "the agent process ended with exit code " + exitCode(e.Exit)
	if e.Stderr != "" {
		s += ": " + strings.TrimSuffix(e.Stderr, ".")
	}
	if d := e.Diagnosis(); d.Advice != "" {
		s += "; " + d.Advice
	}
	return s
}

// exitCode writes what is no small number as Windows' documentation does.
func exitCode(n int) string {
	if n < 0 || n > 0xffff {
		return fmt.Sprintf("0x%08X", uint32(n))
	}
	return fmt.Sprint(n)
}

// Diagnosis is what is known of such an end. One that nobody knows is worth another process.
func (e *EndedError) Diagnosis() winrm.Diagnosis {
	said := strings.ToLower(e.Stderr)
	for _, one := range endings() {
		if slices.Contains(one.codes, uint32(e.Exit)) || slices.ContainsFunc(one.words, func(w string) bool { return strings.Contains(said, w) }) {
			return one.Diagnosis
		}
	}
	return winrm.Diagnosis{Name: "ended", Kind: winrm.State}
}

// Endings is every end of the agent's process that is known, with the more special ones first.
func Endings() []winrm.Diagnosis {
	var out []winrm.Diagnosis
	for _, one := range endings() {
		out = append(out, one.Diagnosis)
	}
	return out
}

// ending is a row: an end, and how it is recognised.
type ending struct {
	winrm.Diagnosis
	codes []uint32 // of NTSTATUS (ntstatus.h), HRESULT (winerror.h), cmd.exe, or the loader
	words []string // on standard error, in lower case
}

// inputEnded is the exit code of the loader whose input was over before the agent had arrived.
const inputEnded = 3

func endings() []ending {
	row := func(name string, kind winrm.Kind, advice string, words []string, codes ...uint32) ending {
		return ending{winrm.Diagnosis{Name: name, Kind: kind, Advice: advice}, codes, words}
	}
	return []ending{
		row("constrained-language", winrm.Permanent, "PowerShell runs in constrained language mode here: let the account run in full language mode (AppLocker or WDAC policy)",
			[]string{"language mode", "only on core types"}),
		row("blocked", winrm.Permanent, "an antivirus product takes the agent's loader for malware: make an exception for PowerShell under this account",
			[]string{"malicious content", "blocked by your antivirus"}),
		row("no-powershell", winrm.Permanent, "Windows PowerShell is not where it belongs on this server", []string{"not recognized as an internal or external command"}, 9009),
		row("out-of-memory", winrm.Transient, "the memory of the shell or of the server is used up: MaxMemoryPerShellMB should be 1024 at least; end other sessions",
			[]string{"outofmemoryexception", "not enough memory", "insufficient memory"}, 0xC0000017, 0xC000009A, 0xC000012D, 0x8007000E, 0x800705AF),
		row("desktop-heap", winrm.Transient, "Windows cannot begin one more process (desktop heap): too many sessions are open on the server", nil, 0xC0000142),
		row("crashed", winrm.Transient, "the process crashed: the event log Application says in which module (events 1000 and 1026)", nil,
			0xC0000005, 0xC00000FD, 0xC0000374, 0xC0000409, 0x80131506, 0xE0434352),
		row("interrupted", winrm.Transient, "somebody on the server ended the process", nil, 0xC000013A),
		row("input-taken", winrm.State, "its input was over before the agent had arrived: something else on the server reads the standard input of PowerShell ($input)",
			nil, inputEnded),
	}
}

// diagnose is [winrm.Diagnose], for processes too.
func diagnose(err error) winrm.Diagnosis {
	if ended, is := errors.AsType[*EndedError](err); is {
		return ended.Diagnosis()
	}
	return winrm.Diagnose(err)
}
