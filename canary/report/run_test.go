package report

import (
	"bytes"
	"encoding/xml"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

func typed(verb, run string) string {
	if run == "" {
		return "iis-canary " + verb + " --config canary.yaml"
	}
	return "iis-canary " + verb + " --config canary.yaml --run " + run
}

func storyOf(s *scribe) Run { return Tell(Record{Events: s.events}, typed) }

func TestTheStoryOfARun(t *testing.T) {
	for name, s := range map[string]*scribe{"good": goodRun(t), "refused": refusedRun(t), "killed": killedRun(t), "resumed": resumedRun(t),
		"held": heldRun(t), "stuck": brokenBack(t)} {
		t.Run(name, func(t *testing.T) {
			r := storyOf(s)
			for format, write := range map[string]func(io.Writer) error{"text": r.Text, "json": r.JSON, "junit": r.JUnit} {
				var b bytes.Buffer
				if err := write(&b); err != nil {
					t.Fatal(err)
				}
				golden(t, "run-"+name+"-"+format, b.String())
			}
		})
	}
}

func TestHowARunCameOut(t *testing.T) {
	begun := func(more func(*scribe)) *scribe {
		s := newScribe(t)
		s.planned()
		s.well("stage/web-01/stage", "stage/web-02/stage")
		more(s)
		return s
	}
	for name, c := range map[string]struct {
		run       *scribe
		alive     bool
		outcome   Result
		resumable bool
		why       string
	}{
		"deployed":            {goodRun(t), false, Deployed, false, ""},
		"reverted":            {refusedRun(t), false, Reverted, false, "31 of 600"},
		"killed":              {killedRun(t), false, Unfinished, true, "ends in the middle"},
		"at work":             {killedRun(t), true, Underway, false, ""},
		"resumed":             {resumedRun(t), false, Deployed, false, ""},
		"held":                {heldRun(t), false, Held, true, "no logs for 60s; slow: no logs"},
		"stuck on its way":    {brokenBack(t), false, Mixed, true, "status 500, not 200; going back: revert: start"},
		"deployed, at work":   {goodRun(t), true, Deployed, false, ""},
		"stopped":             {begun(func(s *scribe) { s.halt(canary.HaltStopped, "stopped") }), false, Stopped, true, "stopped"},
		"abandoned":           {begun(func(s *scribe) { s.begin("wave1/web-01/drain"); s.halt(canary.HaltAbandoned, "abandoned") }), false, Unfinished, true, "abandoned"},
		"refused while held":  {begun(func(s *scribe) { s.well("wave1/web-01/spare", "wave1/web-01/drain"); s.halt(canary.HaltBroke, "bad") }), false, Held, true, "bad"},
		"nothing to put back": {begun(func(s *scribe) { s.halt(canary.HaltBroke, "disk full") }), false, Reverted, false, "disk full; nothing had to be put back"},
		"put back later": {begun(func(s *scribe) {
			s.well("wave1/web-01/spare", "wave1/web-01/drain")
			s.halt(canary.HaltHeld, "unsure")
			s.resume(time.Minute, "wave1/web-01/stop")
			s.end("wave1/web-01/stop")
			s.well("wave1/web-01/start", "tidy/web-02/tidy")
			s.note(canary.Event{Type: canary.Finished})
			s.back()
			s.note(canary.Event{Type: canary.Finished})
		}), false, Reverted, false, "put back by the operator"},
		"killed on its way back": {func() *scribe { s := refusedRun(t); s.events = s.events[:len(s.events)-2]; return s }(), false, Unfinished, true, "the way back is not at its end"},
	} {
		t.Run(name, func(t *testing.T) {
			r := Tell(Record{Events: c.run.events, Alive: c.alive}, typed)
			if r.Outcome != c.outcome || r.Resumable != c.resumable || !strings.Contains(r.Why, c.why) || c.why == "" && r.Why != "" {
				t.Errorf("%s, resumable %t, %q; want %s, %t, %q", r.Outcome, r.Resumable, r.Why, c.outcome, c.resumable, c.why)
			}
			if over := r.Outcome == Deployed || r.Outcome == Reverted; over != (len(r.Next) == 0) {
				t.Errorf("%s, next: %q", r.Outcome, r.Next)
			}
		})
	}
}

func TestTimeInWhichNobodyWasAtWorkIsNotCounted(t *testing.T) {
	killed, resumed := storyOf(killedRun(t)), storyOf(resumedRun(t))
	if d := resumed.Ended.Sub(killed.Ended); d < time.Hour {
		t.Fatalf("it was taken up after %s", d)
	}
	if more := resumed.Seconds.Total - killed.Seconds.Total; more <= 0 || more > 600 {
		t.Errorf("%.0f s before it died, %.0f s in all", killed.Seconds.Total, resumed.Seconds.Total)
	}
	want := []Resumption{{At: time.Date(2026, 11, 21, 13, 4, 50, 300e6, time.UTC), Tool: "1.2.4"}}
	if len(resumed.Resumed) != 1 || resumed.Resumed[0].Tool != want[0].Tool {
		t.Errorf("resumed %v", resumed.Resumed)
	}
	i := slices.IndexFunc(resumed.Steps, func(s RunStep) bool { return s.ID == "wave2/web-02/drain" })
	if s := resumed.Steps[i]; s.Tries != 2 || s.Seconds != 35 || s.Outcome != Done || s.Ended.Sub(s.Began) < time.Hour {
		t.Errorf("the drain: %+v", s)
	}
}

func TestEachStepOfTheWayBackNamesWhatItTakesBack(t *testing.T) {
	r := storyOf(refusedRun(t))
	known := map[string]bool{}
	n := 0
	for _, s := range r.Steps {
		known[s.ID] = true
		if s.Revert {
			n++
			if !known[s.Undoes] {
				t.Errorf("%s takes back %q", s.ID, s.Undoes)
			}
		} else if s.Undoes != "" {
			t.Errorf("%s takes back %q", s.ID, s.Undoes)
		}
	}
	if n == 0 {
		t.Error("no step of the way back")
	}
}

func TestADamagedJournalTellsWhatCouldBeRead(t *testing.T) {
	s := refusedRun(t)
	for name, events := range map[string][]canary.Event{"without its plan": s.events[1:], "a hole": slices.Delete(slices.Clone(s.events), 5, 9)} {
		t.Run(name, func(t *testing.T) {
			r := Tell(Record{Events: events, Damage: []Damage{{Line: 7, What: "invalid character 'g'"}}}, typed)
			var b bytes.Buffer
			if err := r.Text(&b); err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(b.String(), "damaged: the journal: line 7 cannot be read") || !strings.Contains(b.String(), "done") || r.Resumable {
				t.Errorf("resumable %t\n%s", r.Resumable, b.String())
			}
		})
	}
	r := Tell(Record{}, typed)
	if r.Outcome != Unfinished || r.Resumable {
		t.Errorf("an empty journal: %+v", r)
	}
}

// suites is JUnit's XML as a foreign reader sees it.
type suites struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Skipped  int `xml:"skipped,attr"`
	Suites   []struct {
		Cases []struct {
			Name    string `xml:"name,attr"`
			Class   string `xml:"classname,attr"`
			Failure *struct {
				Message string `xml:"message,attr"`
			} `xml:"failure"`
			Skipped *struct{} `xml:"skipped"`
		} `xml:"testcase"`
	} `xml:"testsuite"`
}

