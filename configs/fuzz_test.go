package configs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// FuzzParse holds that any bytes give either a complete spec or mistakes that stand inside the file.
func FuzzParse(f *testing.F) {
	for _, pattern := range []string{"examples/*.yaml", "testdata/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			f.Fatalf("no seeds in %s: %v", pattern, err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte(whole))
	f.Add([]byte("a: &a [*a, *a]\n<<: *a\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, _, err := Parse("c.yaml", data)
		if err == nil {
			if spec.App == "" || len(spec.Metrics) == 0 || spec.Bake.For > spec.Bake.AtMost || spec.Rollout.Parallel < 1 {
				t.Errorf("an incomplete spec passed: %+v", spec)
			}
			for _, w := range spec.Words() {
				if w.Text == "" || strings.Contains(w.Text, "NaN") || strings.Contains(w.Text, "Inf") {
					t.Errorf("%s is said as %q", w.Path, w.Text)
				}
			}
			return
		}
		ps, is := errors.AsType[Problems](err)
		if !is || len(ps) == 0 || spec != nil {
			t.Fatalf("got %T with %d mistakes", err, len(ps))
		}
		for _, p := range ps {
			if p.Line < 1 || p.Column < 1 || p.Found == "" || p.Allowed == "" {
				t.Errorf("incomplete mistake %+v", p)
			}
		}
	})
}
