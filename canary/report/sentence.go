package report

import "strings"

// sentence makes one line out of a text of several, as errors.Join makes it: parts are joined with semicolons, what ends with
// a colon goes on. Control characters and full stops at the end of a part are gone.
func sentence(text string) string {
	out := ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(oneLine(line), ".;")
		switch {
		case line == "":
		case out == "" || strings.HasSuffix(out, ":"):
			out = strings.TrimLeft(out+" "+line, " ")
		default:
			out += "; " + line
		}
	}
	return out
}

// joinSentences joins those that are not empty.
func joinSentences(parts ...string) string { return sentence(strings.Join(parts, "\n")) }
