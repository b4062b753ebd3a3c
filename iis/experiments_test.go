package iis_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// lab is a fleet with the lease in hand, ready for experiments, and the folder on web-01 that holds throw-away sites.
func lab(t *testing.T, server func(*iistest.Config)) (*iis.Experiments, *world, string) {
	t.Helper()
	root := ""
	w := newWorld(t, setup{server: func(c *iistest.Config) {
		root = filepath.Join(c.Root, "d", "sites")
		if server != nil {
			server(c)
		}
	}, fleet: func(o *iis.Options) { o.Timeouts.Idle = 200 * time.Millisecond }})
	w.acquire(t)
	e, err := w.fleet.Experiments("web-01")
	if err != nil {
		t.Fatal(err)
	}
	return e, w, root
}

func TestEveryOpenQuestionIsAnsweredByAServerAsDocumented(t *testing.T) {
	e, w, root := lab(t, func(c *iistest.Config) { c.IdleFloor = 200 * time.Millisecond })
	timed := []string{"agent-start", "receive-latency"} // a busy machine may be slow
	for _, q := range iis.Questions() {
		f := e.Ask(t.Context(), q)
		if f.Answer != iis.AsExpected && !(f.Answer == iis.Other && slices.Contains(timed, q.ID)) {
			t.Errorf("%s: %s: %s; saw %v", q.ID, f.Answer, f.Why, f.Observed)
		}
		if f.Took <= 0 || len(f.Observed) == 0 {
			t.Errorf("%s took %s and saw %v", q.ID, f.Took, f.Observed)
		}
	}
	if _, err := os.Stat(filepath.Join(root, e.Site())); err != nil {
		t.Error(err)
	}
	cleaned, err := e.Clean(t.Context())
	if err != nil || !slices.Equal(cleaned.Removed, []string{e.Site()}) || len(cleaned.Warnings) > 0 {
		t.Errorf("%+v, %v", cleaned, err)
	}
	if left, err := filepath.Glob(filepath.Join(root, "iis-canary-probe-*")); err != nil || len(left) > 0 {
		t.Errorf("left %v, %v", left, err)
	}
	if n := w.servers["web-01"].Truth().Shells; n != 1 {
		t.Errorf("%d shells are open beside the channel's own", n-1)
	}
}

func TestALeftoverOfAnEarlierProbeIsRemoved(t *testing.T) {
	e, w, _ := lab(t, nil)
	if f := e.Ask(t.Context(), iis.Questions()[0]); f.Answer != iis.AsExpected {
		t.Fatal(f)
	}
	later, err := w.fleet.Experiments("web-01")
	if err != nil {
		t.Fatal(err)
	}
	cleaned, err := later.Clean(t.Context())
	if err != nil || !slices.Equal(cleaned.Removed, []string{e.Site()}) {
		t.Errorf("%+v, %v", cleaned, err)
	}
}

func TestWithoutTheLeaseNothingIsTried(t *testing.T) {
	e, w, _ := lab(t, nil)
	if err := w.fleet.Release(t.Context()); err != nil {
		t.Fatal(err)
	}
	f := e.Ask(t.Context(), iis.Questions()[0])
	if f.Answer != iis.CouldNotTell || !strings.Contains(f.Why, "the lease is not held") {
		t.Errorf("%s: %s", f.Answer, f.Why)
	}
	if n := w.servers["web-01"].Truth().Ops["experiment"]; n != 0 {
		t.Errorf("%d experiments", n)
	}
}

