package iistest

import (
	"encoding/base64"
	"encoding/binary"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"
)

// encoded is a script as clients send it.
func encoded(script string) string {
	var raw []byte
	for _, unit := range utf16.Encode([]rune(script)) {
		raw = binary.LittleEndian.AppendUint16(raw, unit)
	}
	return "powershell -encodedcommand " + base64.StdEncoding.EncodeToString(raw)
}

func TestOnlyAFewWordsOfCmdAndPowerShellAreKnown(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	const unknown = "' is not recognized as an internal or external command,\r\noperable program or batch file.\r\n"
	for _, x := range []struct {
		line, out, errs string
		exit            int
	}{
		{"hostname", "WEB-SIM\r\n", "", 0},
		{"whoami", "web-sim\\deploy\r\n", "", 0},
		{"echo a  b", "a  b\r\n", "", 0},
		{"exit /b 3", "", "", 3},
		{"cmd.exe /d /c echo hi", "hi\r\n", "", 0},
		{`cmd /c "echo a & exit /b 3"`, "a \r\n", "", 3},
		{"cmd.exe /c echo out && echo err>&2 && exit 1", "out \r\n", "err \r\n", 1},
		{"msdeploy -verb:sync", "", "'msdeploy" + unknown, 1},
		{"cmd /c nonsense || echo instead", "instead\r\n", "'nonsense" + unknown, 0},
		{"exit 2 & echo never", "", "", 2},
		{"echo %PATH%", "", "this simulated cmd.exe knows neither pipes nor files nor variables\r\n", 1},
		{"echo a > D:\\x", "", "this simulated cmd.exe knows neither pipes nor files nor variables\r\n", 1},
		{"cmd", "", "this simulated cmd.exe runs /c COMMAND, nothing else\r\n", 1},
		{"powershell.exe -NoProfile -Command Get-Date", "", "this simulated powershell.exe runs the agent's loader and a few words, nothing else\r\n", 1},
		{"powershell.exe -NoProfile -Command \"Write-Host hi again; 'x'\"", "hi again\nx\r\n", "", 0},
		{strings.Replace(loader("x"), "-EncodedCommand", "-enc", 1), "", "this script is not simulated\r\n", 1},
		{encoded("Write-Output 'a;b'\n[Console]::Error.WriteLine(\"c\")\nexit 7\n'never'"), "a;b\r\n", "c\r\n", 7},
		{encoded("$env:COMPUTERNAME; whoami; exit -1"), "WEB-SIM\r\nweb-sim\\deploy\r\n", "", -1},
		{encoded("'half'; Remove-Item C:\\"), "", "this script is not simulated\r\n", 1},
		{encoded("Write-Error 'a<b'"), "", "#< CLIXML\r\n<Objs Version=\"1.1.0.1\" xmlns=\"http://schemas.microsoft.com/powershell/2004/04\"><S S=\"Error\">Write-Error &#39;a&lt;b&#39; : a&lt;b_x000D__x000A_</S>" +
			"<S S=\"Error\">    + CategoryInfo          : NotSpecified: (:) [Write-Error], WriteErrorException_x000D__x000A_</S>" +
			"<S S=\"Error\">    + FullyQualifiedErrorId : Microsoft.PowerShell.Commands.WriteErrorException_x000D__x000A_</S><S S=\"Error\"> _x000D__x000A_</S></Objs>", 1},
	} {
		out, errs, exit := c.untilDone(shell, c.command(shell, x.line))
		if out != x.out || errs != x.errs || exit != x.exit {
			t.Errorf("%s: %q, %q, %d", x.line, out, errs, exit)
		}
	}
}

// untilDone is finish for exit codes below zero too.
func (c *soap) untilDone(shell, command string) (stdout, stderr string, exit int) {
	c.t.Helper()
	for {
		a := c.receive(shell, command)
		if a.status != http.StatusOK {
			c.t.Fatalf("receive: HTTP %d: %s", a.status, a.text)
		}
		o, e, _, code := a.output(c.t)
		stdout, stderr = stdout+o, stderr+e
		if strings.Contains(a.text, "CommandState/Done") {
			return stdout, stderr, code
		}
	}
}

func TestAProgramReadsItsInputToTheEnd(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	command := c.command(shell, "sort")
	c.send(shell, command, []byte("b\r\na\r\n"), false)
	c.send(shell, command, []byte("C\r\n"), true)
	if out, errs, exit := c.untilDone(shell, command); out != "a\r\nb\r\nC\r\n" || errs != "" || exit != 0 {
		t.Errorf("%q, %q, %d", out, errs, exit)
	}
	typed := c.command(shell, "powershell.exe -")
	c.send(shell, typed, []byte("Write-Host 'output 1';"), false)
	c.send(shell, typed, []byte("Write-Host 'output 2'"), true)
	if out, _, exit := c.untilDone(shell, typed); out != "output 1\noutput 2\n" || exit != 0 {
		t.Errorf("%q, %d", out, exit)
	}
}

const consoleMode = `<w:OptionSet><w:Option Name="WINRS_CONSOLEMODE_STDIN">TRUE</w:Option></w:OptionSet>`

func TestAnInterruptReachesAConsoleOnly(t *testing.T) {
	c := newSOAP(t, serve(t, nil))
	shell := c.create()
	for _, line := range []string{"sort", "powershell Start-Sleep 600", "powershell -"} {
		command := c.between(c.ask(shellURI+"/Command", shell, consoleMode, "<rsp:CommandLine><rsp:Command>"+line+"</rsp:Command></rsp:CommandLine>"),
			"<rsp:CommandId>", "<")
		c.signal(shell, command, "ctrl_c")
		if out, _, exit := c.untilDone(shell, command); out != "" || exit != controlC {
			t.Errorf("%s: %q, %d", line, out, exit)
		}
	}
	command := c.command(shell, "sort")
	if a := c.signal(shell, command, "ctrl_c"); a.status != http.StatusOK {
		t.Errorf("a signal to a process with a pipe: %s", a.text)
	}
	c.send(shell, command, []byte("a\r\n"), true)
	if out, _, exit := c.untilDone(shell, command); out != "a\r\n" || exit != 0 {
		t.Errorf("after an interrupt that it cannot hear: %q, %d", out, exit)
	}
}

func FuzzTakeApart(f *testing.F) {
	for _, s := range []string{`echo a && echo b>&2`, `"a&b" || c`, `a ^& b 1>&2`, `&`, `"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, line string) {
		steps, ok := takeApart(line)
		total := 0
		for i, s := range steps {
			total += len(s.text)
			if ok && (strings.TrimSpace(s.text) == "" || (i == 0) != (s.join == "")) {
				t.Errorf("%+v from %q", steps, line)
			}
		}
		if total > len(line) || ok && len(steps) == 0 {
			t.Errorf("%+v from %q", steps, line)
		}
	})
}

func FuzzScript(f *testing.F) {
	for _, s := range []string{`Write-Output 'a;b'; exit 3`, "Start-Sleep -m 5\n\"x\"", `$env:COMPUTERNAME`, `'`, `"a$b"`, `'a''b'`} {
		f.Add(s)
	}
	s := &Server{config: Config{Name: "WEB-SIM", User: "deploy"}}
	f.Fuzz(func(t *testing.T, text string) {
		for _, part := range statements(text) {
			if strings.TrimSpace(part) == "" || !strings.Contains(text, part) {
				t.Errorf("%q from %q", part, text)
			}
		}
		if run, ok := s.script(text, true); ok && run == nil {
			t.Errorf("%q is taken and does nothing", text)
		}
	})
}
