package main

import (
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// typedWords is what was typed behind the name of the command.
func typedWords(c *cli.Context) []string {
	return slices.Clone(c.Lineage()[1].Args().Tail())
}

// retyped is the line that was typed with another value of a flag, so that it can be typed as it is. The flag comes last where
// it was not given.
func retyped(c *cli.Context, flag, value string) string {
	return commandLine(append([]string{c.Command.HelpName}, replaced(c, typedWords(c), flag, value)...)...)
}

// replaced is the words with another value of a flag.
func replaced(c *cli.Context, words []string, flag, value string) []string {
	names := spellings(c, flag)
	for i, w := range words {
		switch name, _, joined := strings.Cut(w, "="); {
		case !slices.Contains(names, name):
		case joined:
			words[i] = name + "=" + value
			return words
		default:
			return slices.Replace(words, i+1, min(i+2, len(words)), value)
		}
	}
	return append(words, "--"+flag, value)
}

// switched is the line that was typed with one more switch.
func switched(c *cli.Context, flag string) string {
	return commandLine(append(append([]string{c.Command.HelpName}, typedWords(c)...), "--"+flag)...)
}

// renamed is the line that was typed with another flag in the place of one.
func renamed(c *cli.Context, from []string, to string) string {
	words := typedWords(c)
	for i, w := range words {
		if name, _, _ := strings.Cut(w, "="); slices.Contains(from, name) {
			words[i] = to + strings.TrimPrefix(w, name)
		}
	}
	return commandLine(append([]string{c.Command.HelpName}, words...)...)
}

// spellings is a flag of the command in every way that it can be typed.
func spellings(c *cli.Context, flag string) []string {
	all := []string{flag}
	for _, f := range c.Command.Flags {
		if slices.Contains(f.Names(), flag) {
			all = f.Names()
		}
	}
	var out []string
	for _, name := range all {
		out = append(out, "-"+name, "--"+name)
	}
	return out
}

// typedConfig is the flag that names the configuration, as it stands on a command line; nothing where it does not.
func typedConfig(args []string) []string {
	for i, w := range args {
		switch name, value, joined := strings.Cut(w, "="); {
		case !slices.Contains([]string{"-c", "--c", "-config", "--config"}, name):
		case joined:
			return []string{"--config", value}
		case i+1 < len(args):
			return []string{"--config", args[i+1]}
		}
	}
	return nil
}

// once refuses a flag that was typed twice: the parser would take the last without a word. One that may be repeated is let pass.
func once(c *cli.Context) error {
	words := typedWords(c)
	first := map[string]span{}
	for i := 0; i < len(words); i++ {
		name, _, joined := strings.Cut(words[i], "=")
		o, is := optionTyped(c, name)
		if !is {
			return nil // the words behind the flags
		}
		here := span{i, i + 1}
		if o.value != "" && !joined {
			here.end++
		}
		was, twice := first[o.name]
		if twice && !o.repeats {
			return usage("%s has %s twice, and takes one", c.Command.Name, dashed(o.name)).then(slices.Compact([]string{here.left(c), was.left(c)})...)
		}
		first[o.name], i = here, here.end-1
	}
	return nil
}

// optionTyped is the flag of the command that a word is.
func optionTyped(c *cli.Context, word string) (option, bool) {
	for _, f := range c.Command.Flags {
		doc, is := f.(cli.DocGenerationFlag)
		if is && slices.Contains(spellings(c, f.Names()[0]), word) {
			return optionOf(doc), true
		}
	}
	return option{}, false
}

// span is where a flag stands in what was typed, with its value.
type span struct{ start, end int }

// left is the line that was typed, with this left out.
func (s span) left(c *cli.Context) string {
	return commandLine(append([]string{c.Command.HelpName}, slices.Delete(typedWords(c), s.start, s.end)...)...)
}
