package iistest

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// notesShown is the most runs that notes returns.
const notesShown = 20

func note(_ context.Context, c *call) (any, error) {
	var a struct {
		Run   string   `json:"run"`
		Lines []string `json:"lines"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if err := checkRun(a.Run); err != nil {
		return nil, err
	}
	for _, l := range a.Lines {
		if strings.ContainsAny(l, "\r\n") {
			return nil, refuse("bad_request", "a note is one line")
		}
	}
	s := c.server.store
	s.mu.Lock()
	defer s.mu.Unlock()
	path := s.shard(c.app, a.Run)
	if err := appendLines(path, a.Lines); err != nil {
		return nil, err
	}
	return map[string]int{"count": countLines(path)}, nil
}

func (s *store) shard(app, run string) string {
	return filepath.Join(s.data(app, "runs"), run+".jsonl")
}

// appendLines is on disk when it returns.
func appendLines(path string, lines []string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l + "\n")
	}
	_, err = f.WriteString(text.String())
	return errors.Join(err, f.Sync(), f.Close())
}

func notes(_ context.Context, c *call) (any, error) {
	var a struct {
		Run string `json:"run"`
	}
	if err := c.read(&a); err != nil {
		return nil, err
	}
	s := c.server.store
	runs := s.runs(c.app)
	if a.Run != "" {
		if err := checkRun(a.Run); err != nil {
			return nil, err
		}
		runs = slices.DeleteFunc(runs, func(r string) bool { return r != a.Run })
	}
	type shard struct {
		Run   string   `json:"run"`
		Lines []string `json:"lines"`
	}
	out := []shard{}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, run := range runs[:min(len(runs), notesShown)] {
		text, err := os.ReadFile(s.shard(c.app, run))
		if err != nil {
			return nil, err
		}
		one := shard{run, []string{}}
		for line := range strings.Lines(string(text)) {
			one.Lines = append(one.Lines, strings.TrimSuffix(line, "\n"))
		}
		out = append(out, one)
	}
	return map[string]any{"runs": out}, nil
}

// runs is the ids of the runs that left notes, newest first.
func (s *store) runs(app string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries, err := os.ReadDir(s.data(app, "runs"))
	if err != nil {
		return []string{}
	}
	var infos []fs.FileInfo
	for _, e := range entries {
		if info, err := e.Info(); err == nil {
			infos = append(infos, info)
		}
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int {
		return cmp.Or(b.ModTime().Compare(a.ModTime()), cmp.Compare(b.Name(), a.Name()))
	})
	out := []string{}
	for _, i := range infos {
		out = append(out, strings.TrimSuffix(i.Name(), ".jsonl"))
	}
	return out
}
