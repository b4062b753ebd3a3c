package main

import "strings"

const zshHead = `#compdef iis-canary
# zsh completion for iis-canary. Load it with: source <(iis-canary completion zsh)
# or save it as _iis-canary in a folder of $fpath.
_iis-canary() {
	local -a commands
	commands=(`

const zshTail = `	esac
}
if [[ $funcstack[1] == _iis-canary ]]; then
	_iis-canary "$@"
else
	compdef _iis-canary iis-canary
fi`

// completeZsh writes a function for zsh's own _arguments.
func completeZsh(b *strings.Builder, all []sheet) {
	line(b, zshHead)
	for _, s := range all {
		line(b, "\t\t%s", quoted(s.name+":"+s.usage, `'\''`))
	}
	line(b, "\t)")
	line(b, "\tif (( CURRENT == 2 )); then\n\t\t_describe -t commands command commands")
	line(b, "\t\t[[ $PREFIX == -* ]] && compadd -- --help -h --version\n\t\treturn\n\tfi")
	line(b, "\tlocal command=$words[2]\n\tshift words\n\t(( CURRENT-- ))\n\tcase $command in")
	for _, s := range all {
		line(b, "\t%s)\n\t\t_arguments \\", s.name)
		for _, o := range s.options {
			line(b, "\t\t\t%s \\", zshOption(o))
		}
		line(b, "\t\t\t%s\n\t\t;;", zshWord(s))
	}
	line(b, zshTail)
}

// zshOption is an option as _arguments wants it: '(-c --config)'{-c,--config=}'[what it means]:FILE:_files'.
func zshOption(o option) string {
	long := "--" + o.name
	if o.value != "" {
		long += "="
	}
	means := "[" + strings.NewReplacer("[", `\[`, "]", `\]`).Replace(o.usage) + "]" + zshValue(o)
	switch {
	case o.repeats:
		return quoted("*"+long+means, `'\''`)
	case o.short != "":
		return "'(" + strings.Join(o.typed(), " ") + ")'{-" + o.short + "," + long + "}" + quoted(means, `'\''`)
	}
	return quoted(long+means, `'\''`)
}

func zshValue(o option) string {
	switch {
	case o.value == "":
		return ""
	case o.file():
		return ":" + o.value + ":_files"
	case o.dir():
		return ":" + o.value + ":_files -/"
	case len(o.choices) > 0:
		return ":" + o.value + ":(" + strings.Join(o.choices, " ") + ")"
	}
	return ":" + o.value + ": "
}

// zshWord is what may stand behind the flags: the command's one word, or nothing.
func zshWord(s sheet) string {
	if len(s.words) == 0 {
		return "&& return"
	}
	return "'1:" + s.argument + ":(" + strings.Join(s.words, " ") + ")' && return"
}
