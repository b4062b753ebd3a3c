package iis

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Diagnosis is what a record of a server's own logs, or an error page, means.
type Diagnosis struct {
	Sign   string // what was seen, such as "WAS event 5002"
	Cause  string // what it means
	Detail string // what it says itself, cut short; may be empty
	Remedy string // what a person can do; may be empty, where another finding is the one to act on
}

// findingsShown is how many findings an explanation has.
const findingsShown = 2

// Diagnose reads the records by the table of signs: what is nearest to the cause first, each finding once.
func Diagnose(records []Record) []Diagnosis {
	type placed struct {
		Diagnosis
		row  int
		sure bool
	}
	var found []placed
	for _, r := range records {
		row, s, known := signOf(r)
		if !known {
			continue
		}
		f := Diagnosis{Sign: s.seen(r), Cause: s.cause, Detail: s.detail(r.Text), Remedy: s.remedy}
		i := slices.IndexFunc(found, func(p placed) bool { return p.row == row })
		switch {
		case i < 0:
			found = append(found, placed{f, row, r.Named})
		case r.Named || !found[i].sure:
			found[i] = placed{f, row, r.Named} // the newest one that surely is about this slot
		}
	}
	slices.SortStableFunc(found, func(a, b placed) int { return cmp.Compare(a.row, b.row) })
	var out []Diagnosis
	for _, p := range found {
		out = append(out, p.Diagnosis)
	}
	return out
}

// Explanation is findings in one line: the first two, and the remedy that comes first. No finding: empty.
func Explanation(findings []Diagnosis) string {
	var said []string
	remedy := ""
	for _, f := range findings[:min(len(findings), findingsShown)] {
		text := f.Sign + ": " + f.Cause
		if f.Detail != "" {
			text += " (" + f.Detail + ")"
		}
		said = append(said, text)
		remedy = cmp.Or(remedy, f.Remedy)
	}
	if remedy != "" {
		said = append(said, "to do: "+remedy)
	}
	return strings.Join(said, "; ")
}

// sign is one row of the table: what a record looks like, and what it means. The first row that fits counts, and the rows stand in
// the order in which they explain a failure.
type sign struct {
	source string // a part of the record's source
	ids    []int  // none: any
	text   string // regular expression that the text has to match; empty: any
	detail func(string) string
	cause  string
	remedy string
}

func (s sign) fits(r Record) bool {
	return strings.Contains(r.Source, s.source) && (len(s.ids) == 0 || slices.Contains(s.ids, r.ID)) && regexp.MustCompile(s.text).MatchString(r.Text)
}

func signOf(r Record) (row int, s sign, known bool) {
	all := signs()
	if r.Log == "HTTPERR" {
		all = refusals()
	}
	row = slices.IndexFunc(all, func(s sign) bool { return s.fits(r) })
	if row < 0 {
		return 0, sign{}, false
	}
	s = all[row]
	if r.Log == "HTTPERR" {
		row += len(signs())
	}
	if s.detail == nil {
		s.detail = func(string) string { return "" }
	}
	return row, s, true
}

// seen names the record.
func (s sign) seen(r Record) string {
	switch {
	case r.Log == "HTTPERR" && r.Count > 1:
		return fmt.Sprintf("http.sys refused %d requests with %d %s", r.Count, r.ID, r.Source)
	case r.Log == "HTTPERR":
		return fmt.Sprintf("http.sys refused a request with %d %s", r.ID, r.Source)
	}
	source := strings.TrimPrefix(strings.TrimPrefix(r.Source, "Microsoft-Windows-"), "IIS-")
	text := fmt.Sprintf("%s event %d", source, r.ID)
	if !r.Named && !strings.Contains(r.Source, "HttpEvent") {
		text += ", perhaps of another application"
	}
	return text
}

// detailMost bounds what is told of a record's own words, in characters.
const detailMost = 200

// after tells the line of a text that follows a mark.
func after(marks ...string) func(string) string {
	return func(text string) string {
		for _, mark := range marks {
			_, rest, found := strings.Cut(text, mark)
			if !found {
				continue
			}
			line, _, _ := strings.Cut(strings.TrimLeft(rest, "\r\n "), "\n")
			return shortened(line)
		}
		return ""
	}
}

func shortened(line string) string {
	line = strings.Join(strings.Fields(line), " ")
	if runes := []rune(line); len(runes) > detailMost {
		return string(runes[:detailMost]) + "..."
	}
	return line
}
