package iis_test

import (
	"fmt"
	"testing"
	"time"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// staged is a world whose web-01 has a slot to start.
func staged(t *testing.T) *world {
	t.Helper()
	w := newWorld(t, setup{server: func(c *iistest.Config) { c.Settle = 100 * time.Millisecond }})
	w.acquire(t)
	w.stage(t, new, site("2"))
	return w
}

// starts is how often web-01 was really asked to start a slot.
func (w *world) starts() (n int) {
	for _, c := range w.servers["web-01"].Calls() {
		if c.Op == "start" {
			n++
		}
	}
	return n
}

// A dropped connection is no dropped shell: the process that is at work in it is let to end its work, and says how that went.
func TestALostConnectionLeavesTheProcessAtItsWork(t *testing.T) {
	for name, lost := range map[string]iistest.Failure{
		"before the poll is heard":         {Action: "Receive", Lost: iistest.Unheard},
		"with the answer":                  {Action: "Receive", Lost: iistest.Unanswered},
		"before the request is heard":      {Action: "Send", Lost: iistest.Unheard},
		"before the request is answered":   {Action: "Send", Lost: iistest.Unanswered},
		"of both, before they are heard":   {Lost: iistest.Unheard, Times: 2},
		"of both, before their answer":     {Lost: iistest.Unanswered, Times: 2},
		"as often as it may be":            {Action: "Receive", Lost: iistest.Unanswered, Times: 3},
		"and the request, again and again": {Action: "Send", Lost: iistest.Unanswered, Times: 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staged(t)
			lost.Times = max(lost.Times, 1)
			before := processes(t, w.servers["web-01"])
			w.servers["web-01"].Fail(lost)
			if lost.Action == "Receive" { // a poll was under way already: the next one is lost
				if err := w.hello(t); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
				t.Fatal(err)
			}
			if _, err := w.fleet.Slots(t.Context(), "web-01"); err != nil {
				t.Fatal(err)
			}
			if n, again := w.starts(), processes(t, w.servers["web-01"])-before; n != 1 || again != 0 {
				t.Errorf("started %d times, by %d more processes", n, again)
			}
		})
	}
}

// Where the shell is gone too, or gives nothing that can be understood, a new process finds out what is so.
func TestAConnectionThatStaysLostCostsAProcess(t *testing.T) {
	for name, lost := range map[string][]iistest.Failure{
		"again and again":                {{Action: "Receive", Lost: iistest.Unanswered, Times: 4}},
		"with its shell":                 {{Action: "Receive", Lost: iistest.Unheard, Times: 1}, {Action: "Receive", Code: 2150858843, Times: 1}},
		"and the shell takes no request": {{Action: "Receive", Lost: iistest.Unheard, Times: 1}, {Action: "Send", Code: 2150858843, Times: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := staged(t)
			before := processes(t, w.servers["web-01"])
			w.servers["web-01"].Fail(lost...)
			if err := w.hello(t); err != nil {
				t.Fatal(err)
			}
			if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
				t.Fatal(err)
			}
			if again := processes(t, w.servers["web-01"]) - before; again != 1 {
				t.Errorf("%d more processes", again)
			}
			if n := w.servers["web-01"].Truth().Shells; n != 1 {
				t.Errorf("%d shells are open", n)
			}
		})
	}
}

// Half of a long request may have come: it would be taken for the rest of something else.
func TestARequestInPartsIsNotSentAgainToTheSameProcess(t *testing.T) {
	for _, loss := range []iistest.Loss{iistest.Unheard, iistest.Unanswered} {
		t.Run(string(loss), func(t *testing.T) {
			t.Parallel()
			w := staged(t)
			s := w.servers["web-01"]
			s.SetLimits(iistest.Limits{EnvelopeKB: 32})
			before := processes(t, s)
			s.Fail(iistest.Failure{Action: "Send", Lost: loss, Skip: 8, Times: 1})
			w.stage(t, old, map[string]string{"web.config": "<configuration/>", "random.bin": noise(200_000)})
			if again := processes(t, s) - before; again != 1 {
				t.Errorf("%d more processes", again)
			}
		})
	}
}

// An answer of which a part is lost is not put together with what comes next.
func TestHalfAnAnswerIsNoAnswer(t *testing.T) {
	w := staged(t)
	files := site("1")
	for i := range 1500 {
		files[fmt.Sprint("images/", i)] = fmt.Sprint(i)
	}
	w.stage(t, old, files)
	s := w.servers["web-01"]
	s.SetLimits(iistest.Limits{EnvelopeKB: 32}) // the answer about so many files comes in three
	for skip, part := range []string{"the first part", "one in the middle"} {
		before := processes(t, s)
		s.Fail(iistest.Failure{Action: "Receive", Lost: iistest.Halved, Skip: skip, Times: 1})
		files["web.config"] = fmt.Sprint("<configuration id='", skip, "'/>")
		w.stage(t, fmt.Sprint("app.domain.com-1", skip), files)
		if again := processes(t, s) - before; again != 1 {
			t.Errorf("%s is lost: %d more processes", part, again)
		}
	}
}

// What is lost while nothing is asked is noticed by nobody.
func TestAConnectionLostBetweenTwoOperationsIsMadeAnew(t *testing.T) {
	w := staged(t)
	before := processes(t, w.servers["web-01"])
	s := w.servers["web-01"]
	s.Unreachable(true)
	s.Unreachable(false)
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	if again := processes(t, w.servers["web-01"]) - before; again != 0 {
		t.Errorf("%d more processes", again)
	}
}

// A server that has not noticed the loss gives its answer to the poll of the lost connection, and so the one that was asked for again.
func TestAnAnswerThatWentToALostConnectionIsAskedForUntilItComes(t *testing.T) {
	w := newWorld(t, setup{server: func(c *iistest.Config) { c.Settle = 100 * time.Millisecond },
		fleet: func(o *iis.Options) { o.Timeouts.Poll, o.Timeouts.Change = 600*time.Millisecond, 4*time.Second }})
	w.acquire(t)
	w.stage(t, new, site("2"))
	s := w.servers["web-01"]
	before := processes(t, s)
	s.Fail(iistest.Failure{Action: "Receive", Lost: iistest.Unheard, Times: 1})
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	s.LoseOutput(800 * time.Millisecond)
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	if n, again := w.starts(), processes(t, s)-before; n != 1 || again != 0 {
		t.Errorf("started %d times, by %d more processes", n, again)
	}
}

// A connection that breaks more often than a batch has requests would let none through.
func TestAnUploadThatIsCutOffAgainAndAgainComesToItsEnd(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	s := w.servers["web-01"]
	s.SetLimits(iistest.Limits{EnvelopeKB: 32})
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	s.Drop(25)
	files := site("2")
	files["random.bin"], files["empty.bin"], files["small.bin"] = noise(900_000), "", "x"
	release := w.stage(t, new, files)
	s.Drop(0)
	if got := w.truth(t, new).Digest; got != release.Digest {
		t.Errorf("digest %s, want %s", got, release.Digest)
	}
}
