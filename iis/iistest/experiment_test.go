package iistest

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAnExperimentIsStrictAndIsCleanedUp(t *testing.T) {
	s := serve(t, nil)
	c := leased(t, s)
	bench := filepath.Join(s.config.Root, "d", "sites", "iis-canary-probe-ab12")
	c.refused("bad_request", "experiment", map[string]any{"id": "ab12", "name": "no-such"})
	c.refused("bad_request", "experiment", map[string]any{"id": "ab12", "name": ""})
	for _, id := range []string{"", "abc", "AB12", "../ab12", "abcdefghijklm"} {
		c.refused("bad_request", "experiment", map[string]any{"id": id, "name": "token"})
	}
	if a := c.call("blob", "experiment", map[string]any{"id": "ab12", "name": "token"}, []byte("x")); a.Error == nil || a.Error.Code != "bad_request" {
		t.Errorf("an experiment with a blob: %+v", a)
	}
	if exists(bench) {
		t.Error("a refused experiment has left something")
	}
	var out struct{ Observed map[string]any }
	c.ok("experiment", map[string]any{"id": "ab12", "name": "token"}, &out)
	if out.Observed["global_mutex"] != true || !exists(bench) {
		t.Errorf("saw %v", out.Observed)
	}
	other := filepath.Join(s.config.Root, "d", "sites", "iis-canary-probe-not ours")
	if err := os.MkdirAll(other, 0o755); err != nil {
		t.Fatal(err)
	}
	var cleaned struct{ Removed, Warnings []string }
	c.ok("experiment", map[string]any{"id": "zz99", "name": "clean"}, &cleaned)
	if len(cleaned.Removed) != 1 || cleaned.Removed[0] != "iis-canary-probe-ab12" || len(cleaned.Warnings) > 0 || exists(bench) || !exists(other) {
		t.Errorf("cleaned %+v", cleaned)
	}
}
