package main

import (
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/configs"
)

// unknownCommand refuses a command that does not exist, with the one that comes closest.
func unknownCommand(c *cli.Context) error {
	name := c.Args().First()
	var known []string
	for _, command := range c.App.VisibleCommands() {
		known = append(known, command.Name)
	}
	f := usage("there is no command %q", harmless(name))
	if near := configs.Nearest(name, known); near != "" {
		return f.then(commandLine(append([]string{c.App.Name, near}, c.Args().Tail()...)...))
	}
	return f.then(c.App.Name + " --help")
}

// The flag parser's words for a flag that does not exist, for one in two spellings, and its one dash in front of every other.
const (
	undefinedFlag = "flag provided but not defined: -"
	twoForms      = "Cannot use two forms of the same flag: "
)

// badWait is what the parser says of a time that it cannot read.
var badWait = regexp.MustCompile(`^invalid value "(.*)" for flag --lock-wait`)

var oneDash = regexp.MustCompile(`flag -([a-z]{2})|: -([a-z]{2})|for -([a-z]{2})`)

// badFlag restates what the flag parser says.
func badFlag(c *cli.Context, err error) error {
	text := strings.TrimSpace(err.Error())
	program := c.Command.HelpName
	if flags, twice := strings.CutPrefix(text, twoForms); twice {
		one, other, _ := strings.Cut(flags, " ")
		return usage("%s has both %s and %s, which are one flag", c.Command.Name, dashed(one), dashed(other)).then(program + " --help")
	}
	name, undefined := strings.CutPrefix(text, undefinedFlag)
	if !undefined {
		text, _, _ = strings.Cut(strings.TrimSuffix(text, ": parse error"), ": strconv.")
		text = oneDash.ReplaceAllStringFunc(text, func(s string) string { return strings.Replace(s, "-", "--", 1) })
		if wait := badWait.FindStringSubmatch(text); wait != nil {
			return unreadWait(c, wait[1])
		}
		return usage("%s", text).then(program + " --help")
	}
	name = strings.TrimLeft(name, "-")
	if program == c.App.Name {
		return usage("there is no flag %s in front of a command: flags follow it", dashed(name)).
			then(moved(c, name), program+" --help")
	}
	f := usage("%s has no flag %s", c.Command.Name, dashed(name))
	var known []string
	for _, flag := range c.Command.VisibleFlags() {
		known = append(known, flag.Names()[0])
	}
	if near := configs.Nearest(name, known); near != "" {
		return f.then(renamed(c, []string{"-" + name, "--" + name}, dashed(near)), program+" --help")
	}
	return f.then(program + " --help")
}

// unreadWait refuses a time that cannot be read. Where only the unit is missing, it was probably one of two.
func unreadWait(c *cli.Context, value string) error {
	f := usage("invalid value %q for flag --lock-wait, allowed: a time with its unit, such as 90s or 15m", value)
	if _, err := strconv.ParseUint(value, 10, 32); err == nil {
		return f.then(retyped(c, "lock-wait", value+"m"), retyped(c, "lock-wait", value+"s"))
	}
	return f.then(c.Command.HelpName + " --help")
}

// moved is the line that was typed with what stands in front of the command behind it.
func moved(c *cli.Context, flag string) string {
	words, _ := c.App.Metadata[typedLine].([]string)
	i := slices.IndexFunc(words, func(w string) bool { return c.App.Command(w) != nil })
	switch {
	case i > 0:
		return commandLine(slices.Concat([]string{c.App.Name, words[i]}, words[:i], words[i+1:])...)
	case strings.EqualFold(flag, "v"):
		return c.App.Name + " --version"
	}
	return c.App.Name + " COMMAND " + dashed(flag)
}

func dashed(flag string) string {
	if len(flag) == 1 {
		return "-" + flag
	}
	return "--" + flag
}

// noArguments refuses every positional argument: the flag parser stops at the first one, and would silently ignore a
// --dry-run behind it. The corrected line keeps every flag, those in front of the argument too.
func noArguments(c *cli.Context) error {
	if !c.Args().Present() {
		return nil
	}
	rest := c.Args().Slice()
	behind := slices.IndexFunc(rest, func(word string) bool { return strings.HasPrefix(word, "-") })
	line := c.Lineage()[1].Args().Slice()
	front := line[1 : len(line)-len(rest)]
	if n := len(front); n > 0 && front[n-1] == "--" {
		front = front[:n-1]
	}
	corrected := append([]string{c.Command.HelpName}, front...)
	named := meant(c, rest[0], slices.Concat(front, rest))
	if behind >= 0 {
		corrected = slices.Concat(corrected, named, rest[behind:])
		return usage("%s takes no arguments, found %q: the flags behind it would be ignored", c.Command.Name, harmless(rest[0])).
			then(commandLine(corrected...))
	}
	f := usage("%s takes no arguments, found %q", c.Command.Name, harmless(rest[0]))
	if len(named) > 0 {
		return f.then(commandLine(append(corrected, named...)...))
	}
	return f.then(c.Command.HelpName + " --help")
}

// meant is the argument behind the flag that it was probably meant for; nothing where none comes to mind, or where that one was typed.
func meant(c *cli.Context, argument string, typed []string) []string {
	flags := map[string]string{".yaml": "config", ".yml": "config", ".zip": "package", ".nupkg": "package", ".tgz": "package", ".gz": "package"}
	name := flags[strings.ToLower(filepath.Ext(argument))]
	for _, f := range c.Command.Flags {
		if name == "" || f.Names()[0] != name || slices.ContainsFunc(typed, spelled(c, name)) {
			continue
		}
		return []string{"--" + name, argument}
	}
	return nil
}

// spelled tells whether a word is a flag, with or without its value.
func spelled(c *cli.Context, flag string) func(string) bool {
	names := spellings(c, flag)
	return func(word string) bool {
		name, _, _ := strings.Cut(word, "=")
		return slices.Contains(names, name)
	}
}

// pinExp is what may stand behind the address of a package.
var pinExp = regexp.MustCompile(`^(sha256=(HEX|[0-9a-fA-F]+)|version=[\w.-]+)$`)

// harmless is a word of a command line without what may be a secret in it: the user and the query of an address, and what stands behind it and is no pin. Errors end in
// the logs of pipelines.
func harmless(word string) string {
	scheme, rest, is := strings.Cut(word, "://")
	if !is {
		return word
	}
	rest, pin, _ := strings.Cut(rest, "#")
	rest, _, asks := strings.Cut(rest, "?")
	host, path, deeper := strings.Cut(rest, "/")
	out := scheme + "://" + host[strings.LastIndex(host, "@")+1:]
	if deeper {
		out += "/" + path
	}
	if asks {
		out += "?QUERY"
	}
	if pinExp.MatchString(pin) {
		out += "#" + pin
	}
	return out
}

// commandLine is one as it can be typed: words with spaces or shell signs in double quotes, which every shell takes. The
// first word is the program, with its command. QUERY stands for what may be a secret.
func commandLine(words ...string) string {
	words = slices.Clone(words)
	for i, w := range words[1:] {
		w = harmless(w)
		words[i+1] = w
		switch {
		case strings.ContainsAny(w, "`$") && !strings.Contains(w, "'"): // shells look into double quotes for these
			words[i+1] = "'" + w + "'"
		case w == "" || strings.ContainsAny(w, " \t&|<>()';*?`$") || runtime.GOOS != "windows" && strings.Contains(w, `\`):
			words[i+1] = `"` + w + `"`
		}
	}
	return strings.Join(words, " ")
}
