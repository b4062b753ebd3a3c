package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// The elements of the JUnit format, as TeamCity, GitHub Actions and Azure DevOps read them.
type (
	junitSuites struct {
		XMLName xml.Name `xml:"testsuites"`
		junitSums
		Suites []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		junitSums
		Timestamp  string          `xml:"timestamp,attr,omitempty"`
		Properties []junitProperty `xml:"properties>property"`
		Cases      []junitCase     `xml:"testcase"`
	}
	junitSums struct {
		Name     string `xml:"name,attr"`
		Tests    int    `xml:"tests,attr"`
		Failures int    `xml:"failures,attr"`
		Errors   int    `xml:"errors,attr"`
		Skipped  int    `xml:"skipped,attr"`
		Time     string `xml:"time,attr"`
	}
	junitProperty struct {
		Name  string `xml:"name,attr"`
		Value string `xml:"value,attr"`
	}
	junitCase struct {
		Class   string      `xml:"classname,attr"`
		Name    string      `xml:"name,attr"`
		Time    string      `xml:"time,attr"`
		Failure *junitWords `xml:"failure"`
		Skipped *junitWords `xml:"skipped"`
		Out     string      `xml:"system-out,omitempty"`
	}
	junitWords struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes the story as one test suite: a case for each step, one for each verdict, and one for the outcome of the run.
// A question that was answered is a step that passed; what the answer was is its verdict's case.
func (r Run) JUnit(w io.Writer) error {
	suite := junitSuite{Timestamp: r.Began.UTC().Format("2006-01-02T15:04:05"), Properties: r.properties()}
	for _, s := range r.Steps {
		suite.Cases = append(suite.Cases, r.stepCase(s))
		if s.Verdict != nil {
			suite.Cases = append(suite.Cases, r.verdictCase(s))
		}
	}
	suite.Cases = append(suite.Cases, r.outcomeCase())
	suite.Name, suite.Tests, suite.Time = oneLine("iis-canary "+r.App+" "+r.Run), len(suite.Cases), xmlSeconds(r.Seconds.Total)
	for _, c := range suite.Cases {
		if c.Failure != nil {
			suite.Failures++
		}
		if c.Skipped != nil {
			suite.Skipped++
		}
	}
	all := junitSuites{junitSums: suite.junitSums, Suites: []junitSuite{suite}}
	all.Name = "iis-canary"
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("write the story of run %s: %w", r.Run, err)
	}
	_, err = io.WriteString(w, xml.Header+string(text)+"\n")
	return err
}

func (r Run) properties() []junitProperty {
	return []junitProperty{
		{"app", oneLine(r.App)}, {"run", oneLine(r.Run)}, {"old", oneLine(strings.Join(r.Old, ", "))}, {"new", oneLine(r.New.Slot)},
		{"version", oneLine(r.New.Version)}, {"outcome", string(r.Outcome)}, {"tool", oneLine(r.Tool)},
	}
}

// class is what groups the cases of one server, or of a gate, in one wave.
func (r Run) class(s RunStep) string {
	where := s.Server
	if where == "" {
		where = "gate"
	}
	return oneLine(strings.ReplaceAll(r.App, ".", "_") + "." + s.Wave + "." + where)
}

func (r Run) stepCase(s RunStep) junitCase {
	c := junitCase{Class: r.class(s), Name: oneLine(s.What), Time: xmlSeconds(s.Seconds)}
	switch s.Outcome {
	case NotBegun:
		c.Skipped = &junitWords{Message: "not begun"}
	case Broken, Unreachable, CutShort:
		_, word := outcomeWords(s.Outcome)
		c.Failure = failed(word, s.Why)
	case AtWork:
		c.Skipped = &junitWords{Message: "at work"}
	}
	return c
}

func (r Run) verdictCase(s RunStep) junitCase {
	v := s.Verdict
	c := junitCase{Class: r.class(s), Name: "verdict: " + oneLine(s.What), Time: xmlSeconds(0)}
	var lines []string
	for _, e := range v.Evidence {
		lines = append(lines, oneLine(fmt.Sprintf("%s: %s; new %s, old %s, at most %s, evidence %s", e.Metric, e.Answer, e.New, e.Old,
			e.Limit, evidence(e.Odds, e.Need))))
	}
	c.Out = strings.Join(append([]string{oneLine(string(v.Answer)) + ": " + sentence(v.Reason)}, lines...), "\n")
	if s.Outcome == Refused || s.Outcome == Doubted {
		c.Failure = failed(string(v.Answer), v.Reason)
	}
	return c
}

func (r Run) outcomeCase() junitCase {
	c := junitCase{Class: oneLine(strings.ReplaceAll(r.App, ".", "_") + ".outcome"), Name: "run " + oneLine(r.Run), Time: xmlSeconds(0)}
	switch r.Outcome {
	case Deployed:
		c.Out = "deployed"
	case Underway:
		c.Skipped = &junitWords{Message: "at work"}
	default:
		c.Failure = failed(string(r.Outcome), r.Why)
	}
	var damaged []string
	for _, d := range r.Damage {
		damaged = append(damaged, d.String())
	}
	if len(damaged) > 0 {
		c.Failure = failed("damaged journal", strings.Join(damaged, "\n"))
	}
	return c
}

// failed is a failure with a message of one line: servers show it in their lists.
func failed(kind, why string) *junitWords {
	why = sentence(why)
	if why == "" {
		why = kind
	}
	return &junitWords{Message: why, Type: oneLine(kind), Text: why}
}

// xmlSeconds is a time as JUnit wants it: seconds with a point.
func xmlSeconds(s float64) string {
	return strconv.FormatFloat(time.Duration(s*float64(time.Second)).Seconds(), 'f', 3, 64)
}
