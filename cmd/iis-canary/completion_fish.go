package main

import "strings"

// completeFish writes one line per command and per flag.
func completeFish(b *strings.Builder, all []sheet) {
	line(b, "# fish completion for iis-canary. Save it as ~/.config/fish/completions/iis-canary.fish")
	line(b, "complete -c iis-canary -f")
	first := "complete -c iis-canary -n __fish_use_subcommand "
	for _, s := range all {
		line(b, "%s-a %s -d %s", first, s.name, fishQuoted(s.usage))
	}
	line(b, "%s-l version -d 'say which build this is'", first)
	line(b, "%s-l help -s h -d 'show help'", first)
	for _, s := range all {
		behind := "complete -c iis-canary -n '__fish_seen_subcommand_from " + s.name + "' "
		for _, o := range s.options {
			line(b, "%s%s -d %s", behind, fishOption(o), fishQuoted(o.usage))
		}
		if len(s.words) > 0 {
			line(b, "%s-a %s", behind, fishQuoted(strings.Join(s.words, " ")))
		}
	}
}

// fishOption is the flag, and what completes its value.
func fishOption(o option) string {
	flag := "-l " + o.name
	if o.short != "" {
		flag += " -s " + o.short
	}
	switch {
	case o.value == "":
		return flag
	case o.file():
		return flag + " -r -F"
	case o.dir():
		return flag + " -x -a '(__fish_complete_directories)'"
	case len(o.choices) > 0:
		return flag + " -x -a " + fishQuoted(strings.Join(o.choices, " "))
	}
	return flag + " -x"
}

func fishQuoted(text string) string {
	return quoted(strings.ReplaceAll(text, `\`, `\\`), `\'`)
}
