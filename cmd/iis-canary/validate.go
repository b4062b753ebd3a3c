package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"iiscanary/configs"
)

func validateCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "validate",
		Usage: "check the configuration file; no network",
		Flags: []cli.Flag{configFlag(), outputFlag()},
		Action: func(c *cli.Context) error {
			o, err := format(c)
			if err != nil {
				return err
			}
			path := configPath(c)
			spec, err := loadSpec(s, path)
			if o == "json" {
				return errors.Join(checked(s, path, spec, err).write(s.out), err)
			}
			if err != nil {
				return err
			}
			return explainSpec(s.out, path, spec)
		},
	})
}

// explainSpec says a valid configuration back: what it rolls, and each of its limits in words.
func explainSpec(w io.Writer, path string, spec *configs.Spec) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s is valid: %s in target group %s, judged by %s\n\n", path, spec.App,
		strings.Join(spec.TargetGroups, " and "), strings.Join(judgedBy(spec), " and "))
	words, widest := spec.Words(), 0
	for _, part := range words {
		widest = max(widest, len([]rune(part.Topic)))
	}
	for _, part := range words {
		lines := wrapped(part.Text, lineWidth-widest)
		fmt.Fprintf(&b, "  %-*s  %s\n", widest, part.Topic, lines[0])
		for _, line := range lines[1:] {
			fmt.Fprintf(&b, "  %-*s  %s\n", widest, "", line)
		}
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// lineWidth is how many characters a line of words may have, without what stands in front of them.
const lineWidth = 110

// wrapped is a text in lines of at most so many characters, where its words let it be.
func wrapped(text string, width int) []string {
	lines := []string{""}
	for _, word := range strings.Fields(text) {
		last := &lines[len(lines)-1]
		switch {
		case *last == "":
			*last = word
		case len([]rune(*last))+1+len([]rune(word)) > width:
			lines = append(lines, word)
		default:
			*last += " " + word
		}
	}
	return lines
}

func judgedBy(spec *configs.Spec) []string {
	var names []string
	for _, m := range spec.Metrics {
		names = append(names, m.Name)
	}
	return names
}

// validity is what validate found, for machines. A change that breaks its readers raises the version.
type validity struct {
	Version      int          `json:"version"`
	File         string       `json:"file"`
	Valid        bool         `json:"valid"`
	Error        string       `json:"error,omitempty"` // the file could not be read
	Mistakes     []lineRemark `json:"mistakes"`
	Warnings     []lineRemark `json:"warnings"`
	App          string       `json:"app,omitempty"`
	TargetGroups []string     `json:"target_groups,omitempty"`
	Metrics      []string     `json:"metrics,omitempty"`
	Digest       string       `json:"digest,omitempty"` // SHA-256 of the file
	Limits       []saidLimit  `json:"limits,omitempty"`
}

// lineRemark is a mistake in the file, or with Found alone a warning.
type lineRemark struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Path    string `json:"path"`
	Found   string `json:"found"`
	Allowed string `json:"allowed,omitempty"`
	Nearest string `json:"nearest,omitempty"`
	Text    string `json:"text,omitempty"` // the line, secrets hidden
}

type saidLimit struct {
	Topic string `json:"topic"`
	Path  string `json:"path"`
	Words string `json:"words"`
}

const validityVersion = 1

// checked tells a machine what loading a file gave.
func checked(s streams, path string, spec *configs.Spec, err error) validity {
	v := validity{Version: validityVersion, File: path, Valid: err == nil, Mistakes: []lineRemark{}, Warnings: []lineRemark{}}
	if ps, is := errors.AsType[configs.Problems](err); is {
		for _, p := range ps {
			v.Mistakes = append(v.Mistakes, lineRemark{p.Line, p.Column, p.Path, p.Found, p.Allowed, p.Nearest, p.Text})
		}
	} else if err != nil {
		v.Error = err.Error()
	}
	// The warnings were said to people only; the file is read again for them.
	_, warnings, _ := configs.Load(path, func(name string) (string, bool) { v := s.getenv(name); return v, v != "" })
	for _, w := range warnings {
		v.Warnings = append(v.Warnings, lineRemark{Line: w.Line, Column: w.Column, Path: w.Path, Found: w.Text})
	}
	if spec == nil {
		return v
	}
	v.App, v.TargetGroups, v.Metrics, v.Digest = spec.App, spec.TargetGroups, judgedBy(spec), spec.Digest
	for _, part := range spec.Words() {
		v.Limits = append(v.Limits, saidLimit{part.Topic, part.Path, part.Text})
	}
	return v
}

func (v validity) write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
