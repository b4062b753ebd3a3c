package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	sharpRefusal = regexp.MustCompile(`new Refused\("(\w+)", (.*)`)
	sharpRule    = regexp.MustCompile(`new Rule\("(\w*)", (0x[0-9A-F]{8}), "(\w+)", Reaction\.\w+, \d+, "([^"]*)"`)
	sharpHint    = regexp.MustCompile(`Hint = ([^}]*)`)
	sharpPiece   = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"|string\.Format\(|\{\d+(?::[^}]*)?\}|[A-Za-z_][\w.]*(?:\[[^\]]*\])?(?:\([^)]*\))?`)
)

// refusals is what the agent on a server refuses, which is C#.
func refusals(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../iis/agent/*.cs")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	var rows []string
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		lines := strings.Split(string(text), "\n")
		for i, l := range lines {
			if r := sharpRule.FindStringSubmatch(l); r != nil {
				rows = append(rows, ruleRow(r[1], r[2], r[3], r[4]))
			}
			m := sharpRefusal.FindStringSubmatch(l)
			if m == nil {
				continue
			}
			statement := m[2]
			for j := i + 1; !strings.Contains(statement, ";") && j < len(lines); j++ {
				statement += " " + strings.TrimSpace(lines[j])
			}
			said, rest, _ := strings.Cut(statement, ") {")
			what := "–"
			if h := sharpHint.FindStringSubmatch(rest); h != nil {
				what = untagged(sharp(h[1]))
			}
			rows = append(rows, tableRow(codeCell(sharp(said)), codeCell(m[1]), what))
		}
	}
	return rows
}

// ruleRow is what IIS itself refuses with an HRESULT at a place: its own words stand before that.
func ruleRow(where, hresult, code, hint string) string {
	at := ""
	if where != "" {
		at = ", at " + where
	}
	if where == "start" || where == "stop" {
		at += " the pool or the site"
	}
	return tableRow(codeCell("… ("+code+", "+hresult+at+")"), codeCell(code), untagged(hint))
}

var sharpSlot = regexp.MustCompile(`\{\d+(?::[^}]*)?\}`)

// sharp is a text of C# that is put together, with placeholders for what is not known.
func sharp(expression string) string {
	for _, known := range sharpForms {
		expression = known.form.ReplaceAllString(expression, known.as)
	}
	var b strings.Builder
	var values []string
	format := strings.Contains(expression, "string.Format(")
	for _, m := range sharpPiece.FindAllStringSubmatch(expression, -1) {
		switch {
		case strings.HasPrefix(m[0], `"`):
			b.WriteString(m[1])
		case m[0] == "string.Format(":
		case format:
			values = append(values, sharpName(m[0]))
		default:
			b.WriteString(sharpName(m[0]))
		}
	}
	at := -1
	return sharpSlot.ReplaceAllStringFunc(b.String(), func(string) string {
		if at++; at < len(values) {
			return values[at]
		}
		return "<...>"
	})
}

// sharpForms is how C# says what is no text: by default, by condition, in a list, by a key.
var sharpForms = []struct {
	form *regexp.Regexp
	as   string
}{
	{regexp.MustCompile(`^(\w+) \?\? `), ""},
	{regexp.MustCompile(` \?\? "\(none\)"`), ""},
	{regexp.MustCompile(`\((\w+) != "" \? (\w+) : \w+\)`), "$2"},
	{regexp.MustCompile(`string\.Join\(", ", .*?\.ToArray\(\)\)`), "list"},
	{regexp.MustCompile(`(?:\(\w+\))?\w+\["(\w+)"\]`), "$1"},
	{regexp.MustCompile(`,\s*Step = .*`), ""},
}

var sharpCall = regexp.MustCompile(`\(.*|\[.*`)

func sharpName(name string) string {
	name = sharpCall.ReplaceAllString(name, "")
	return placeholder(name[strings.LastIndex(name, ".")+1:])
}
