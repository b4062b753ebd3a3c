package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// script is what the program prints for a shell.
func script(t *testing.T, shell string) string {
	t.Helper()
	var out, talk bytes.Buffer
	if code := run([]string{"iis-canary", "completion", shell}, streams{out: &out, err: &talk}); code != 0 || talk.Len() > 0 {
		t.Fatalf("exit %d\n%s", code, talk.String())
	}
	return out.String()
}

// asked is a command line whose last word is being typed.
type asked struct {
	words []string
	want  []string // offered, among others
	not   []string // not offered
	exact bool     // nothing else is offered
}

func askings() []asked {
	return []asked{
		{words: []string{"pl"}, want: []string{"plan"}, exact: true},
		{words: []string{""}, want: []string{"deploy", "completion", "man", "--version"}},
		{words: []string{"deploy", "--pa"}, want: []string{"--package", "--package-sha256"}, exact: true},
		{words: []string{"deploy", ""}, want: []string{"--dry-run", "--yes", "--help", "-p"}, not: []string{"--run", "--fault", "plan"}},
		{words: []string{"version", "--"}, want: []string{"--output", "--help"}, exact: true},
		{words: []string{"plan", "--output", ""}, want: []string{"text", "json"}, exact: true},
		{words: []string{"plan", "-o", "j"}, want: []string{"json"}, exact: true},
		{words: []string{"plan", "--output", "=", "te"}, want: []string{"text"}, exact: true},
		{words: []string{"plan", "--output", "="}, want: []string{"text", "json"}, exact: true},
		{words: []string{"rehearse", "--fault", "errors"}, want: []string{"errors", "errors-late"}, exact: true},
		{words: []string{"rehearse", "--servers", ""}, exact: true},
		{words: []string{"deploy", "--config", ""}, want: []string{"canary.yaml", "two words.yaml", "folder"}, exact: true},
		{words: []string{"plan", "-p", "can"}, want: []string{"canary.yaml"}, exact: true},
		{words: []string{"deploy", "--plan", "two"}, want: []string{"two words.yaml"}, exact: true},
		{words: []string{"rehearse", "--keep", ""}, want: []string{"folder"}, exact: true},
		{words: []string{"completion", ""}, want: []string{"bash", "zsh", "fish", "powershell", "--help", "-h"}, exact: true},
		{words: []string{"deploy", "--yes", "--dr"}, want: []string{"--dry-run"}, exact: true},
	}
}

// checkout is a folder in which paths are completed.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"canary.yaml", "two words.yaml"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// shellOutput runs a shell in dir; a word on its standard error is a mistake in the script.
func shellOutput(t *testing.T, dir string, command ...string) string {
	t.Helper()
	cmd := exec.Command(command[0], command[1:]...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir)
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil || talk.Len() > 0 {
		t.Fatalf("%s: %v\n%s", command[0], err, talk.String())
	}
	return out.String()
}

func TestBashCompletes(t *testing.T) {
	t.Parallel()
	var driver strings.Builder
	driver.WriteString(script(t, "bash") + `
set -u
complete -p iis-canary | grep -q -- '-F _iis_canary iis-canary' || exit 1
typed() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _iis_canary
	for found in ${COMPREPLY[@]+"${COMPREPLY[@]}"}; do printf '%s\n' "$found"; done; echo ---; }
`)
	for _, a := range askings() {
		driver.WriteString("typed iis-canary")
		for _, w := range a.words {
			driver.WriteString(" '" + w + "'")
		}
		driver.WriteString("\n")
	}
	answers := strings.Split(shellOutput(t, checkout(t), "bash", "--norc", "--noprofile", "-c", driver.String()), "---\n")
	for i, a := range askings() {
		offered := strings.FieldsFunc(answers[i], func(r rune) bool { return r == '\n' })
		offers(t, a, offered)
	}
}

func offers(t *testing.T, a asked, offered []string) {
	t.Helper()
	for _, w := range a.want {
		if !slices.Contains(offered, w) {
			t.Errorf("behind %q, %q is not offered but %q", a.words, w, offered)
		}
	}
	for _, w := range a.not {
		if slices.Contains(offered, w) {
			t.Errorf("behind %q, %q is offered", a.words, w)
		}
	}
	if a.exact && len(offered) != len(a.want) {
		t.Errorf("behind %q, %q is offered, want just %q", a.words, offered, a.want)
	}
}

