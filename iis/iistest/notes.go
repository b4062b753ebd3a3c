package iistest

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
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

// TearNote leaves the beginning of a line at the end of a run's notes, as a power failure does.
func (s *Server) TearNote(run string) error {
	path := s.store.shard(s.config.App, run)
	if s.config.Mono != nil {
		path = filepath.Join(s.monoData(s.config.App), "runs", run+".jsonl")
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("tear a note: %w", err)
	}
	_, err = f.WriteString(`{"torn":`)
	return errors.Join(err, f.Close())
}

func (s *store) shard(app, run string) string {
	return filepath.Join(s.data(app, "runs"), run+".jsonl")
}

// appendLines is on disk when it returns. What a power failure tore behind the last whole line is cut off.
func appendLines(path string, lines []string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	before, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, l := range lines {
		text.WriteString(l + "\n")
	}
	whole := int64(bytes.LastIndexByte(before, '\n') + 1)
	err = f.Truncate(whole)
	if err == nil {
		_, err = f.WriteAt([]byte(text.String()), whole)
	}
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
