package agent_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

// The simulated server takes no long frame that is not packed, from either side (iistest/frame.go).
func TestLongRequestsAndAnswersArriveWhole(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, strings.Repeat("ä", i)+sum(strings.Repeat("x", i)))
	}
	for side, h := range halves(t) {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			b, err := put(t, h, speed, func(*iistest.Config) {})
			if err != nil {
				t.Fatal(err)
			}
			if err := b.connect(t); err != nil {
				t.Fatal(err)
			}
			if err := b.acquire(t.Context()); err != nil {
				t.Fatal(err)
			}
			all, err := b.ask(t.Context(), []asking{
				{request: agent.Request{ID: "1", Op: "note", Lease: b.lease, Args: agent.NoteArgs{App: "app", Run: "run-1", Lines: lines}}},
				{request: agent.Request{ID: "2", Op: "notes", Args: agent.NotesArgs{App: "app", Run: "run-1"}}},
			})
			if err != nil || len(all) != 2 || all[0].Error != nil || all[1].Error != nil {
				t.Fatal(err, all)
			}
			var r agent.NotesResult
			if err := json.Unmarshal(all[1].Result, &r); err != nil || len(r.Runs) != 1 || !slices.Equal(r.Runs[0].Lines, lines) {
				t.Errorf("%v, %d runs", err, len(r.Runs))
			}
		})
	}
}