func TestEveryShellKnowsEveryCommandAndFlag(t *testing.T) {
	t.Parallel()
	all := sheets(newApp(streams{}))
	for shell, flag := range map[string]func(s sheet, o option) string{
		"bash": func(_ sheet, o option) string { return " --" + o.name + " " },
		"zsh":  func(_ sheet, o option) string { return "--" + o.name },
		"fish": func(s sheet, o option) string {
			return "complete -c iis-canary -n '__fish_seen_subcommand_from " + s.name + "' -l " + o.name + " "
		},
		"powershell": func(_ sheet, o option) string { return ", @('--" + o.name + "', '" },
	} {
		text := strings.ReplaceAll(script(t, shell), "words='", "words=' ")
		for _, s := range all {
			at := strings.Index(text, s.name)
			if at < 0 {
				t.Errorf("%s does not know %s", shell, s.name)
			}
			for _, o := range s.options {
				if !strings.Contains(text, flag(s, o)) {
					t.Errorf("%s does not know the flag --%s of %s", shell, o.name, s.name)
				}
			}
		}
	}
}

// odd is an app whose words mean something to every shell.
func odd() []sheet {
	return sheets(&cli.App{Commands: []*cli.Command{{
		Name: "roll", Usage: "don't [stop]: it's fine",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "file", Aliases: []string{"f"}, Usage: "a `FILE` that isn't [here]"},
			&cli.StringFlag{Name: "to", Usage: "a `DIR`"},
			&cli.StringSliceFlag{Name: "kind", Usage: "the `KIND`: big, small or none"},
			&cli.StringFlag{Name: "free", Usage: "any text; default: the newest"},
			&cli.BoolFlag{Name: "quiet", Usage: `no \ words`},
			&cli.BoolFlag{Name: "secret", Hidden: true},
		},
	}, {Name: "gone", Hidden: true}}})
}

