package iistest

import (
	"context"
	"io"
	"slices"
	"strconv"
	"strings"
)

// controlC is STATUS_CONTROL_C_EXIT, the exit code of a process that was interrupted.
const controlC = -1073741510

// step is one command of a line, as cmd.exe takes it apart (cmd /?): what stands before it, and where its output goes.
type step struct {
	join  string // "", "&", "&&" or "||"
	text  string
	toErr bool // >&2
}

// takeApart splits a command line at &, && and ||. false: it holds something that is not simulated, such as a pipe, a file or
// a variable.
func takeApart(line string) ([]step, bool) {
	steps, quoted := []step{{}}, false
	for i := 0; i < len(line); i++ {
		last := &steps[len(steps)-1]
		rest, c := line[i:], line[i]
		switch {
		case c == '%':
			return nil, false
		case c == '"':
			quoted = !quoted
			last.text += `"`
		case quoted:
			last.text += rest[:1]
		case c == '^' && len(rest) > 1:
			i++
			last.text += rest[1:2]
		case strings.HasPrefix(rest, "&&"), strings.HasPrefix(rest, "||"):
			i++
			steps = append(steps, step{join: rest[:2]})
		case c == '&':
			steps = append(steps, step{join: "&"})
		case strings.HasPrefix(rest, ">&2"):
			i += 2
			last.toErr = true
			if strings.HasSuffix(last.text, " 1") {
				last.text = last.text[:len(last.text)-1]
			}
		case c == '|', c == '<', c == '>':
			return nil, false
		default:
			last.text += rest[:1]
		}
	}
	empty := func(s step) bool { return strings.TrimSpace(s.text) == "" }
	return steps, !slices.ContainsFunc(steps, empty)
}

// program is what a command line starts: WinRS gives it to cmd /c.
func (s *Server) program(line string) program {
	steps, ok := takeApart(line)
	if !ok {
		return complains("this simulated cmd.exe knows neither pipes nor files nor variables", 1)
	}
	return func(ctx context.Context, in io.Reader, out, errs io.Writer) int {
		code := 0
		for _, one := range steps {
			if one.join == "&&" && code != 0 || one.join == "||" && code == 0 {
				continue
			}
			to := out
			if one.toErr {
				to = errs
			}
			run, leaves := s.word(one.text)
			if code = run(ctx, in, to, errs); leaves || ctx.Err() != nil {
				break
			}
		}
		return code
	}
}

// word is one command; leaves: the rest of the line is not run.
func (s *Server) word(text string) (run program, leaves bool) {
	said, rest := cutWord(strings.TrimLeft(text, " \t"))
	name := strings.TrimSuffix(strings.ToLower(strings.Trim(said, `"`)), ".exe")
	switch name {
	case "powershell", `c:\windows\system32\windowspowershell\v1.0\powershell`:
		return s.powerShell(rest), false
	case "cmd", `c:\windows\system32\cmd`:
		return s.nested(rest), false
	case "echo":
		if strings.TrimSpace(rest) == "" {
			rest = "ECHO is on."
		}
		return says(rest, 0), false
	case "echo.":
		return says(rest, 0), false
	case "hostname":
		return says(s.config.Name, 0), false
	case "whoami":
		return says(s.account(), 0), false
	case "ver":
		return says("\r\nMicrosoft Windows [Version 10.0.20348.2227]", 0), false
	case "sort":
		return sortLines, false
	case "exit":
		code, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(rest), "/b")))
		if err != nil {
			code = 0
		}
		return says("", code), true
	}
	return complains("'"+said+"' is not recognized as an internal or external command,\r\noperable program or batch file.", 1), false
}

// cutWord splits a command at its first blank; the rest is as it was typed after that.
func cutWord(text string) (word, rest string) {
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, ""
}

// nested is cmd.exe in cmd.exe; it runs /c only, and takes off the quotes around the whole.
func (s *Server) nested(args string) program {
	for {
		flag, rest := cutWord(strings.TrimLeft(args, " \t"))
		switch strings.ToLower(flag) {
		case "/c":
			line := rest
			if bare := strings.TrimSpace(line); len(bare) > 1 && bare[0] == '"' && bare[len(bare)-1] == '"' {
				line = bare[1 : len(bare)-1]
			}
			if strings.TrimSpace(line) == "" {
				return says("", 0)
			}
			return s.program(line)
		case "/d", "/q", "/s":
			args = rest
		default:
			return complains("this simulated cmd.exe runs /c COMMAND, nothing else", 1)
		}
	}
}

// account is the login as whoami prints it: in lower case, a local one with the machine's name.
func (s *Server) account() string {
	user := s.config.User
	if !strings.Contains(user, `\`) {
		user = s.config.Name + `\` + user
	}
	return strings.ToLower(user)
}

// sortLines is sort.exe: nothing comes before the input has ended.
func sortLines(_ context.Context, in io.Reader, out, _ io.Writer) int {
	text, err := io.ReadAll(in)
	if err != nil {
		return controlC
	}
	lines := strings.FieldsFunc(string(text), func(r rune) bool { return r == '\r' || r == '\n' })
	slices.SortStableFunc(lines, func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) })
	for _, l := range lines {
		_, _ = io.WriteString(out, l+"\r\n") // a killed process writes nothing
	}
	return 0
}
