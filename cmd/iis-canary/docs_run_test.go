package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// Every block of a page that is fenced as sh is a script that this test runs, line for line, in a working folder that holds
// a fleet's canary.yaml and app.domain.com.3457.zip. The rules:
//
//   - What iis-canary is asked is answered by IIS_CANARY_YES. Speed and traffic are set by their variables too.
//   - `go run ./cmd/iis-canary` is iis-canary. Other lines that begin with go, git or curl are left out.
//   - `iis-canary simulate --dir DIR` stays in the background, as in a terminal of its own, until the page is done.
//   - A line ends with 0, or with the N that a comment behind it says: `# exit N`. A line with & is not waited for.
//   - Where a page asks for a run before it has made one, app.domain.com.3457.zip was deployed before.
//   - A run's id, 20261121-101500-ab12, stands for the newest run.
type paper struct {
	name   string
	blocks []string
}

// scripts is the blocks of a page that are to be run.
func scripts(t *testing.T, file string) paper {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	p := paper{name: filepath.Base(file)}
	for _, m := range regexp.MustCompile("(?ms)^```(sh|console)\n(.*?)^```$").FindAllStringSubmatch(string(text), -1) {
		block := m[2]
		if m[1] == "console" {
			block = prompted(block)
		}
		if strings.Contains(block, "iis-canary") {
			p.blocks = append(p.blocks, block)
		}
	}
	return p
}

// prompted is the lines of a console that were typed.
func prompted(block string) string {
	var typed strings.Builder
	for l := range strings.Lines(block) {
		if line, is := strings.CutPrefix(l, "$ "); is {
			typed.WriteString(line)
		}
	}
	return typed.String()
}

var (
	leftOut   = regexp.MustCompile(`^(go|git|curl)( |$)`)
	saysExit  = regexp.MustCompile(`#.*\bexit ([0-9]+)`)
	needsRun  = regexp.MustCompile(`^iis-canary (report|resume|revert) .* canary\.yaml`)
	simulates = regexp.MustCompile(`^iis-canary simulate .*--dir (\S+)`)
)

// desk is where a page is tried: a working folder, and what runs in other terminals.
type desk struct {
	t      *testing.T
	dir    string
	fleet  bool
	rolled bool
}

func TestWhatTheDocsTellToTypeIsTyped(t *testing.T) {
	t.Parallel()
	ran := 0
	for _, file := range papers(t) {
		p := scripts(t, file)
		if len(p.blocks) == 0 {
			continue
		}
		ran += len(p.blocks)
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			d := &desk{t: t, dir: t.TempDir()}
			for _, block := range p.blocks {
				d.try(block)
			}
		})
	}
	if ran < 8 {
		t.Errorf("only %d blocks of the docs can be run", ran)
	}
}

// try runs one block.
func (d *desk) try(block string) {
	d.t.Helper()
	var script []string
	for l := range strings.Lines(block) {
		l = strings.ReplaceAll(strings.TrimSpace(l), "go run ./cmd/iis-canary", "iis-canary")
		switch dir := simulates.FindStringSubmatch(l); {
		case leftOut.MatchString(l) || l == "" || strings.HasPrefix(l, "#"):
		case dir != nil:
			d.stand(l, dir[1])
		default:
			script = append(script, l)
		}
	}
	for _, l := range script {
		if strings.Contains(l, " canary.yaml") && !d.fleet {
			d.putUp()
		}
		if needsRun.MatchString(l) && !d.rolled {
			d.run([]string{"iis-canary deploy --config canary.yaml --package app.domain.com.3457.zip"})
		}
		d.rolled = d.rolled || needsRun.MatchString(l) || strings.HasPrefix(l, "iis-canary deploy ")
	}
	if len(script) > 0 {
		d.run(script)
	}
}

// run runs lines as one script, so that $! is the process of the line before.
func (d *desk) run(lines []string) {
	d.t.Helper()
	var text strings.Builder
	for _, l := range lines {
		l = strings.ReplaceAll(l, exampleRunID, "$(ls state/* | grep -o '^[0-9a-f-]*' | sort | tail -1)")
		want := 0
		if m := saysExit.FindStringSubmatch(l); m != nil {
			want, _ = strconv.Atoi(m[1])
		}
		bare, _, _ := strings.Cut(l, " #")
		bare = strings.TrimSpace(bare)
		if strings.HasSuffix(bare, "&") && !strings.HasSuffix(bare, "&&") {
			if strings.Contains(bare, " deploy ") && !strings.Contains(bare, " --yes") {
				d.t.Errorf("nobody can answer what this asks in the background: %s", bare)
			}
			fmt.Fprintf(&text, "%s\n", bare)
			continue
		}
		fmt.Fprintf(&text, "echo '$ %s'\n%s\ncode=$?; [ $code -eq %d ] || { echo \"ended with $code instead of %d\"; exit 1; }\n",
			strings.ReplaceAll(bare, "'", `'\''`), bare, want, want)
	}
	cmd := exec.Command("sh", "-c", text.String())
	cmd.Dir, cmd.Env = d.dir, d.env()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		d.t.Fatalf("%v\n%s", err, out.String())
	}
}

func (d *desk) env() []string {
	return append(os.Environ(), "CI=true", "HOME="+d.dir, "IIS_CANARY_YES=true", "IIS_CANARY_SERVERS=2",
		"IIS_CANARY_SPEED="+strconv.Itoa(fleetSpeed), "IIS_CANARY_TRAFFIC="+strconv.Itoa(fleetTraffic))
}

// putUp puts a fleet into the working folder.
func (d *desk) putUp() {
	d.t.Helper()
	f, err := rehearsal.New(d.t.Context(), rehearsal.Options{Servers: 2, Speed: fleetSpeed, Traffic: fleetTraffic, Dir: d.dir})
	if err != nil {
		d.t.Fatal(err)
	}
	d.t.Cleanup(f.Close)
	if err := f.Settle(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	d.fleet = true
}

// stand starts a fleet in a terminal of its own, and interrupts it when the page is done.
func (d *desk) stand(line, dir string) {
	d.t.Helper()
	args, err := words(line)
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Env = d.dir, d.env()
	p := launch(d.t, cmd)
	d.t.Cleanup(func() {
		p.signal(os.Interrupt)
		p.ended().must(d.t, 0)
	})
	ready := filepath.Join(d.dir, dir, rehearsal.EndpointsFile)
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(ready); err == nil {
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("after a minute %s has put no fleet up", line)
		}
	}
}

func TestABlockThatDoesNotDoWhatItSaysIsNoticed(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "page.md")
	text := "```sh\niis-canary version\niis-canary deply   # exit 2\n```\n\n```yaml\n- run: iis-canary bad\n```\n\n```console\n$ iis-canary man\nIIS\n```\n\n```sh\nls\n```\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	want := []string{"iis-canary version\niis-canary deply   # exit 2\n", "iis-canary man\n"}
	if got := scripts(t, file).blocks; !slices.Equal(got, want) {
		t.Errorf("blocks %q, want %q", got, want)
	}
	d := &desk{t: t, dir: t.TempDir()}
	d.try(want[0])
	d.try("go build ./...\ngo run ./cmd/iis-canary version\n# nothing\n")
}
