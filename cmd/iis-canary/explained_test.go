package main

import (
	"archive/zip"
	"bytes"
	"io"
	"strings"
	"testing"
)

// TestAReleaseThatCannotRunIsExplained rolls releases that lack what they need: the way back says of what kind the trouble is, what the
// server's own logs hold, and what to do.
func TestAReleaseThatCannotRunIsExplained(t *testing.T) {
	t.Parallel()
	f := standing(t)
	for i, c := range []struct {
		kind  string
		words []string
	}{
		{"500.31", []string{"status 500, not 200: 500.31: the .NET runtime that the application needs is not installed", "the logs of web-01 say: IIS AspNetCore Module V2 event 1031: ",
			"'Microsoft.AspNetCore.App', version '9.0.0' (x64)", "to do: install the .NET runtime that the release was built for"}},
		{"502.5", []string{"status 502, not 200: 502.5: ", "event 1000: the application's own process could not be started ('dotnet app.dll'", "to do: start it by hand"}},
	} {
		t.Run(c.kind, func(t *testing.T) {
			s := &scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}
			s.pack = s.zipped("app.domain.com."+[]string{"31", "5"}[i]+"00.zip", map[string]string{"web.config": "<configuration/>", "simulation.json": `{"fails":"` + c.kind + `"}`})
			y := s.enter("deploy", "--yes").must(t, 3)
			for _, want := range c.words {
				if !strings.Contains(y.err, want) {
					t.Errorf("nobody says %q:\n%s", want, y.err)
				}
			}
		})
	}
}

// zipped is a package with these files.
func (s *scene) zipped(name string, files map[string]string) string {
	s.t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for path, text := range files {
		w, err := z.Create(path)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			s.t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		s.t.Fatal(err)
	}
	return s.file(name, b.String())
}
