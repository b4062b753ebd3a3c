package configs

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// examples are the files that users start from.
func examples(t *testing.T) map[string][]byte {
	t.Helper()
	names, err := filepath.Glob("examples/*.yaml")
	if err != nil || len(names) < 4 {
		t.Fatalf("%d examples: %v", len(names), err)
	}
	texts := map[string][]byte{}
	for _, name := range names {
		if texts[name], err = os.ReadFile(name); err != nil {
			t.Fatal(err)
		}
	}
	return texts
}

func TestTheSchemaAcceptsTheExamples(t *testing.T) {
	texts, judge := examples(t), judgeOf(t)
	texts["whole"] = []byte(whole)
	for name, text := range texts {
		if mistakes := judge(text); len(mistakes) > 0 {
			t.Errorf("%s: %s", name, strings.Join(mistakes, "\n"))
		}
	}
}

// shapeRefuses reports whether the pass over the shape finds mistakes in a text.
func shapeRefuses(t *testing.T, text string) bool {
	t.Helper()
	src := newSource("canary.yaml", []byte(text))
	root, problem := syntax(src, []byte(text))
	if problem != nil {
		return true
	}
	d, _ := shape(src, root, Secret{})
	return len(d.problems) > 0
}

// An editor must say what validate says, and nothing else.
func TestTheSchemaRefusesWhatTheShapeDoes(t *testing.T) {
	seen, judge := 0, judgeOf(t)
	for _, c := range refusals() {
		t.Run(c.name, func(t *testing.T) {
			text := c.text(t)
			wrong, refused := shapeRefuses(t, text), judge([]byte(text))
			if slices.Contains(beyond(), c.name) {
				wrong = false
			} else if wrong {
				seen++
			}
			if wrong != (len(refused) > 0) {
				t.Errorf("mistakes in the shape: %t, the schema says %q", wrong, refused)
			}
		})
	}
	if seen < 40 {
		t.Errorf("only %d mistakes in the shape were compared", seen)
	}
}

// Each line of the complete example is spoiled in the ways that people spoil one.
func TestTheSchemaRefusesSpoiledLinesAsTheShapeDoes(t *testing.T) {
	lines := strings.Split(string(examples(t)["examples/complete.yaml"]), "\n")
	scalar := regexp.MustCompile(`^( *(?:- )?[a-z_]+:) +([^\[{#]+)$`)
	compared, judge := 0, judgeOf(t)
	for i, line := range lines {
		m := scalar.FindStringSubmatch(line)
		if m == nil {
			continue
		}
		own := strings.Repeat(" ", len(line)-len(strings.TrimLeft(line, " ")))
		ways := []string{m[1], m[1] + " [1]", m[1] + " {a: 1}", m[1] + " 7.5", m[1] + " true", m[1] + " -3", m[1] + " ''", m[1] + " 'a b'"}
		for _, spoiled := range []string{ways[i%len(ways)], ways[(i+3)%len(ways)], strings.Replace(line, ":", "x:", 1), own + "zzz: 1"} {
			text := strings.Join(slices.Replace(slices.Clone(lines), i, i+1, spoiled), "\n")
			wrong, refused := shapeRefuses(t, text), judge([]byte(text))
			if wrong != (len(refused) > 0) {
				t.Errorf("line %d as %q: mistakes in the shape: %t, the schema says %q", i+1, spoiled, wrong, refused)
			}
			compared++
		}
	}
	if compared < 150 {
		t.Errorf("only %d spoiled lines were compared", compared)
	}
}
