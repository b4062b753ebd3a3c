package configs

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got):\n%s", name, diff)
	}
}

// problems parses a file that is expected to have mistakes.
func problems(t *testing.T, name string, data []byte) Problems {
	t.Helper()
	spec, _, err := Parse(name, data)
	ps, is := errors.AsType[Problems](err)
	if !is {
		t.Fatalf("error is %T (%v), want Problems", err, err)
	}
	if spec != nil {
		t.Error("a spec came with the mistakes")
	}
	return ps
}

func TestEveryMistakeAtOnceWithItsPlace(t *testing.T) {
	data, err := os.ReadFile("testdata/mistakes.yaml")
	if err != nil {
		t.Fatal(err)
	}
	ps := problems(t, "mistakes.yaml", data)
	if len(ps) < 25 {
		t.Errorf("%d mistakes found, want 25 or more", len(ps))
	}
	lines := strings.Split(string(data), "\n")
	for _, p := range ps {
		if p.Line < 1 || p.Line > len(lines) || p.Column < 1 || p.Column > len(lines[p.Line-1])+1 {
			t.Errorf("%s points outside the file", p)
		}
		if p.Found == "" || p.Allowed == "" {
			t.Errorf("%s does not say what was found and what is allowed", p)
		}
	}
	text := ps.Error()
	if strings.Contains(text, "hunter") {
		t.Errorf("a secret is shown:\n%s", text)
	}
	if strings.Contains(fmt.Sprintf("%+v %#v", ps, ps), "hunter") {
		t.Error("a secret is in the mistakes themselves")
	}
	golden(t, "mistakes.golden", text+"\n")
}