func TestAQuestionThatCannotBeAskedDoesNotKeepTheOthersFromBeingAsked(t *testing.T) {
	e, w, _ := lab(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w.servers["web-01"].Unreachable(true)
	if f := e.Ask(ctx, iis.Questions()[0]); f.Answer != iis.CouldNotTell || f.Why == "" || f.Observed == nil {
		t.Errorf("%+v", f)
	}
	w.servers["web-01"].Unreachable(false)
	if f := e.Ask(t.Context(), iis.Questions()[1]); f.Answer != iis.AsExpected {
		t.Errorf("%+v", f)
	}
}

func TestWhatWasSeenIsComparedWithWhatWasExpected(t *testing.T) {
	q := iis.Question{Expected: []iis.Expectation{{Key: "code", Is: "0x1"}, {Key: "kept", Is: true}, {Key: "ms", AtMost: 10}}}
	for _, test := range []struct {
		name string
		seen map[string]any
		want iis.Answer
		why  string
	}{
		{"all of it", map[string]any{"code": "0x1", "kept": true, "ms": 10.0, "more": "x"}, iis.AsExpected, ""},
		{"another code", map[string]any{"code": "0x2", "kept": true, "ms": 1.0}, iis.Other, "code is 0x2, expected code 0x1"},
		{"too slow", map[string]any{"code": "0x1", "kept": true, "ms": 10.5}, iis.Other, "ms is 10.5, expected ms at most 10"},
		{"of another kind", map[string]any{"code": 1.0, "kept": "true", "ms": "1"}, iis.Other, "kept is true"},
		{"a part missing", map[string]any{"code": "0x1", "ms": 1.0}, iis.CouldNotTell, "not seen: kept"},
		{"a part missing and another wrong", map[string]any{"code": "0x2"}, iis.Other, "code is 0x2"},
		{"nothing", nil, iis.CouldNotTell, "not seen: code, kept, ms"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got, why := q.Judge(test.seen); got != test.want || !strings.Contains(why, test.why) {
				t.Errorf("%s: %s", got, why)
			}
		})
	}
	if got := q.Expectation(); got != "code 0x1, kept true, ms at most 10" {
		t.Error(got)
	}
}

// What is not asked of the channel is an experiment of the C# agent.
func TestTheAgentKnowsEveryQuestionThatItIsAsked(t *testing.T) {
	source, err := os.ReadFile("agent/Experiments.cs")
	if err != nil {
		t.Fatal(err)
	}
	channel := []string{"agent-start", "send-large", "envelope-too-large", "requests-per-operation", "receive-latency", "stderr-form", "idle-timer"}
	table, _, _ := strings.Cut(string(source), "};")
	var known, asked []string
	for _, m := range regexp.MustCompile(`\{ "([a-z-]+)", `).FindAllStringSubmatch(table, -1) {
		known = append(known, m[1])
	}
	for _, q := range iis.Questions() {
		if !slices.Contains(channel, q.ID) {
			asked = append(asked, q.ID)
		}
	}
	if diff := cmp.Diff(asked, known); diff != "" {
		t.Errorf("questions (-) and experiments of the agent (+):\n%s", diff)
	}
}

var asks = regexp.MustCompile("`doctor --probe` asks `([a-z-]+)`")

// The page of assumptions and the list of questions are one list.
func TestEveryQuestionSettlesARowOfTheAssumptionsAndTheOtherWayRound(t *testing.T) {
	page, err := os.ReadFile("../docs/assumptions.md")
	if err != nil {
		t.Fatal(err)
	}
	var rows, questions []string
	for l := range strings.Lines(string(page)) {
		for _, m := range asks.FindAllStringSubmatch(l, -1) {
			first, _, _ := strings.Cut(strings.TrimPrefix(l, "| "), " | ")
			rows = append(rows, fmt.Sprintf("%s: %s", m[1], strings.ReplaceAll(first, "`", "")))
		}
	}
	for _, q := range iis.Questions() {
		questions = append(questions, fmt.Sprintf("%s: %s", q.ID, q.Settles))
		if q.Asked == "" || len(q.Expected) == 0 {
			t.Errorf("%s asks %q and expects nothing", q.ID, q.Asked)
		}
	}
	slices.Sort(rows)
	slices.Sort(questions)
	if diff := cmp.Diff(questions, rows); diff != "" {
		t.Errorf("questions in iis/questions.go (-) and rows of docs/assumptions.md (+):\n%s", diff)
	}
}