func parsed(t *testing.T, r Run) suites {
	t.Helper()
	var b bytes.Buffer
	if err := r.JUnit(&b); err != nil {
		t.Fatal(err)
	}
	var out suites
	if err := xml.Unmarshal(b.Bytes(), &out); err != nil {
		t.Fatalf("%v in\n%s", err, b.String())
	}
	return out
}

func TestJUnitCountsWhatFailedAndWhatWasNeverBegun(t *testing.T) {
	for name, c := range map[string]struct {
		run               *scribe
		failures, skipped int
		first             string
	}{
		"good":    {goodRun(t), 0, 0, ""},
		"refused": {refusedRun(t), 2, 2, "errors: 31 of 600"},      // the verdict and the run; the tidying was never begun
		"killed":  {killedRun(t), 2, 8, "it began and has no end"}, // the drain and the run
		"held":    {heldRun(t), 2, 10, "no answer in 10m0s"},       // the verdict and the run
		"stuck":   {brokenBack(t), 3, 15, "status 500"},            // the verdict, the step and the run
		"resumed": {resumedRun(t), 0, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := storyOf(c.run)
			x := parsed(t, r)
			failures, skipped, verdicts := 0, 0, 0
			first := ""
			seen := map[string]bool{}
			for _, k := range x.Suites[0].Cases {
				if seen[k.Class+k.Name] {
					t.Errorf("two cases are %s %s", k.Class, k.Name)
				}
				seen[k.Class+k.Name] = true
				if k.Failure != nil {
					failures++
					if first == "" {
						first = k.Failure.Message
					}
				}
				if k.Skipped != nil {
					skipped++
				}
			}
			for _, s := range r.Steps {
				if s.Verdict != nil {
					verdicts++
				}
			}
			if want := len(r.Steps) + verdicts + 1; len(x.Suites[0].Cases) != want || x.Tests != want {
				t.Errorf("%d cases, tests=%d, want %d", len(x.Suites[0].Cases), x.Tests, want)
			}
			if failures != c.failures || x.Failures != failures || skipped != c.skipped || x.Skipped != skipped || !strings.Contains(first, c.first) {
				t.Errorf("%d failures, %d skipped, first %q; want %d, %d, %q", failures, skipped, first, c.failures, c.skipped, c.first)
			}
		})
	}
}

