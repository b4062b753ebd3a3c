package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/configs"
)

// shellArgument is the placeholder of the one word that completion takes.
const shellArgument = "SHELL"

// shells is the shells that a completion script can be written for.
func shells() []string { return []string{"bash", "zsh", "fish", "powershell"} }

func completionCommand(s streams) *cli.Command {
	return commandTaking(oneShell, &cli.Command{
		Name:      "completion",
		Usage:     "print the script that completes commands, flags and their values in a shell",
		ArgsUsage: shellArgument,
		Description: `The script goes to standard output. To load it in each new session:

bash         put this line into ~/.bashrc:   source <(iis-canary completion bash)
zsh          put this line into ~/.zshrc, behind compinit:   source <(iis-canary completion zsh)
fish         iis-canary completion fish > ~/.config/fish/completions/iis-canary.fish
powershell   put this line into $PROFILE:   iis-canary completion powershell | Out-String | Invoke-Expression`,
		Action: func(c *cli.Context) error {
			return complete(s.out, c.Args().First(), sheets(c.App))
		},
	})
}

// oneShell demands just one word: the name of a shell.
func oneShell(c *cli.Context) error {
	name, allowed := c.Args().First(), strings.Join(shells(), ", ")
	switch near := configs.Nearest(name, shells()); {
	case name == "":
		return usage("completion needs the name of a shell: %s", allowed).then("iis-canary completion bash", "iis-canary completion --help")
	case near == "":
		return usage("there is no completion for %q, allowed: %s", name, allowed).then("iis-canary completion --help")
	case near != name:
		return usage("there is no completion for %q, allowed: %s", name, allowed).then("iis-canary completion " + near)
	case c.NArg() > 1:
		return usage("completion takes one shell, found %q too", c.Args().Get(1)).then("iis-canary completion " + name)
	}
	return nil
}

// complete writes the script of a shell.
func complete(w io.Writer, shell string, all []sheet) error {
	var b strings.Builder
	switch shell {
	case "bash":
		completeBash(&b, all)
	case "zsh":
		completeZsh(&b, all)
	case "fish":
		completeFish(&b, all)
	case "powershell":
		completePowerShell(&b, all)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// quoted is a text in single quotes for a shell, in which a quote is written as escape.
func quoted(text, escape string) string {
	return "'" + strings.ReplaceAll(text, "'", escape) + "'"
}

// spaced is what can be typed behind a command: its flags, and the values of the word that it takes.
func (s sheet) spaced() string {
	all := append([]string(nil), s.words...)
	for _, o := range s.options {
		all = append(all, o.typed()...)
	}
	return strings.Join(all, " ")
}

// at is the places of a script where the option's value is typed: the command and what stands before the value.
func (s sheet) at(o option) []string {
	var all []string
	for _, flag := range o.typed() {
		all = append(all, s.name+" "+flag)
	}
	return all
}

// line writes a line of a script.
func line(b *strings.Builder, format string, args ...any) {
	fmt.Fprintf(b, format+"\n", args...)
}
