package main

import (
	"io"
	"strings"
	"sync"
	"testing"
)

// The library keeps a help flag for all apps of a process and writes to it while it parses; the race detector sees that.
func TestCommandsTypedAtOnceShareNothing(t *testing.T) {
	t.Parallel()
	var typists sync.WaitGroup
	for range 8 {
		typists.Go(func() {
			for _, words := range []string{"--help", "plan --help", "validate --nonsense", "help deploy", "version"} {
				run(append([]string{"iis-canary"}, strings.Fields(words)...), streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard,
					width: func() int { return 80 }, getenv: func(string) string { return "" }})
			}
		})
	}
	typists.Wait()
}
