package iis_test

import (
	"slices"
	"strings"
	"testing"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// What is only information for later holds up nobody's way: it is said, and that is all.
func TestABootFlagIsSetThoughTheCertificatesCannotBeWrittenDown(t *testing.T) {
	var said []string
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Notify = func(line string) { said = append(said, line) } }})
	w.acquire(t)
	w.stage(t, new, site("2"))
	if err := w.fleet.Own(t.Context(), "web-01", map[string]bool{new: true}); err != nil || len(said) > 0 {
		t.Fatalf("%v, and said: %q", err, said)
	}
	w.servers["web-01"].SetTrap(iistest.Trap{Call: "replace", Slot: "certificates.json", Code: 0x80070020, Times: 1})
	err := w.fleet.Own(t.Context(), "web-01", map[string]bool{new: false})
	if err != nil || w.truth(t, new).SiteBoot || !slices.ContainsFunc(said, func(s string) bool { return strings.HasPrefix(s, "web-01: the certificates on the ports") }) {
		t.Errorf("%v, and said: %q", err, said)
	}
}
