package main

import (
	"os"
	"path/filepath"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// A plan is of one package. Another one is told before anything that would follow from it, such as a slot that is not free.
func TestAPackageThatIsNotThePlansIsToldFirst(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	saved, other := filepath.Join(t.TempDir(), "plan.json"), t.TempDir()
	if err := os.WriteFile(filepath.Join(other, "index.html"), []byte("another"), 0o600); err != nil {
		t.Fatal(err)
	}
	enter(t, "plan", "-c", f.Config(), "--package", f.Package(), "--out", saved).must(t, 0)
	refused := func() {
		t.Helper()
		y := enter(t, "deploy", "-c", f.Config(), "--plan", saved, "--package", other, "--yes").must(t, 7)
		says(t, y.err, " no longer fits: "+other+", with the settings as they are now, is another release (sha256 ", "now:   nothing was touched\n",
			"next:  iis-canary plan --config "+f.Config()+" --package "+other+" --out FILE\n")
		saysNot(t, y.err, "in the way")
	}
	refused()
	enter(t, "deploy", "-c", f.Config(), "--plan", saved, "--yes").must(t, 0)
	refused()
	everywhere(t, f, rehearsal.NewSlot)
}
