package main

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"iiscanary/iis"
	"iiscanary/iis/winrm"
)

var update = flag.Bool("update", false, "write docs/errors.md anew")

const errorsPage = "../../docs/errors.md"

// TestErrors compares the page of all errors with the code that says them.
func TestErrors(t *testing.T) {
	t.Parallel()
	page := errorPage(t)
	if *update {
		if err := os.WriteFile(errorsPage, page, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	there, err := os.ReadFile(errorsPage)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(there, page) {
		t.Errorf("docs/errors.md is stale; type: go test ./cmd/iis-canary -run TestErrors -update\n%s",
			gocmp.Diff(strings.Split(string(there), "\n"), strings.Split(string(page), "\n")))
	}
}

func TestTheErrorsPageHasWhatPeopleSee(t *testing.T) {
	t.Parallel()
	page := string(errorPage(t))
	for _, row := range []string{
		"| `no package given` | 2 | nothing was touched | `iis-canary <command> ... --package FILE` |",
		"| `the plan of <time> no longer fits: <what>` | 7 | nothing was touched | `iis-canary plan --config <config> --package <package> --out FILE` |",
		"| `rule-forwards` | a listener rule forwards to every target group | `no listener rule forwards to <name>: its targets get no requests and never become healthy` |",
		"| `rollout.min_healthy: found \"100%\"` | allowed: less than 100%",
		"| `target group <name> does not exist<where>` | a target group does not exist in this account and region |",
		"`<attempt>: AWS says <code>: the identity of this process needs the permission <permission>`",
		"| `… did you mean <nearest>?` |",
		"`<url> refused the login of <user>: check user and password (Basic takes local accounts only)`",
		"`site <name> is started on the same binding` | `port_taken` | stop \\<name> first |",
		"| `no request to <join> between <utc> and <utc>: check that <slot> holds the slot's name` |",
		"stop all but the one that should serve",
	} {
		if !strings.Contains(page, row) {
			t.Errorf("%s is not on the page", row)
		}
	}
	rows := map[string]bool{}
	part := ""
	for l := range strings.Lines(page) {
		if strings.HasPrefix(l, "## ") {
			part = l
		}
		if !strings.HasPrefix(l, "| `") {
			continue
		}
		if rows[part+l] {
			t.Errorf("twice: %s", l)
		}
		rows[part+l] = true
		if strings.Count(l, "`")%2 != 0 {
			t.Errorf("an odd number of quotes: %s", l)
		}
	}
	if len(rows) < 250 {
		t.Errorf("only %d rows", len(rows))
	}
}

// topic is a part of the program whose sentences stand together.
type topic struct {
	title, intro string
	dirs         []string
	agent        bool // the agent's own sentences too, which are C#
}

func topics() []topic {
	return []topic{
		{"The configuration", "`validate` and every command that reads the file say them, with the place in the file. Exit 2, nothing was touched. Correct the line; `validate` again.", []string{"configs"}, false},
		{"The plan and the run", "Before the first change: exit 7. In the middle of a run they say why a step broke: the fleet is put back (exit 3), held (8), or a person is needed (4).", []string{"canary"}, false},
		{"The journal", "A run that cannot write its journal stops at once: what is not noted is not done. `status`, then `resume` or `revert`.", []string{"canary/journal", "canary/report"}, false},
		{"AWS", "Before the first change: exit 7. In the middle of a run: missing credentials hold it (exit 8, `resume` after a new login), anything else breaks the step and the fleet is put back.", []string{"alb"}, false},
		{"WinRM", "Before the first change: exit 7. In the middle of a run the connection is made anew, and only then the step breaks. The set-up is in [operations.md](operations.md#winrm-over-https).", []string{"iis/winrm", "iis/winrm/kerberos", "iis/winrm/ntlm"}, false},
		{"The servers", "Said by the program about a server, and by the agent on it. Before the first change: exit 7. In the middle of a run the step breaks and the fleet is put back.", []string{"iis", "iis/agent"}, true},
		{"The package", "Exit 7, nothing was touched. [packages.md](packages.md) says what a package may be.", []string{"iis/bundle", "iis/fetch", "iis/signature", "iis/overlay", "iis/lint"}, false},
		{"The verdict", "Limits and metrics that make no sense, and counts that contradict themselves. The run holds (exit 8).", []string{"metrics"}, false},
		{"Elasticsearch", "Before the first change: exit 7. In the middle of a run a poll that cannot be read is no verdict: the gate waits, and holds the run at the end of its time (exit 8).", []string{"metrics/elastic"}, false},
	}
}

const pageHead = `# Every error, and what to do

Made from the code: every sentence that the program can print when something is not as it should be. Search for a few words of the one that you saw. ` + "`<words>`" + ` in angle brackets stand for what was
true then: a name, a number, an error of another part, which has a row of its own. A sentence may stand behind others, with a colon between: the first says what was attempted, the last why it failed.

What to do at each exit code, whatever the sentence: [operations.md](operations.md#what-to-do-at-each-exit-code).

`

// errorPage is docs/errors.md as the code would have it.
func errorPage(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString(pageHead)
	own := failures(t)
	section(&b, "What was typed", "Mistakes on the command line. Nothing was touched.", "what it says | exit | what is true now | what to type next",
		own.rows(func(f saying) bool { return !f.passedOn && f.exit == "2" }))
	preflightTable(t, &b)
	section(&b, "What stands in the way of a command", "", "what it says | exit | what is true now | what to type next",
		own.rows(func(f saying) bool { return !f.passedOn && f.exit != "2" }))
	section(&b, "Behind a sentence of another part", "Where an error comes from another part of the program, as in the sections below, one of these stands with it.",
		"exit | what is true now | what to type next", own.rows(func(f saying) bool { return f.passedOn }))
	for _, topic := range topics() {
		var rows []string
		for _, dir := range topic.dirs {
			rows = append(rows, sentences(t, filepath.Join("../..", dir))...)
		}
		section(&b, topic.title, topic.intro, "what it says | what it means, or what to do", rows)
		if slices.Contains(topic.dirs, "iis/winrm") {
			section(&b, "What WinRM suffers from", "Recognised by codes and statuses; the advice stands at the end of the sentence.", "trouble | what is done | what it says to do", sufferings())
		}
		if topic.agent {
			section(&b, "The agent on a server", "What the agent refuses, with its code: `<operation>: <sentence> (<code>)`.", "what it says | code | what to do", refusals(t))
		}
	}
	return append(bytes.TrimRight(b.Bytes(), "\n"), '\n')
}

// sufferings is every trouble of WinRM and of the agent's process, as the program knows it.
func sufferings() []string {
	done := map[winrm.Kind]string{
		winrm.Normal:    "it is asked again",
		winrm.Transient: "tried again, with growing pauses",
		winrm.Lost:      "a new connection to the same shell, which says what became of the operation; where that fails, a new shell",
		winrm.State:     "a new connection and a new shell; the operation is asked for again by its id",
		winrm.Permanent: "not tried again",
	}
	var rows []string
	for _, d := range slices.Concat(winrm.Troubles(), iis.Endings()) {
		rows = append(rows, tableRow(codeCell(d.Name), done[d.Kind], cmp.Or(untagged(d.Advice), "–")))
	}
	return rows
}

// section writes a section; its rows are sorted, and each stands once.
func section(b *bytes.Buffer, title, intro, head string, rows []string) {
	fmt.Fprintf(b, "## %s\n\n", title)
	if intro != "" {
		fmt.Fprintf(b, "%s\n\n", intro)
	}
	fmt.Fprintf(b, "| %s |\n|%s\n", head, strings.Repeat("---|", strings.Count(head, "|")+1))
	slices.SortFunc(rows, func(x, y string) int {
		return strings.Compare(sortable(x), sortable(y))
	})
	for _, r := range slices.Compact(rows) {
		fmt.Fprintf(b, "%s\n", r)
	}
	b.WriteByte('\n')
}

var unsorted = regexp.MustCompile("<[^>]*>|[`|\"…: ]+")

// sortable is a row without what stands in front of its first word.
func sortable(row string) string { return strings.ToLower(unsorted.ReplaceAllString(row, " ")) + row }

func tableRow(cells ...string) string { return "| " + strings.Join(cells, " | ") + " |" }

// codeCell is a sentence in a cell.
func codeCell(text string) string {
	text = strings.TrimSpace(strings.ReplaceAll(strings.ReplaceAll(text, "\n", " "), "|", `\|`))
	if text == "" {
		return "–"
	}
	return "`" + strings.ReplaceAll(text, "`", "'") + "`"
}

// adviceCell is advice in a cell: command lines are quoted.
func adviceCell(texts []string) string {
	var out []string
	for _, t := range texts {
		switch t = strings.TrimSpace(t); {
		case t == "":
			continue
		case strings.HasPrefix(t, "iis-canary "), strings.HasPrefix(t, "<"):
			t = codeCell(t)
		default:
			t = untagged(t)
		}
		if !slices.Contains(out, t) {
			out = append(out, t)
		}
	}
	if len(out) == 0 {
		return "–"
	}
	return strings.Join(out, "<br>")
}

// speaks reports whether a sentence says something by itself: two words of more than one letter that are no placeholders.
func speaks(text string) bool {
	return len(regexp.MustCompile(`[A-Za-z]{2,}`).FindAllString(regexp.MustCompile(`<[^>]*>`).ReplaceAllString(text, ""), -1)) >= 2
}

// untagged is a text in prose, whose placeholders are no tags.
func untagged(text string) string {
	return strings.NewReplacer("<", `\<`, "|", `\|`, "\n", " ").Replace(text)
}
