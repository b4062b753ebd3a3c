package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/urfave/cli/v2"
)

// parses reports why a command line cannot be typed: the command, each flag and each value are looked at by the program's own
// parser. Nothing is executed.
func parses(line string) error {
	args, err := words(line)
	if err != nil {
		return err
	}
	var talk bytes.Buffer
	app := newApp(streams{out: &talk, err: &talk, getenv: func(string) string { return "" }})
	app.Action = unknownCommandOrHelp(app.Action)
	for _, c := range app.Commands {
		c.Action = func(c *cli.Context) error {
			if c.Command.ArgsUsage == shellArgument {
				return oneShell(c)
			}
			return noArguments(c)
		}
	}
	err = app.RunContext(context.Background(), args)
	if f, is := errors.AsType[*failure](err); is {
		return fmt.Errorf("%w; rather: %s", f, strings.Join(f.next, " or "))
	}
	return err
}

// unknownCommandOrHelp lets a bare `iis-canary` pass in prose only.
func unknownCommandOrHelp(do cli.ActionFunc) cli.ActionFunc {
	return func(c *cli.Context) error {
		if c.NArg() == 0 {
			return nil
		}
		return do(c)
	}
}

// words splits a line as a shell does, as far as the docs need it: quotes, and comments behind a #.
func words(line string) ([]string, error) {
	var all []string
	var word strings.Builder
	var quote rune
	inWord := false
	for _, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '"' || r == '\'':
			quote, inWord = r, true
		case r == '#' && !inWord:
			return all, nil
		case r == ' ' || r == '\t':
			if inWord {
				all = append(all, word.String())
				word.Reset()
			}
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("a quote %c is left open", quote)
	}
	if inWord {
		all = append(all, word.String())
	}
	return all, nil
}

// mention is a place in the docs where the program is called.
type mention struct {
	file  string
	line  int
	text  string // the command line
	fence string // what the code block is in: sh, yaml, powershell; empty in prose
}

var (
	// A call in a code block: at the start of the line, or behind a prompt, a key of YAML, a path or a pipe.
	inBlock = regexp.MustCompile(`(?:^|[\s/"'|&(])(iis-canary(?:\.exe)?(?: .*|$))`)
	// A call in prose: the whole of a code span.
	inProse = regexp.MustCompile("`(iis-canary [^`]*)`")
	// What other programs put into a command line: ${{ github.sha }}, $(Build.BuildId), %build.number%, $Parameters['x'].
	foreign = regexp.MustCompile(`\$\{\{[^}]*\}\}|\$\([^)]*\)|%[a-zA-Z._]+%|\$[A-Za-z_:]+(\['[^']*'\])?|#\{[^}]*\}`)
)

// mentions is every call of the program in the project's Markdown.
func mentionsIn(t *testing.T, files ...string) []mention {
	t.Helper()
	var all []mention
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fence, fenced := "", false
		for i, l := range strings.Split(string(text), "\n") {
			if mark, is := strings.CutPrefix(strings.TrimSpace(l), "```"); is {
				fenced = !fenced
				fence = mark
				continue
			}
			if fenced {
				code, _, _ := strings.Cut(l+" ", "# ")
				if m := inBlock.FindStringSubmatch(strings.TrimRight(code, " ")); m != nil && fence != "" {
					all = append(all, mention{file, i + 1, tidied(m[1]), fence})
				}
				continue
			}
			for _, m := range inProse.FindAllStringSubmatch(l, -1) {
				all = append(all, mention{file, i + 1, tidied(m[1]), ""})
			}
		}
	}
	return all
}

// tidied is a command line without what stands around it in a pipeline's file.
func tidied(line string) string {
	line = foreign.ReplaceAllString(line, "X")
	for _, end := range []string{" | ", " && ", " || ", " > ", " &", "; ", ")"} {
		line, _, _ = strings.Cut(line, end)
	}
	line = strings.TrimSuffix(strings.TrimSpace(line), "'")
	if strings.Count(line, `"`)%2 == 1 {
		line = strings.TrimSuffix(line, `"`)
	}
	return strings.Replace(line, "iis-canary.exe", "iis-canary", 1)
}

// papers is the project's Markdown for people.
func papers(t *testing.T) []string {
	t.Helper()
	found, err := filepath.Glob("../../docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	found = slices.DeleteFunc(found, func(file string) bool { return file == errorsPage }) // made from the code, with placeholders
	return append(found, "../../README.md")
}

func TestEveryCommandInTheDocsCanBeTyped(t *testing.T) {
	t.Parallel()
	all := mentionsIn(t, papers(t)...)
	if len(all) < 40 {
		t.Errorf("only %d calls of the program found in the docs", len(all))
	}
	for _, m := range all {
		if err := parses(m.text); err != nil {
			t.Errorf("%s:%d: %s: %v", strings.TrimPrefix(m.file, "../../"), m.line, m.text, err)
		}
	}
}

func TestACommandThatCannotBeTypedIsNoticed(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"iis-canary deply", "iis-canary deploy --bogus", "iis-canary deploy --package", "iis-canary deploy --lock-wait 15", "iis-canary plan extra",
		"iis-canary completion", "iis-canary completion nushell", "iis-canary --config x deploy", `iis-canary plan --out "x`,
	} {
		if err := parses(line); err == nil {
			t.Errorf("%s passes", line)
		}
	}
	file := filepath.Join(t.TempDir(), "page.md")
	text := "Type `iis-canary plan` or see iis-canary.\n\n```yaml\n- run: iis-canary deploy --package a.${{ github.run_number }}.zip --yes\n  other: iis-canary-old\n" +
		"```\n\n```sh\n$ ./iis-canary status -c canary.yaml &   # a comment on iis-canary\n# iis-canary says\ncurl x && iis-canary version\n```\n\n```\n✖ iis-canary says\n```\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, m := range mentionsIn(t, file) {
		got = append(got, fmt.Sprintf("%d %s: %s", m.line, m.fence, m.text))
	}
	want := []string{"1 : iis-canary plan", "4 yaml: iis-canary deploy --package a.X.zip --yes",
		"9 sh: iis-canary status -c canary.yaml", "11 sh: iis-canary version"}
	if !slices.Equal(got, want) {
		t.Errorf("found %q, want %q", got, want)
	}
}
