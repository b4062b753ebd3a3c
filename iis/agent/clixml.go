package agent

import (
	"encoding/xml"
	"regexp"
	"strconv"
	"strings"
)

var (
	escapedUnit = regexp.MustCompile(`_x([0-9A-Fa-f]{4})_`)
	colours     = regexp.MustCompile("\x1b\\[[0-9;]*m")
)

// ErrorText makes readable what powershell.exe left on standard error: plain text as it is, and the errors out of the
// CLIXML that it writes there when its output is redirected (MS-PSRP 2.2.5.3).
func ErrorText(stderr string) string {
	plain, rest, found := strings.Cut(stderr, "#< CLIXML")
	lines := []string{plain}
	if found {
		lines = append(lines, clixmlErrors(rest)...)
	}
	text := colours.ReplaceAllString(strings.Join(lines, ""), "")
	return strings.Join(strings.Fields(text), " ")
}

func clixmlErrors(text string) []string {
	var out []string
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		token, err := d.Token()
		if err != nil {
			return out
		}
		start, ok := token.(xml.StartElement)
		if !ok || start.Name.Local != "S" || !isErrorStream(start) {
			continue
		}
		var s string
		if d.DecodeElement(&s, &start) == nil {
			out = append(out, unescapeUnits(s))
		}
	}
}

func isErrorStream(e xml.StartElement) bool {
	for _, a := range e.Attr {
		if a.Name.Local == "S" {
			return a.Value == "Error"
		}
	}
	return false
}

// unescapeUnits undoes _x000D_ and its like.
func unescapeUnits(s string) string {
	return escapedUnit.ReplaceAllStringFunc(s, func(m string) string {
		n, err := strconv.ParseUint(m[2:6], 16, 16)
		if err != nil {
			return m
		}
		return string(rune(n))
	})
}
