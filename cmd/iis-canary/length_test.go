package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"iiscanary/configs"
	"iiscanary/iis/bundle"
)

func TestAPathThatWindowsCannotOpenIsFoundBeforeAnythingTravels(t *testing.T) {
	const root, slot = `D:\sites`, "app-1" // D:\sites\app-1.partial\ has 23 characters
	for name, c := range map[string]struct {
		root, path string
		by         int
	}{
		"the longest file":          {root, "a/" + strings.Repeat("b", 234), 0},
		"one character more":        {root, "a/" + strings.Repeat("b", 235), 1},
		"the same in another root":  {root + `\`, "a/" + strings.Repeat("b", 235), 1},
		"a longer root":             {root + `\three`, "a/" + strings.Repeat("b", 234), 6},
		"the longest folder":        {root, strings.Repeat("a", 224) + "/b", 0},
		"a folder one longer":       {root, strings.Repeat("a", 225) + "/b", 1},
		"characters of two units":   {root, "a/" + strings.Repeat("🙂", 117), 0},
		"one more of two units":     {root, "a/" + strings.Repeat("🙂", 118), 2},
		"a file without any folder": {root, strings.Repeat("b", 236), 0},
	} {
		path, by := tooLong(c.root, slot, []bundle.File{{Path: "web.config"}, {Path: c.path}})
		if by != c.by || (path == c.path) != (c.by > 0) {
			t.Errorf("%s: %d too many in %q, not %d", name, by, path, c.by)
		}
	}
}

func TestAReleaseWithTooLongPathsIsRefused(t *testing.T) {
	ses := &session{spec: &configs.Spec{}}
	ses.spec.App, ses.spec.Site.Root = "app", `D:\`+strings.Repeat("r", 60)
	_, err := ses.named(&bundle.Release{Version: "1", Files: []bundle.File{{Path: strings.Repeat("p/", 99) + "q"}}}, order{})
	said, is := errors.AsType[*failure](err)
	if !is || said.code != exitUsage || !slices.Equal(said.next, []string{"choose a shorter site.root, or shorter paths in the package"}) {
		t.Errorf("%v", err)
	}
}
