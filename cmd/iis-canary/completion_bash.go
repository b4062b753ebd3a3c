package main

import "strings"

const bashHead = `# bash completion for iis-canary, of bash 3.2 and later. Load it with: source <(iis-canary completion bash)
_iis_canary_take() {
	local found
	COMPREPLY=()
	while IFS= read -r found; do COMPREPLY+=("$found"); done < <(compgen "$@" -- "$cur")
}
_iis_canary() {
	local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} words=
	# --flag=value arrives as three words
	if [[ $cur == "=" ]]; then
		cur=
	elif [[ $prev == "=" ]]; then
		prev=${COMP_WORDS[COMP_CWORD-2]}
	fi`

const bashTail = `	_iis_canary_take -W "$words"
}
complete -F _iis_canary iis-canary`

// completeBash writes functions that read COMP_WORDS themselves: the package bash-completion need not be there.
func completeBash(b *strings.Builder, all []sheet) {
	line(b, bashHead)
	line(b, "\tif ((COMP_CWORD == 1)); then")
	line(b, "\t\twords='%s --help -h --version'", strings.Join(commandNames(all), " "))
	line(b, "\telse")
	line(b, "\t\tcase \"${COMP_WORDS[1]} $prev\" in")
	for _, s := range all {
		for _, o := range s.options {
			if o.value != "" {
				line(b, "\t\t'%s') %s ;;", strings.Join(s.at(o), "' | '"), bashValue(o))
			}
		}
	}
	line(b, "\t\t*)\n\t\t\tcase ${COMP_WORDS[1]} in")
	for _, s := range all {
		line(b, "\t\t\t%s) words='%s' ;;", s.name, s.spaced())
	}
	line(b, "\t\t\tesac\n\t\t\t;;\n\t\tesac\n\tfi")
	line(b, bashTail)
}

// bashValue completes the value of an option.
func bashValue(o option) string {
	paths := func(kind string) string {
		return "compopt -o filenames 2>/dev/null; _iis_canary_take " + kind + "; return"
	}
	switch {
	case o.file():
		return paths("-f")
	case o.dir():
		return paths("-d")
	case len(o.choices) > 0:
		return "words='" + strings.Join(o.choices, " ") + "'"
	}
	return "COMPREPLY=(); return"
}

func commandNames(all []sheet) []string {
	var names []string
	for _, s := range all {
		names = append(names, s.name)
	}
	return names
}
