package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"
)

func manCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:        "man",
		Usage:       "print the manual page",
		Description: "The page goes to standard output, in roff. To install it, write it to iis-canary.1 in a folder man1 of the manpath.",
		Action:      func(c *cli.Context) error { return manual(s.out, c.App) },
	})
}

// manual writes the page of section 1, in the macros that man has everywhere.
func manual(w io.Writer, app *cli.App) error {
	var b strings.Builder
	all := sheets(app)
	line(&b, `.TH IIS\-CANARY 1 "" "iis\-canary %s" "User Commands"`+"\n.nh", roff(app.Version))
	line(&b, ".SH NAME\niis\\-canary \\- %s", roff(app.Usage))
	manSynopsis(&b, all)
	line(&b, ".SH DESCRIPTION\n%s", roff(manDescription))
	line(&b, ".SH COMMANDS")
	for _, s := range all {
		manCommandPage(&b, s)
	}
	line(&b, ".SH EXIT STATUS")
	for _, m := range meanings() {
		line(&b, ".TP\n.B %d\n%s", m.code, roff(m.words))
	}
	manEnvironment(&b, all)
	line(&b, ".SH FILES")
	manTerms(&b, manFiles())
	manExamples(&b, all)
	line(&b, ".SH SEE ALSO\n%s", roff(manSeeAlso))
	_, err := io.WriteString(w, b.String())
	return err
}

const manDescription = `iis-canary rolls a new release of an IIS application through a fleet of Windows servers behind an AWS Application Load Balancer, one server at a time.
It takes a server out of rotation, starts the new site beside the old one, warms it, puts the server back, and watches real users' requests in Elasticsearch.
When the release is bad, it puts the whole fleet back by itself.
.PP
Answers go to standard output, everything else to standard error. Flags follow the command; a word that is no flag is refused, but for the shell of completion.
A command that changes the fleet asks first; without a terminal it refuses unless --yes is given.
The first interrupt finishes the server in hand, so that it serves, and stops; the second abandons the run at once.`

const manSeeAlso = `The files README.md and docs/operations.md of the project: how servers, AWS and Elasticsearch are set up, and what to do at each exit code.
docs/errors.md: every error that the program can print.`

func manSynopsis(b *strings.Builder, all []sheet) {
	line(b, ".SH SYNOPSIS")
	for _, s := range all {
		line(b, ".B iis\\-canary %s", roff(s.name))
		for _, o := range s.options {
			if o.name != helpOption.name {
				line(b, "[%s]", manOption(o, false))
			}
		}
		if s.argument != "" {
			line(b, "\\fI%s\\fR", roff(s.argument))
		}
		line(b, ".br")
	}
	line(b, ".B iis\\-canary \\-\\-version\n.br\n.B iis\\-canary \\fIcommand\\fB \\-\\-help")
}

// manCommandPage is what the page says of one command.
func manCommandPage(b *strings.Builder, s sheet) {
	line(b, ".SS %s", roff(s.name))
	line(b, "%s", roff(s.usage))
	if s.description != "" {
		line(b, ".PP\n.nf\n%s\n.fi", roff(s.description))
	}
	for _, o := range s.options {
		line(b, ".TP\n%s\n%s", manOption(o, true), roff(manWords(o)))
	}
	var codes []string
	for _, m := range meanings() {
		if m.of(s.name) {
			codes = append(codes, fmt.Sprint(int(m.code)))
		}
	}
	line(b, ".PP\nExit codes: %s", strings.Join(codes, ", "))
}

// manOption is a flag as it is typed: bold, with its value in italics.
func manOption(o option, both bool) string {
	typed := o.typed()
	if !both {
		typed = typed[:1]
	}
	for i, flag := range typed {
		typed[i] = `\fB` + roff(flag) + `\fR`
		if o.value != "" {
			typed[i] += ` \fI` + roff(o.value) + `\fR`
		}
	}
	return strings.Join(typed, ", ")
}

// manWords is what a flag means, with its default and its environment variable.
func manWords(o option) string {
	words := o.usage
	if o.preset != "" && !strings.Contains(words, "default: ") {
		words += "; default: " + o.preset
	}
	if o.name == "fault" {
		words += ": " + strings.Join(o.choices, ", ")
	}
	if o.env != "" {
		words += " ($" + o.env + ")"
	}
	return words
}

// manEnvironment lists the twins of all flags, each once, and what else is read.
func manEnvironment(b *strings.Builder, all []sheet) {
	line(b, ".SH ENVIRONMENT\n%s", roff("Every flag but --out and --help can be given by a variable. What is typed wins; an empty variable counts as none."))
	seen := map[string]bool{"": true}
	for _, s := range all {
		for _, o := range s.options {
			if !seen[o.env] {
				line(b, ".TP\n.B %s\n%s", roff(o.env), roff("--"+o.name))
			}
			seen[o.env] = true
		}
	}
	manTerms(b, [][2]string{
		{"NO_COLOR, CI, TERM=dumb", "plain lines, no block that redraws itself; with CI nobody is asked either"},
		{"AWS_REGION, AWS_PROFILE, AWS_ACCESS_KEY_ID ...", "the usual chain of the AWS SDK, where the configuration gives no credentials"},
		{"any other", "that the configuration refers to as env:NAME"},
	})
}

func manFiles() [][2]string {
	return [][2]string{
		{defaultConfig, "the configuration, where --config names no other"},
		{"<state>/<app>/<run>.jsonl", "the journal of a run; the folder is the configuration's key state"},
		{`%ProgramData%\iis-canary\<app>\runs on each server`, "what the journal says of that server: enough to resume or revert from another machine"},
	}
}

func manExamples(b *strings.Builder, all []sheet) {
	var rows [][2]string
	for _, s := range all {
		for _, e := range examples(s.name) {
			rows = append(rows, [2]string{e.line, e.words})
		}
	}
	line(b, ".SH EXAMPLES")
	manTerms(b, rows)
}

// manTerms is terms, each with its words.
func manTerms(b *strings.Builder, rows [][2]string) {
	for _, r := range rows {
		line(b, ".TP\n.B %s\n%s", roff(r[0]), roff(r[1]))
	}
}

// roff is a text in which no character means anything to roff; lines that are its own requests for a paragraph stay.
func roff(text string) string {
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if l == ".PP" {
			continue
		}
		l = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(l)
		if strings.HasPrefix(l, ".") {
			l = `\&` + l
		}
		lines[i] = roffRunes(l)
	}
	return strings.Join(lines, "\n")
}

// roffRunes writes characters outside of ASCII by their number: not every roff reads UTF-8.
func roffRunes(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x80 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\[u%04X]`, r)
		}
	}
	return b.String()
}
