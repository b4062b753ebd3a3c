package iistest

import (
	"cmp"
	"context"
	"encoding/xml"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// psVersion is the one of Windows Server 2022.
const psVersion = "5.1.20348.2227"

// statement is one of the few that the simulated PowerShell knows. ends: the script is over.
type statement struct {
	run  program
	ends bool
}

// script takes a script apart before anything of it runs; false: a part of it is not simulated. xml says that errors go out as
// CLIXML, which is so with -EncodedCommand.
func (s *Server) script(text string, xml bool) (program, bool) {
	var all []statement
	for _, part := range statements(text) {
		one, ok := s.statement(part, xml)
		if !ok {
			return nil, false
		}
		all = append(all, one)
	}
	return func(ctx context.Context, in io.Reader, out, errs io.Writer) int {
		code := 0
		for _, one := range all {
			if code = one.run(ctx, in, out, errs); one.ends || ctx.Err() != nil {
				break
			}
		}
		return code
	}, true
}

// statements splits a script at semicolons and line ends that are not quoted.
func statements(text string) []string {
	var out []string
	quote, from := byte(0), 0
	for i := 0; i <= len(text); i++ {
		switch {
		case i == len(text) || quote == 0 && (text[i] == ';' || text[i] == '\n'):
			if part := strings.TrimSpace(text[from:i]); part != "" {
				out = append(out, part)
			}
			from = i + 1
		case quote == 0 && (text[i] == '\'' || text[i] == '"'):
			quote = text[i]
		case text[i] == quote:
			quote = 0
		}
	}
	return out
}

var (
	quietForm   = regexp.MustCompile(`(?i)^\$ProgressPreference\s*=\s*['"]?SilentlyContinue['"]?$`)
	exitingForm = regexp.MustCompile(`(?i)^exit(?:\s+(-?\d{1,9}))?$`)
	sleepForm   = regexp.MustCompile(`(?i)^Start-Sleep\s+(-s\w*\s+|-m\w*\s+)?(\d{1,5})$`)
	writeForm   = regexp.MustCompile(`(?i)^(Write-Output|Write-Host|Write-Error|echo)\s+(.+)$`)
	consoleForm = regexp.MustCompile(`(?i)^\[Console\]::Error\.WriteLine\((.*)\)$`)
)

func (s *Server) statement(text string, xml bool) (statement, bool) {
	if quietForm.MatchString(text) {
		return statement{run: says("", 0)}, true
	}
	if m := exitingForm.FindStringSubmatch(text); m != nil {
		code, err := strconv.Atoi(cmp.Or(m[1], "0"))
		return statement{run: says("", code), ends: true}, err == nil
	}
	if m := sleepForm.FindStringSubmatch(text); m != nil {
		unit := time.Second
		if strings.HasPrefix(strings.ToLower(m[1]), "-m") {
			unit = time.Millisecond
		}
		n, err := strconv.Atoi(m[2])
		return statement{run: sleeps(time.Duration(n) * unit)}, err == nil
	}
	if m := consoleForm.FindStringSubmatch(text); m != nil {
		value, ok := s.value(m[1])
		return statement{run: complains(value, 0)}, ok
	}
	if m := writeForm.FindStringSubmatch(text); m != nil {
		value, ok := s.value(m[2])
		if strings.EqualFold(m[1], "Write-Host") {
			return statement{run: writesHost(value)}, ok
		}
		ok = ok && (strings.ContainsAny(m[2][:1], `'"`) || !strings.Contains(value, " ")) // a second bare word is a second argument
		if strings.EqualFold(m[1], "Write-Error") {
			return statement{run: raises(text, value, xml)}, ok
		}
		return statement{run: says(value, 0)}, ok
	}
	if strings.EqualFold(text, "hostname") || strings.EqualFold(text, "whoami") {
		run, _ := s.word(text)
		return statement{run: run}, true
	}
	value, ok := s.value(text)
	return statement{run: says(value, 0)}, ok && strings.ContainsAny(text[:1], `'"$`)
}

var bareForm = regexp.MustCompile(`^[A-Za-z][\w.]*(?: [A-Za-z][\w.]*)*$`)

// value is a constant, or one of the two variables that every host has.
func (s *Server) value(text string) (string, bool) {
	text = strings.TrimSpace(text)
	inner := text[min(1, len(text)):max(len(text)-1, min(1, len(text)))]
	switch {
	case strings.EqualFold(text, "$env:COMPUTERNAME"):
		return s.config.Name, true
	case strings.EqualFold(text, "$PSVersionTable.PSVersion.ToString()"):
		return psVersion, true
	case len(text) > 1 && text[0] == '\'' && text[len(text)-1] == '\'':
		return inner, !strings.Contains(inner, "'")
	case len(text) > 1 && text[0] == '"' && text[len(text)-1] == '"':
		return inner, !strings.ContainsAny(inner, "\"$`")
	}
	return text, bareForm.MatchString(text)
}

// sleeps ends early, with the code of an interrupt, when the process is killed.
func sleeps(d time.Duration) program {
	return func(ctx context.Context, _ io.Reader, _, _ io.Writer) int {
		if !pause(ctx, d) {
			return controlC
		}
		return 0
	}
}

// writesHost writes the text and a bare line feed, one after the other, as Write-Host does over WinRM.
func writesHost(text string) program {
	return func(_ context.Context, _ io.Reader, out, _ io.Writer) int {
		_, _ = io.WriteString(out, text) // a killed process writes nothing
		_, _ = io.WriteString(out, "\n")
		return 0
	}
}

// raises is Write-Error: an error record on stderr, as text or as CLIXML, and exit code 1 when nothing follows it.
func raises(script, message string, asXML bool) program {
	lines := []string{script + " : " + message, "    + CategoryInfo          : NotSpecified: (:) [Write-Error], WriteErrorException",
		"    + FullyQualifiedErrorId : Microsoft.PowerShell.Commands.WriteErrorException", " "}
	if !asXML {
		return complains(strings.Join(lines, "\r\n"), 1)
	}
	return throws(lines...)
}

// throws is an error that ends a script which came with -EncodedCommand: CLIXML, and exit code 1.
func throws(lines ...string) program {
	var b strings.Builder
	b.WriteString(`#< CLIXML` + "\r\n" + `<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">`)
	for _, l := range lines {
		b.WriteString(`<S S="Error">`)
		_ = xml.EscapeText(&b, []byte(l)) // a strings.Builder never fails
		b.WriteString("_x000D__x000A_</S>")
	}
	b.WriteString("</Objs>")
	return func(_ context.Context, _ io.Reader, _, errs io.Writer) int {
		_, _ = io.WriteString(errs, b.String()) // a killed process writes nothing
		return 1
	}
}

// plain is what powershell.exe was given without -EncodedCommand: a script, or "-" for the standard input.
func plain(args string) string {
	for args = strings.TrimSpace(args); ; {
		flag, rest := cutWord(args)
		switch strings.ToLower(flag) {
		case "-noprofile", "-nop", "-noninteractive", "-noni", "-nologo":
			args = strings.TrimSpace(rest)
		case "-executionpolicy", "-ep", "-ex", "-outputformat", "-inputformat":
			_, rest = cutWord(strings.TrimSpace(rest))
			args = strings.TrimSpace(rest)
		case "-command", "-c":
			args = strings.TrimSpace(rest)
			if len(args) > 1 && args[0] == '"' && args[len(args)-1] == '"' {
				args = args[1 : len(args)-1]
			}
			return args
		default:
			return args
		}
	}
}

// unencoded runs a script that is written out, or one that comes in through the standard input.
func (s *Server) unencoded(args string) program {
	const refusal = "this simulated powershell.exe runs the agent's loader and a few words, nothing else"
	text := plain(args)
	if text != "-" {
		run, ok := s.script(text, false)
		if !ok || text == "" {
			return complains(refusal, 1)
		}
		return run
	}
	return func(ctx context.Context, in io.Reader, out, errs io.Writer) int {
		typed, err := io.ReadAll(in)
		if err != nil {
			return controlC
		}
		run, ok := s.script(string(typed), false)
		if !ok {
			return complains(refusal, 1)(ctx, in, out, errs)
		}
		return run(ctx, strings.NewReader(""), out, errs)
	}
}
