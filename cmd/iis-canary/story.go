package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"iiscanary/canary/journal"
	"iiscanary/canary/report"
	"iiscanary/configs"
)

// offline reads the configuration for a command that reaches nobody: a secret that is not set here is not worth a warning.
func offline(s streams, path string) (*configs.Spec, error) {
	s.err = io.Discard
	return loadSpec(s, path)
}

// shelf is the folder of journals of a configuration, for reading: it is not made where there is none.
func shelf(spec *configs.Spec, path string) runs {
	return runs{filepath.Join((&session{spec: spec, path: path}).relative(spec.State), spec.App)}
}

// typedFor is how a verb is typed for a run, with this configuration.
func typedFor(path string) report.Typed {
	return func(verb, run string) string {
		words := []string{"iis-canary " + verb, "--config", path}
		if run != "" {
			words = append(words, "--run", run)
		}
		return commandLine(words...)
	}
}

// ids is the runs that have a journal here, newest first.
func (r runs) ids() ([]string, error) {
	entries, err := os.ReadDir(r.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for journals: %w", err)
	}
	var out []string
	for _, e := range entries {
		if id, ok := strings.CutSuffix(e.Name(), ".jsonl"); ok && isRunID(id) {
			out = append(out, id)
		}
	}
	slices.Sort(out)
	slices.Reverse(out)
	return out, nil
}

// story reads the journal of a run, which may be in flight. What cannot be read of it is in the story; the error is of a
// journal that is not there.
func (r runs) story(run string, typed report.Typed) (report.Run, error) {
	path := r.journal(run)
	read, err := journal.Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return report.Run{}, err
	}
	rec := report.Record{Run: run, Events: read.Events, Alive: journal.Alive(path), Torn: read.Torn}
	if err != nil {
		rec.Damage = append(rec.Damage, report.Damage{What: err.Error()})
	}
	for _, d := range read.Damage {
		rec.Damage = append(rec.Damage, report.Damage{Line: d.Line, What: d.Err.Error()})
	}
	if len(rec.Events) == 0 && len(rec.Damage) == 0 && !rec.Alive {
		rec.Damage = append(rec.Damage, report.Damage{What: "it holds no whole line"})
	}
	return report.Tell(rec, typed), nil
}

// stories is at most so many of the runs that have a journal here, newest first.
func (r runs) stories(most int, typed report.Typed) ([]report.Run, error) {
	ids, err := r.ids()
	if err != nil {
		return nil, err
	}
	var out []report.Run
	for _, id := range ids[:min(most, len(ids))] {
		story, err := r.story(id, typed)
		if errors.Is(err, fs.ErrNotExist) {
			continue // somebody took it away meanwhile
		}
		if err != nil {
			return nil, err
		}
		for i := len(out) - 1; i >= 0; i-- { // the next one first
			story.Overtake(out[i], typed)
		}
		out = append(out, story)
	}
	return out, nil
}

// overtaken is the story with what later runs that have a journal here did about it.
func (r runs) overtaken(story report.Run, typed report.Typed) (report.Run, error) {
	ids, err := r.ids()
	if err != nil {
		return story, err
	}
	for _, id := range slices.Backward(ids) {
		if id <= story.Run {
			continue
		}
		later, err := r.story(id, typed)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return story, err
		}
		story.Overtake(later, typed)
	}
	return story, nil
}
