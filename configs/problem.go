package configs

import (
	"fmt"
	"strings"
)

// Pos is a place in a configuration file. Line and Column start at 1; Column counts characters.
type Pos struct {
	File   string
	Line   int
	Column int
}

// String is the form that editors and terminals make clickable: file:line:column.
func (p Pos) String() string { return fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column) }

// Problem is one mistake in a configuration file. No field ever holds the value of a secret.
type Problem struct {
	File    string
	Line    int    // starts at 1
	Column  int    // starts at 1, in characters
	Path    string // such as "metrics[0].limit"; empty: the file as a whole
	Found   string // what stands there
	Allowed string // what may stand there
	Nearest string // the allowed word that comes closest; empty: none does
	Text    string // the line of the file, secrets hidden
}

// String is the mistake with the line that it stands on and a caret below its column.
func (p Problem) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		fmt.Fprintf(&b, "%s: ", p.Path)
	}
	fmt.Fprintf(&b, "found %s", p.Found)
	if p.Text != "" {
		text := strings.ReplaceAll(p.Text, "\t", " ")
		at := min(p.Column-1, len([]rune(text)))
		fmt.Fprintf(&b, "\n%6d | %s\n       | %s^", p.Line, text, strings.Repeat(" ", max(at, 0)))
	}
	fmt.Fprintf(&b, "\n         allowed: %s", p.Allowed)
	if p.Nearest != "" {
		fmt.Fprintf(&b, "\n         nearest: %s", p.Nearest)
	}
	return b.String()
}

// Problems is every mistake in a file, in the order of the file. It is the error that [Load] and [Parse] return for a
// file that could be read.
type Problems []Problem

// Error prints every mistake, after a line that counts them.
func (ps Problems) Error() string {
	lines := make([]string, 0, len(ps)+1)
	if len(ps) > 0 {
		lines = append(lines, fmt.Sprintf("%s in %s", counted(len(ps), "mistake"), ps[0].File))
	}
	for _, p := range ps {
		lines = append(lines, p.String())
	}
	return strings.Join(lines, "\n")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Warnings is what is allowed and still worth a look; each is one line that starts with file:line:column.
type Warnings []string
