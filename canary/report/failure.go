package report

import (
	"io"
	"strings"
)

// Failure is an error as a person reads it, in three parts. Each starts in lower case and has no full stop.
type Failure struct {
	What string   // what failed; may hold several lines
	Now  string   // what is true now; empty: nothing to say
	Next []string // what to type or do next, one line each
}

// Print writes the three parts, each below its own word. A write that fails has nowhere to be reported.
func (f Failure) Print(w io.Writer) {
	var b strings.Builder
	part(&b, "error:", sentences(strings.TrimRight(f.What, "\n")))
	if f.Now != "" {
		part(&b, "now:", sentences(f.Now))
	}
	part(&b, "next:", f.Next)
	_, _ = io.WriteString(w, b.String())
}

func part(b *strings.Builder, word string, lines []string) {
	const indent = "       "
	for i, l := range lines {
		head := indent
		if i == 0 {
			head = word + indent[len(word):]
		}
		b.WriteString(strings.TrimRight(head+graphic(l), " ") + "\n")
	}
}

// sentences is the lines of a text, each without the full stop at its end. What is to be typed keeps its dots: one is a path.
func sentences(text string) []string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		lines[i] = strings.TrimSuffix(strings.TrimRight(l, " \r"), ".")
	}
	return lines
}

// graphic is a line without control characters, its own spaces kept: carets point at columns.
func graphic(line string) string {
	clean := make([]rune, 0, len(line))
	for _, r := range strings.ReplaceAll(line, "\t", " ") {
		if r >= ' ' && r != 0x7f && (r < 0x80 || r > 0x9f) {
			clean = append(clean, r)
		}
	}
	return string(clean)
}