func TestScriptsQuoteForTheirShell(t *testing.T) {
	t.Parallel()
	for shell, want := range map[string][]string{
		"bash": {
			`words='roll --help -h --version'`,
			`'roll --file' | 'roll -f') compopt -o filenames 2>/dev/null; _iis_canary_take -f; return ;;`,
			`'roll --to') compopt -o filenames 2>/dev/null; _iis_canary_take -d; return ;;`,
			`'roll --kind') words='big small none' ;;`,
			`'roll --free') COMPREPLY=(); return ;;`,
			`roll) words='--file -f --to --kind --free --quiet --help -h' ;;`,
		},
		"zsh": {
			`'roll:don'\''t [stop]: it'\''s fine'`,
			`'(--file -f)'{-f,--file=}'[a FILE that isn'\''t \[here\]]:FILE:_files' \`,
			`'--to=[a DIR]:DIR:_files -/' \`,
			`'*--kind=[the KIND: big, small or none]:KIND:(big small none)' \`,
			`'--free=[any text; default: the newest]:VALUE: ' \`,
			`'--quiet[no \ words]' \`,
		},
		"fish": {
			`complete -c iis-canary -n __fish_use_subcommand -a roll -d 'don\'t [stop]: it\'s fine'`,
			`-l file -s f -r -F -d 'a FILE that isn\'t [here]'`,
			`-l to -x -a '(__fish_complete_directories)' -d 'a DIR'`,
			`-l kind -x -a 'big small none' -d `,
			`-l free -x -d `,
			`-l quiet -d 'no \\ words'`,
		},
		"powershell": {
			`, @('roll', 'don''t [stop]: it''s fine')`,
			`, @('-f', 'a FILE that isn''t [here]')`,
			`'roll --file' = $null`, `'roll -f' = $null`, `'roll --to' = $null`,
			`'roll --kind' = @('big', 'small', 'none')`,
			`'roll --free' = $null`,
			`, @('--quiet', 'no \ words')`,
		},
	} {
		var b strings.Builder
		if err := complete(&b, shell, odd()); err != nil {
			t.Fatal(err)
		}
		for _, w := range want {
			if !strings.Contains(b.String(), w) {
				t.Errorf("%s: %s is missing in\n%s", shell, w, b.String())
			}
		}
		for _, hidden := range []string{"secret", "gone"} {
			if strings.Contains(b.String(), hidden) {
				t.Errorf("%s shows what is hidden: %s", shell, hidden)
			}
		}
		balanced(t, shell, b.String())
	}
}

// balanced demands that brackets outside of quotes come in pairs.
func balanced(t *testing.T, shell, text string) {
	t.Helper()
	text = strings.NewReplacer(`'\''`, "", `\'`, "", "''", "").Replace(text)
	var code strings.Builder
	for l := range strings.Lines(text) {
		if bare, _, comment := strings.Cut(l, "#"); comment && strings.TrimSpace(bare) == "" {
			continue
		}
		for i, piece := range strings.Split(l, "'") {
			if i%2 == 0 {
				code.WriteString(piece)
			}
		}
	}
	for _, pair := range []string{"{}", "[]"} {
		if open, shut := strings.Count(code.String(), pair[:1]), strings.Count(code.String(), pair[1:]); open != shut {
			t.Errorf("%s: %d %c and %d %c", shell, open, pair[0], shut, pair[1])
		}
	}
}

func TestZshCompletesWhereItIsInstalled(t *testing.T) {
	t.Parallel()
	text := script(t, "zsh")
	for _, want := range []string{"#compdef iis-canary\n", "compdef _iis-canary iis-canary\n", "'1:SHELL:(bash zsh fish powershell)'"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if zsh, err := exec.LookPath("zsh"); err == nil {
		out := shellOutput(t, checkout(t), zsh, "-f", "-c", "compdef() { print registered $2 }\n_arguments() { print -rl -- \"$@\" }\n"+
			text+"\nwords=(iis-canary plan --o); CURRENT=3; _iis-canary")
		for _, want := range []string{"registered iis-canary\n", "--output=[FORMAT of the answer: text or json]:FORMAT:(text json)\n", "-o[FORMAT"} {
			if !strings.Contains(out, want) {
				t.Errorf("%q is missing in\n%s", want, out)
			}
		}
	}
}

func TestFishCompletesWhereItIsInstalled(t *testing.T) {
	t.Parallel()
	text := script(t, "fish")
	for l := range strings.Lines(text) {
		if !strings.HasPrefix(l, "complete -c iis-canary ") && !strings.HasPrefix(l, "# ") {
			t.Errorf("a line that completes nothing: %s", l)
		}
	}
	fish, err := exec.LookPath("fish")
	if err != nil {
		return
	}
	for line, want := range map[string]string{
		"iis-canary depl": "deploy", "iis-canary plan --output j": "json", "iis-canary rehearse --fault late": "late-logs", "iis-canary completion z": "zsh",
		"iis-canary deploy --dr": "--dry-run", "iis-canary deploy --config can": "canary.yaml",
	} {
		out := shellOutput(t, checkout(t), fish, "--no-config", "-c", text+"\ncomplete -C '"+line+"'")
		if first, _, _ := strings.Cut(out, "\t"); strings.TrimSpace(first) != want {
			t.Errorf("%q is completed to %q, want %s", line, out, want)
		}
	}
}

func TestPowerShellCompletesWhereItIsInstalled(t *testing.T) {
	t.Parallel()
	text := script(t, "powershell")
	balanced(t, "powershell", text)
	for _, want := range []string{"Register-ArgumentCompleter -Native -CommandName iis-canary, iis-canary.exe -ScriptBlock {", "'plan -o' = @('text', 'json')", "'deploy --config' = $null"} {
		if !strings.Contains(text, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if pwsh, err := exec.LookPath("pwsh"); err == nil {
		out := shellOutput(t, checkout(t), pwsh, "-NoProfile", "-NonInteractive", "-Command", text+
			"\n(TabExpansion2 'iis-canary plan --output j' 26).CompletionMatches.CompletionText; (TabExpansion2 'iis-canary depl' 15).CompletionMatches.CompletionText")
		if got := strings.Fields(out); !cmp.Equal(got, []string{"json", "deploy"}) {
			t.Errorf("completed to %q", got)
		}
	}
}
