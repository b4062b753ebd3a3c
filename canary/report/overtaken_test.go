package report

import (
	"bytes"
	"strings"
	"testing"
)

// What a later run left behind decides, not that there was one.
func TestARunIsOvertakenByWhatALaterOneLeft(t *testing.T) {
	t.Parallel()
	later := func(slot string, states ...ServerState) Run {
		r := Run{Run: "20261122-000000-0000"}
		r.New.Slot = slot
		for _, s := range states {
			r.Servers = append(r.Servers, RunServer{State: s})
		}
		return r
	}
	for name, c := range map[string]struct {
		later     Run
		overtaken bool
	}{
		"another release on a server":         {later("app.domain.com-9999", Untouched, OnNew), true},
		"another release under way on one":    {later("app.domain.com-9999", InHand), true},
		"another release that was put back":   {later("app.domain.com-9999", PutBack, Staged, Untouched), false},
		"the same release":                    {later(storyOf(killedRun(t)).New.Slot, OnNew), false},
		"the old release":                     {later(storyOf(killedRun(t)).Old[0], OnNew), false},
		"a journal whose plan cannot be read": {later("", Unplanned), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := storyOf(killedRun(t))
			r.Overtake(c.later, typed)
			if r.Resumable == c.overtaken || (r.OvertakenBy != "") != c.overtaken || strings.Contains(strings.Join(r.Next, " "), "resume") == c.overtaken {
				t.Errorf("resumable %t, overtaken by %q, next %q", r.Resumable, r.OvertakenBy, r.Next)
			}
			var b bytes.Buffer
			if err := (Runs{Runs: []RunLine{r.Line()}}).Text(&b); err != nil || strings.Contains(b.String(), "no, overtaken") != c.overtaken {
				t.Errorf("%v\n%s", err, b.String())
			}
		})
	}
	over := storyOf(goodRun(t))
	next := len(over.Next)
	over.Overtake(later("app.domain.com-9999", OnNew), typed)
	if line := over.Line(); line.takes() != "no" || len(over.Next) != next {
		t.Errorf("of a run that is over it is said that it is %q, next %q", line.takes(), over.Next)
	}
}
