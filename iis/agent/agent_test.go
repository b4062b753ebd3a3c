package agent

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// script decodes the command line as powershell.exe does.
func script(t *testing.T, command string) string {
	t.Helper()
	_, encoded, found := strings.Cut(command, " -EncodedCommand ")
	if !found {
		t.Fatalf("no -EncodedCommand in %q", command)
	}
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	var units []uint16
	for ; len(raw) > 1; raw = raw[2:] {
		units = append(units, binary.LittleEndian.Uint16(raw))
	}
	return string(utf16.Decode(units))
}

func TestTheLoaderChecksTheSourceThatIsSent(t *testing.T) {
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	length, source := binary.LittleEndian.Uint32(p.Input), p.Input[4:]
	if int(length) != len(source) {
		t.Errorf("announced %d bytes of source, %d follow", length, len(source))
	}
	s := script(t, p.Command)
	for _, want := range []string{fmt.Sprintf("%X", sha256.Sum256(source)), "[IisCanary.Agent]::Run"} {
		if !strings.Contains(s, want) {
			t.Errorf("%s is not in the loader", want)
		}
	}
	if strings.Contains(s, "@SHA256@") {
		t.Error("the loader has a placeholder left")
	}
}

// WinRS runs the line through cmd.exe, which takes 8,191 characters; 8,157 are left.
func TestTheCommandLineIsShortEnough(t *testing.T) {
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if n := len(p.Command); n >= 8000 {
		t.Errorf("%d characters", n)
	}
}

// The name of that variable anywhere in the script makes the PowerShell host read standard input itself.
func TestTheLoaderLeavesStandardInputAlone(t *testing.T) {
	p, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(strings.ToLower(script(t, p.Command)), "$input") {
		t.Error("the loader names the automatic variable that drains standard input")
	}
}

func TestErrorTextReadsWhatPowerShellWrites(t *testing.T) {
	for _, test := range []struct{ name, stderr, want string }{
		{"nothing", "", ""},
		{"plain", "'powershell.exe' is not recognized\r\n", "'powershell.exe' is not recognized"},
		{"CLIXML", "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\">" +
			"<Obj S=\"progress\" RefId=\"0\"><S>Preparing modules</S></Obj>" +
			"<S S=\"Error\">Cannot invoke method. _x000D__x000A_</S><S S=\"Error\">_x001B_[31;1mOnly core types_x001B_[0m</S></Objs>",
			"Cannot invoke method. Only core types"},
		{"both", "before #< CLIXML <Objs><S S=\"Error\">after</S></Objs>", "before after"},
		{"cut off", "#< CLIXML\r\n<Objs><S S=\"Error\">whole</S><S S=\"Err", "whole"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := ErrorText(test.stderr); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func FuzzErrorText(f *testing.F) {
	f.Add("#< CLIXML\r\n<Objs><S S=\"Error\">_x000D_</S></Objs>")
	f.Add("plain")
	f.Fuzz(func(t *testing.T, s string) {
		if got := ErrorText(s); strings.ContainsAny(got, "\r\n\t") {
			t.Errorf("%q is more than one line", got)
		}
	})
}
