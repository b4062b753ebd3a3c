package lint

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Core is the section aspNetCore of a site's own web.config.
type Core struct {
	Process   string // as written, such as dotnet or .\App.exe
	Arguments string
	InProcess bool
	Elsewhere bool // its environment has .NET look for other runtimes: DOTNET_ROOT, DOTNET_ROLL_FORWARD and their like
	File      string
	Line      int
}

// program is the file name of the process.
func (c Core) program() string { return path.Base(slashed(c.Process)) }

func slashed(p string) string { return strings.ReplaceAll(p, `\`, "/") }

// dotnet reports whether the process is the .NET host that the server has in its path.
func (c Core) dotnet() bool {
	return strings.EqualFold(c.Process, "dotnet") || strings.EqualFold(c.Process, "dotnet.exe")
}

// stem is the path in the release of the program that runs, without its ending: what .NET reads beside it has the same. Empty: not known.
func (c *Core) stem() string {
	if c == nil {
		return ""
	}
	word, ending := c.Process, ".exe"
	if c.dotnet() {
		word, ending = c.argument(), ".dll"
	}
	word = slashed(word)
	relative, own := strings.CutPrefix(word, "./")
	if !c.dotnet() && !own || path.IsAbs(relative) || strings.Contains(relative, ":") || strings.Contains(relative, "%") {
		return ""
	}
	if at := len(relative) - len(ending); at > 0 && strings.EqualFold(relative[at:], ending) {
		return path.Clean(relative[:at])
	}
	return ""
}

// owns reports whether a file is the program that runs, or the assembly that it loads first.
func (c *Core) owns(file string) bool {
	stem := c.stem()
	return stem != "" && (strings.EqualFold(file, stem+".exe") || strings.EqualFold(file, stem+".dll"))
}

// argument is the first one.
func (c Core) argument() string {
	if quoted, is := strings.CutPrefix(c.Arguments, `"`); is {
		first, _, _ := strings.Cut(quoted, `"`)
		return first
	}
	first, _, _ := strings.Cut(c.Arguments, " ")
	return first
}

// settings reports whether a file is the runtimeconfig.json of the program.
func (c *Core) settings(file string) bool {
	stem := c.stem()
	return stem != "" && strings.EqualFold(file, stem+runtimeConfig)
}

// flaw is why no server could start the application: its program is not in the release. Empty: nothing is known against it.
func (c *Core) flaw(paths []string) string {
	if c == nil {
		return ""
	}
	if strings.Contains(strings.ToUpper(c.Process+c.Arguments), "%LAUNCHER_") {
		return "processPath is " + c.Process + " still: the project was built and not published (dotnet publish puts its program there)"
	}
	words := []string{c.Process}
	if first, _, _ := strings.Cut(c.Arguments, " "); strings.EqualFold(path.Ext(first), ".dll") {
		words = append(words, strings.Trim(first, `"`))
	}
	for _, word := range words {
		relative, own := strings.CutPrefix(slashed(word), "./")
		if own && !slices.ContainsFunc(paths, func(p string) bool { return strings.EqualFold(p, relative) || strings.EqualFold(p, relative+".exe") }) {
			return fmt.Sprintf("names %s, which is not in the release", word)
		}
	}
	return ""
}
