package configs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// text is the file with the change.
func (r refusal) text(t *testing.T) string {
	t.Helper()
	if !strings.Contains(whole, r.old) {
		t.Fatalf("%q is not in the file", r.old)
	}
	return strings.Replace(whole, r.old, r.new, 1)
}

func TestEachMistakeIsRefusedAtItsPlace(t *testing.T) {
	for _, c := range refusals() {
		t.Run(c.name, func(t *testing.T) {
			ps := problems(t, "canary.yaml", []byte(c.text(t)))
			if len(ps) != 1 {
				t.Fatalf("%d mistakes:\n%s", len(ps), ps)
			}
			p := ps[0]
			if p.Path != c.path || !strings.Contains(p.Found, c.found) || !strings.Contains(p.Allowed, c.allowed) {
				t.Errorf("got %s", p)
			}
		})
	}
}

func TestNearestMatch(t *testing.T) {
	for word, want := range map[string]string{"at_mots": "at_most", "AtMost": "at_most", "at-most": "at_most", "pol": "poll", "zebra": "", "fro": "for"} {
		if got := Nearest(word, []string{"for", "at_most", "poll"}); got != want {
			t.Errorf("nearest to %q is %q, want %q", word, got, want)
		}
	}
}

func TestWhatIsNoYAML(t *testing.T) {
	for _, c := range []struct {
		name, text string
		line       int
		found      string
	}{
		{"nothing", " \n\n", 1, "an empty file"},
		{"a list", "- a\n", 1, "no keys"},
		{"a word", "hello\n", 1, "no keys"},
		{"a list that is not closed", "app: [a\naws: b\n", 2, "not YAML"},
		{"a tab", "app: a\naws:\n\tregion: b\n", 3, "a tab in front of the line"},
		{"a tab behind spaces", "app: a\nmetrics:\n  - name: a\n \tsource: b\n", 4, "a tab in front of the line"},
		{"a tab of a list", "app: a\nnotify:\n -\ton: b\n\t  x: [\n", 3, "a tab in front of the line"},
		{"two documents", "app: a\n---\napp: b\n", 1, "more than one"},
		{"an unknown alias", "app: *a\n", 1, "not YAML"},
		{"bytes", "app: \xff\n", 1, "not YAML"},
	} {
		t.Run(c.name, func(t *testing.T) {
			ps := problems(t, "c.yaml", []byte(c.text))
			if len(ps) != 1 || ps[0].Line != c.line || !strings.Contains(ps[0].Found, c.found) {
				t.Errorf("got %s", ps)
			}
		})
	}
}

func TestATabIsNamedWithItsPlaceAndTheWayOut(t *testing.T) {
	ps := problems(t, "c.yaml", []byte("app: a\naws:\n \tregion: b\n"))
	if len(ps) != 1 || ps[0].Line != 3 || ps[0].Column != 2 || !strings.Contains(ps[0].Allowed, "set the editor to write spaces") {
		t.Errorf("got %s", ps)
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	_, _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), nil)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func TestAFileThatIsTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "big.yaml")
	if err := os.WriteFile(path, make([]byte, maxFile+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Load(path, nil); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestALongLineIsShownAroundItsMistake(t *testing.T) {
	var names strings.Builder
	for i := range 500 {
		fmt.Fprintf(&names, "web-%d, ", i)
	}
	ps := problems(t, "c.yaml", []byte(strings.Replace(whole, "web-443", names.String()+"web_443, web-500", 1)))
	if len(ps) != 1 {
		t.Fatalf("%d mistakes", len(ps))
	}
	lines := strings.Split(ps[0].String(), "\n")
	line, caret := []rune(lines[1]), strings.Index(lines[2], "^")
	if len(line) > 200 || !strings.HasPrefix(string(line[caret:]), "web_443, web-500]") {
		t.Errorf("got\n%s", ps[0])
	}
}

func TestColumnsCountCharacters(t *testing.T) {
	ps := problems(t, "c.yaml", []byte(strings.Replace(whole, "{ path: /warm }", "{ path: /wärmür, status: 2oo }", 1)))
	if len(ps) != 1 || ps[0].Column != 34 {
		t.Fatalf("got %s", ps)
	}
	lines := strings.Split(ps[0].String(), "\n")
	if at := strings.Index(lines[2], "^"); string([]rune(lines[1])[at:at+3]) != "2oo" {
		t.Errorf("the caret stands elsewhere:\n%s", ps[0])
	}
}

func TestVeryManyMistakesAreNotAllPrinted(t *testing.T) {
	var b strings.Builder
	for i := range 2 * enough {
		fmt.Fprintf(&b, "zzz%d: 1\n", i)
	}
	ps := problems(t, "c.yaml", []byte(b.String()))
	text := ps.Error()
	if len(ps) != enough || strings.Count(text, "allowed:") != most || !strings.HasSuffix(text, fmt.Sprintf("and at least %d mistakes more", len(ps)-most)) {
		t.Errorf("%d mistakes, printed as %d bytes that end with %q", len(ps), len(text), text[len(text)-60:])
	}
}

// TestNoFileTakesLong reads large files that are wrong all over: the time must not grow with the square of their size.
func TestNoFileTakesLong(t *testing.T) {
	fill := func(unit string) string { return strings.Repeat(unit, maxFile/20/len(unit)) }
	for name, text := range map[string]string{
		"one line of keys":     "app: {" + fill("a, ") + "}",
		"one key":              fill("k") + ": 1",
		"unknown keys":         fill("zzz: 1\n"),
		"sections of secrets":  "servers:\n  winrm:\n" + fill("    pwd: [x]\n"),
		"waves":                "rollout: { waves: [" + fill("1, ") + "100%] }",
		"events":               "notify: [{ on: [" + fill("x, ") + "x] }]",
		"deep lists":           strings.Repeat("[", 9000) + strings.Repeat("]", 9000),
		"servers":              "servers: { address: map, map: {" + fill("i-0a: h, ") + "} }",
		"metrics":              "metrics: [" + fill("{}, ") + "]",
		"one line of colons":   fill("a:"),
		"one secret of a page": "password: " + fill("x"),
	} {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			if ps := problems(t, "c.yaml", []byte(text)); len(ps.Error()) > 200_000 {
				t.Errorf("%d bytes of mistakes", len(ps.Error()))
			}
			if took := time.Since(began); took > 30*time.Second {
				t.Errorf("it took %s", took)
			}
		})
	}
}