func TestNoControlCharacterGetsIntoAStory(t *testing.T) {
	s := brokenBack(t)
	r := storyOf(s)
	r.App, r.Servers[0].Name, r.Steps[0].Wave, r.Tool = "a\x1b[2J", "b\x07", "c\x00", "\x9b"
	var b bytes.Buffer
	for _, write := range []func(io.Writer) error{r.Text, r.JUnit, r.JSON} {
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
	}
	if strings.ContainsAny(b.String(), "\x1b\x07\x00\u009b") {
		t.Errorf("control characters in\n%q", b.String())
	}
	parsed(t, r)
}

func TestPlacesFollowAServer(t *testing.T) {
	p := NewPlaces()
	if got := p.Of("web-01"); got != "unknown" {
		t.Errorf("before any plan: %s", got)
	}
	s := refusedRun(t)
	var got []string
	for _, e := range s.events {
		p.Event(e)
		if place := p.Of("web-01"); len(got) == 0 || got[len(got)-1] != place {
			got = append(got, place)
		}
	}
	want := []string{"in", "leaving", "out", "entering", "in", "leaving", "out", "entering", "in"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestJoinedErrorsAreParted(t *testing.T) {
	for text, want := range map[string]string{
		"wave1: a broke\nwave1: b broke.": "wave1: a broke; wave1: b broke",
		"start the pool:\n  denied.":      "start the pool: denied",
		"\n\n one \r\n\x1b\n two;\n":      "one; two",
		"":                                "",
	} {
		if got := sentence(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
	var b bytes.Buffer
	if err := Summary(&b, exampleOutcome(Mixed), Story{Why: "a broke\nb broke"}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "why:      a broke; b broke\n") {
		t.Errorf("the summary runs errors together:\n%s", b.String())
	}
	if got := Line(canary.Event{Type: canary.Halted, Err: "a broke\nb broke"}, canary.Plan{}); !strings.HasSuffix(got, "halted: a broke; b broke") {
		t.Errorf("the line runs errors together: %s", got)
	}
}

func TestTheListOfRuns(t *testing.T) {
	var all Runs
	all.App = "app.domain.com"
	for _, s := range []*scribe{goodRun(t), refusedRun(t), heldRun(t)} {
		all.Runs = append(all.Runs, storyOf(s).Line())
	}
	alive := Tell(Record{Events: killedRun(t).events, Alive: true}, typed)
	damaged := Tell(Record{Events: killedRun(t).events[1:], Damage: []Damage{{1, "unknown kind \x1b\"fly\""}}}, typed)
	all.Runs = append(all.Runs, alive.Line(), damaged.Line())
	var text, object, none bytes.Buffer
	for _, err := range []error{all.Text(&text), all.JSON(&object), Runs{App: all.App}.Text(&none), Runs{App: all.App}.JSON(&none)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	golden(t, "runs-text", text.String())
	golden(t, "runs-json", object.String())
	golden(t, "runs-none", none.String())
}
