package main

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// TestTheNewestRunIsTheFleetsNotThisFolders: the run that has to be taken up may have been begun elsewhere.
func TestTheNewestRunIsTheFleetsNotThisFolders(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	other := elsewhereOf(t, f, "other")
	enter(t, "deploy", "-c", other, "--package", f.Package(), "--yes").must(t, 0)
	everywhere(t, f, rehearsal.NewSlot)

	underwayWith(t, f, "deploy", "-c", f.Config(), "--package", f.Package(), "--slot", "3460", "--yes").abandon()

	y := enter(t, "resume", "-c", other).must(t, 0)
	says(t, y.err, "the servers know of a newer run than this machine: ", "app.domain.com-3460")
	everywhere(t, f, rehearsal.App+"-3460")

	f.Servers[1].Unreachable(true)
	defer f.Servers[1].Unreachable(false)
	var talk bytes.Buffer
	s := streams{err: &talk, getenv: func(string) string { return "" }}
	cd := &conduct{s: s, screen: newScreen(s, true)}
	var err error
	if cd.ses, err = connect(t.Context(), s, other, cd.screen.Note); err != nil {
		t.Fatal(err)
	}
	defer cd.ses.close()
	soon, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	newest := strings.TrimSuffix(filepath.Base(journalsIn(t, f, "state")[0]), ".jsonl")
	if run := cd.newestNoted(soon); run != newest {
		t.Errorf("the server that answers knows of %q, want %s", run, newest)
	}
	cd.screen.Close()
	says(t, talk.String(), "web-02 cannot be asked for its newest run: ")
}
