package iistest

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ` + regexp.QuoteMeta(oldSlot) +
	` 127\.0\.0\.1 GET /a\+b x=1 \d+ - 127\.0\.0\.1 a\+customer - 200 0 0 \d+$`)

func TestLogLinesAreAsIISWritesThem(t *testing.T) {
	s := installed(t, nil)
	client := customer(t)
	for range 2 {
		_, err := visit(t, s, client, "/a%20b?x=1")
		must(t, err)
	}
	if files, err := s.LogFiles(); err != nil || len(files) != 0 {
		t.Errorf("lines are written before they are flushed: %v %v", files, err)
	}
	c := leased(t, s)
	c.ok("flush", map[string]any{}, nil)
	files, err := s.LogFiles()
	must(t, err)
	if len(files) != 1 || filepath.Base(files[0]) != "u_ex"+time.Now().UTC().Format("060102")+".log" ||
		!regexp.MustCompile(`^W3SVC\d+$`).MatchString(filepath.Base(filepath.Dir(files[0]))) {
		t.Fatalf("files: %v", files)
	}
	lines := readLines(t, files[0])
	if len(lines) != 6 || lines[0] != "#Software: Microsoft Internet Information Services 10.0" || lines[1] != "#Version: 1.0" ||
		!strings.HasPrefix(lines[2], "#Date: ") || !strings.HasPrefix(lines[3], "#Fields: date time s-sitename s-ip cs-method") {
		t.Fatalf("%q", lines)
	}
	if got := len(strings.Fields(lines[4])); got != len(strings.Fields(lines[3]))-1 {
		t.Errorf("%d columns", got)
	}
	for _, l := range lines[4:] {
		if !logLine.MatchString(l) {
			t.Errorf("%q", l)
		}
	}
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 0}, nil)
	_, err = visit(t, s, client, "/a%20b?x=1")
	must(t, err)
	c.ok("flush", map[string]any{}, nil)
	if lines := readLines(t, files[0]); len(lines) != 11 || !strings.HasPrefix(lines[6], "#Software") {
		t.Errorf("a site that starts again writes a header again: %q", lines[6:])
	}
}

func TestLogsThatRollOverBySizeKeepTheTwoNewestFiles(t *testing.T) {
	s := installed(t, func(c *Config) { c.LogSize = 600 })
	client, c := customer(t), leased(t, s)
	for range 12 {
		_, err := visit(t, s, client, "/")
		must(t, err)
		c.ok("flush", map[string]any{}, nil)
	}
	files, err := s.LogFiles()
	must(t, err)
	if len(files) != 2 || !regexp.MustCompile(`u_extend\d+\.log$`).MatchString(files[0]) {
		t.Fatalf("files: %v", files)
	}
	for _, f := range files {
		if lines := readLines(t, f); !strings.HasPrefix(lines[0], "#Software") {
			t.Errorf("%s begins with %q, not with a header", f, lines[0])
		}
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n")
}
