package main

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/urfave/cli/v2"

	"iiscanary/canary/report"
)

func reportCommand(s streams) *cli.Command {
	return command(&cli.Command{
		Name:  "report",
		Usage: "tell the story of a run from its journal: steps, times, verdicts with their evidence, what was put back; no network",
		Flags: []cli.Flag{configFlag(), runFlag(), textFlag("output", "`FORMAT` of the story: text, json or junit", "text", "o"),
			outFlag("write the story to `FILE`", ""), switchFlag("force", "write over a file that is there")},
		Action: func(c *cli.Context) error {
			o := cmp.Or(c.String("output"), "text")
			if o != "text" && o != "json" && o != "junit" {
				return unknownFormat(c, o, "text, json, junit")
			}
			if out := c.String("out"); out != "" && exists(out) && !c.Bool("force") {
				return usage("--out %s: that file is there", out).then("choose another --out FILE, or pass --force")
			}
			run := c.String("run")
			if run != "" && !isRunID(run) {
				return usage("--run is %q, allowed: an id such as %s", run, exampleRunID).then(typedFor(configPath(c))("runs", "") + "   (lists the ids)")
			}
			story, err := findStory(s, configPath(c), run)
			if err != nil {
				return err
			}
			return tell(s, story, o, c.String("out"))
		},
	})
}

// findStory is the story of a run, or of the newest.
func findStory(s streams, path, run string) (report.Run, error) {
	var none report.Run
	spec, err := offline(s, path)
	if err != nil {
		return none, err
	}
	books, typed := shelf(spec, path), typedFor(path)
	if run == "" {
		ids, err := books.ids()
		if err != nil {
			return none, fail(exitUnexpected, err, "nothing was touched", "look at the rights of the state folder ("+spec.State+")")
		}
		if len(ids) == 0 {
			return none, usage("no run of %s is known on this machine", spec.App).then(typed("status", "") + "   (asks the servers)")
		}
		run = ids[0]
	}
	story, err := books.story(run, typed)
	if errors.Is(err, fs.ErrNotExist) {
		return none, usage("run %s has no journal on this machine", run).
			then(typed("runs", "")+"   (lists those that have one)", typed("status", "")+"   (asks the servers)")
	}
	if err == nil {
		story, err = books.overtaken(story, typed)
	}
	if err != nil {
		return none, fail(exitUnexpected, err, "nothing was touched", typed("runs", ""))
	}
	return story, nil
}

// tell writes a story. One that is not whole is told all the same, and said to be so.
func tell(s streams, story report.Run, format, file string) error {
	write := map[string]func(io.Writer) error{"text": story.Text, "json": story.JSON, "junit": story.JUnit}[format]
	for _, d := range story.Damage {
		fmt.Fprintf(s.err, "warning: the journal of run %s is damaged: %s\n", story.Run, d)
	}
	if file == "" {
		return write(s.out)
	}
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
		return usage("write the story: %w", err).then("choose another --out FILE")
	}
	return nil
}
