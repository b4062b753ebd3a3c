package iis_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/canary"
	"iiscanary/iis/bundle"
	"iiscanary/iis/iistest"
)

// Whole again, it would be cut off again by whatever lets so many requests through and no more.
func TestABatchThatIsCutOffOnceGoesOnInParts(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	s := w.servers["web-01"]
	s.SetLimits(iistest.Limits{EnvelopeKB: 32})
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	before := processes(t, s)
	s.Fail(iistest.Failure{Action: "Send", Lost: iistest.Unanswered, Skip: 8, Times: 1})
	w.stage(t, new, map[string]string{"web.config": "<configuration/>", "random.bin": noise(300_000)})
	if n := s.Truth().Ops["put"]; n < 10 {
		t.Errorf("%d puts for what one request cannot hold", n)
	}
	if again := processes(t, s) - before; again != 1 {
		t.Errorf("%d more processes", again)
	}
}

// staging is what comes of a package on web-01, after something happened to the folder that it is read from.
func (w *world) staging(t *testing.T, change func(dir string)) error {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "package")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "web.config"), []byte("<configuration/>"), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := bundle.Open(dir, app)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	change(dir)
	w.fleet.Use(r)
	return w.fleet.Stage(t.Context(), "web-01", canary.Release{Slot: new, Version: new, Digest: r.Digest, Files: len(r.Files), Bytes: r.Bytes})
}

func TestAnUploadThatFailsNamesItsServerOnce(t *testing.T) {
	for name, c := range map[string]struct {
		change func(t *testing.T, w *world, dir string)
		words  string
	}{
		"the package is gone": {func(t *testing.T, _ *world, dir string) {
			if err := os.RemoveAll(dir); err != nil {
				t.Fatal(err)
			}
		}, "web-01: upload web.config: "},
		"the package is shorter now": {func(t *testing.T, _ *world, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "web.config"), nil, 0o644); err != nil {
				t.Fatal(err)
			}
		}, "web-01: upload web.config: "},
		"the lease is gone": {func(t *testing.T, w *world, _ string) {
			if err := w.fleet.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}, "web-01: put: the lease is not held"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{})
			w.acquire(t)
			err := w.staging(t, func(dir string) { c.change(t, w, dir) })
			if err == nil || !strings.HasPrefix(err.Error(), c.words) || strings.Count(err.Error(), "web-01") != 1 {
				t.Errorf("got %v", err)
			}
		})
	}
}
