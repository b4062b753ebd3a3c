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
		text, at := window(strings.ReplaceAll(p.Text, "\t", " "), p.Column-1)
		fmt.Fprintf(&b, "\n%6d | %s\n       | %s^", p.Line, text, strings.Repeat(" ", at))
	}
	fmt.Fprintf(&b, "\n         allowed: %s", p.Allowed)
	if p.Nearest != "" {
		fmt.Fprintf(&b, "\n         nearest: %s", p.Nearest)
	}
	return b.String()
}

// widest is how many characters of a line are shown.
const widest = 160

// window is the part of a line around a character, and where in it the character is.
func window(line string, at int) (string, int) {
	text := []rune(line)
	at = min(max(at, 0), len(text))
	if len(text) <= widest {
		return line, at
	}
	from := max(0, min(at-widest/2, len(text)-widest))
	shown, before, behind := text[from:from+widest], "", ""
	if from > 0 {
		before = "…"
	}
	if from+widest < len(text) {
		behind = "…"
	}
	return before + string(shown) + behind, at - from + len([]rune(before))
}

// Problems is every mistake in a file, in the order of the file. It is the error that [Load] and [Parse] return for a
// file that could be read.
type Problems []Problem

// most is how many mistakes are printed: a file that is something else altogether has thousands.
const most = 100

// Error prints every mistake, after a line that counts them; of very many only the first hundred.
func (ps Problems) Error() string {
	lines := make([]string, 0, min(len(ps), most)+2)
	if len(ps) > 0 {
		lines = append(lines, fmt.Sprintf("%s in %s", counted(len(ps), "mistake"), ps[0].File))
	}
	for _, p := range ps[:min(len(ps), most)] {
		lines = append(lines, p.String())
	}
	switch left := len(ps) - most; {
	case len(ps) >= enough:
		lines = append(lines, fmt.Sprintf("and at least %s more", counted(left, "mistake")))
	case left > 0:
		lines = append(lines, fmt.Sprintf("and %s more", counted(left, "mistake")))
	}
	return strings.Join(lines, "\n")
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Warning is something that is allowed and still worth a look.
type Warning struct {
	Pos
	Path string // such as "drain.settle"
	Text string // what is worth a look; never a secret
}

// String is one line that starts with file:line:column.
func (w Warning) String() string { return fmt.Sprintf("%s: %s: %s", w.Pos, w.Path, w.Text) }

// Warnings are in the order of the file.
type Warnings []Warning
