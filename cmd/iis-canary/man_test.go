package main

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// page is the manual in roff.
func page(t *testing.T) string {
	t.Helper()
	var out, talk bytes.Buffer
	if code := run([]string{"iis-canary", "man"}, streams{out: &out, err: &talk}); code != 0 || talk.Len() > 0 {
		t.Fatalf("exit %d\n%s", code, talk.String())
	}
	return out.String()
}

func TestTheManualHasItsSectionsInOrder(t *testing.T) {
	t.Parallel()
	var got []string
	for _, m := range regexp.MustCompile(`(?m)^\.SH (.*)$`).FindAllStringSubmatch(page(t), -1) {
		got = append(got, m[1])
	}
	want := "NAME, SYNOPSIS, DESCRIPTION, COMMANDS, EXIT STATUS, ENVIRONMENT, FILES, EXAMPLES, SEE ALSO"
	if strings.Join(got, ", ") != want {
		t.Errorf("sections %q, want %s", got, want)
	}
}

func TestTheManualTellsAllThatTheHelpDoes(t *testing.T) {
	t.Parallel()
	text := page(t)
	for _, s := range sheets(newApp(streams{})) {
		_, chapter, found := strings.Cut(text, "\n.SS "+roff(s.name)+"\n")
		if !found {
			t.Errorf("no chapter on %s", s.name)
			continue
		}
		chapter, _, _ = strings.Cut(chapter, "\n.S")
		for _, o := range s.options {
			for _, want := range []string{roff("--" + o.name), roff(o.usage), roff(o.env), roff(o.value)} {
				if !strings.Contains(chapter, want) {
					t.Errorf("the chapter on %s lacks %q of --%s", s.name, want, o.name)
				}
			}
		}
	}
	for _, m := range meanings() {
		if !strings.Contains(text, roff(m.words)) {
			t.Errorf("exit code %d is missing", m.code)
		}
	}
}

func TestNoTextOfTheManualIsACommandToRoff(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		".profile":         `\&.profile`,
		"'quoted'":         `\(aqquoted\(aq`,
		`C:\sites --x`:     `C:\esites \-\-x`,
		"first\n.second":   "first\n\\&.second",
		"first\n.PP\nnext": "first\n.PP\nnext",
		"5 µs":             `5 \[u00B5]s`,
	} {
		if got := roff(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
	known := regexp.MustCompile(`^\.(TH|SH|SS|TP|PP|B|br|nf|fi|nh)( |$)`)
	for l := range strings.Lines(page(t)) {
		if l = strings.TrimSuffix(l, "\n"); strings.HasPrefix(l, ".") && !known.MatchString(l) || strings.HasPrefix(l, "'") {
			t.Errorf("a line that roff may take for a request: %s", l)
		}
		for _, r := range l {
			if r >= 0x80 {
				t.Errorf("a character that not every roff reads: %s", l)
			}
		}
	}
}

func TestTheManualIsRenderedWithoutAWarning(t *testing.T) {
	t.Parallel()
	groff, err := exec.LookPath("groff")
	if err != nil {
		return // its structure is held by the tests above
	}
	cmd := exec.Command(groff, "-man", "-Tascii", "-ww", "-P-c", "-rLL=100n")
	cmd.Stdin = strings.NewReader(page(t))
	var out, talk bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &talk
	if err := cmd.Run(); err != nil || talk.Len() > 0 {
		t.Fatalf("%v\n%s", err, talk.String())
	}
	plain := regexp.MustCompile(`.\x08`).ReplaceAllString(out.String(), "")
	for _, want := range []string{"--config FILE, -c FILE", `%ProgramData%\iis-canary\<app>\runs`, "iis-canary completion SHELL", "($IIS_CANARY_DETAILED_EXITCODE)"} {
		if !strings.Contains(plain, want) {
			t.Errorf("%q is not on the page\n%s", want, plain)
		}
	}
}
