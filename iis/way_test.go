package iis_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// notices collects what a fleet says of itself.
type notices struct {
	mu  sync.Mutex
	all []string
}

func (n *notices) add(text string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, text)
}

func (n *notices) list() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.all
}

// lane is one server's whole deployment.
func (w *world) lane(t *testing.T) {
	t.Helper()
	w.acquire(t)
	w.stage(t, new, site("2"))
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	if err := w.fleet.Own(t.Context(), "web-01", map[string]bool{new: true}); err != nil {
		t.Fatal(err)
	}
	if s := w.truth(t, new); s.Site != "started" || !s.SiteBoot {
		t.Errorf("the slot is %+v", s)
	}
}

func TestAWholeSlotIsDeployedWithAProcessForEachOperation(t *testing.T) {
	for name, drop := range map[string]int{"undisturbed": 0, "with dropped connections": 15} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Channel = iis.Oneshot }})
			w.servers["web-01"].SetTrouble(iistest.Trouble{Deaf: true})
			w.servers["web-01"].Drop(drop)
			w.lane(t)
			w.servers["web-01"].Drop(0)
			if err := w.fleet.Close(); err != nil {
				t.Error(err)
			}
			if n := w.servers["web-01"].Truth().Shells; n != 0 && drop == 0 {
				t.Errorf("%d shells are left", n)
			}
		})
	}
}

// The agent is compiled for each operation: what is between question and answer is mostly that.
func TestTheClockIsComparedWithTheAnswerWhereProcessesStartSlowly(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Channel = iis.Oneshot }})
	w.servers["web-01"].Fail(iistest.Failure{Action: "Command", Code: 1115, Times: 3}) // tried again, with pauses
	w.servers["web-01"].Latency(200 * time.Millisecond)
	hello, err := w.fleet.Hello(t.Context(), "web-01")
	if err != nil || hello.ClockOff.Abs() > 450*time.Millisecond {
		t.Errorf("the clock is %s off: %v", hello.ClockOff, err)
	}
}

func TestAServerThatStaysSilentIsSpokenToInTheSlowWayAndThatIsSaidOnce(t *testing.T) {
	var said notices
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Timeouts.Hello, o.Notify = 300*time.Millisecond, said.add }})
	w.servers["web-01"].SetTrouble(iistest.Trouble{Deaf: true})
	w.lane(t)
	if all := said.list(); len(all) != 1 || !strings.Contains(all[0], "web-01: the agent's process runs and says nothing on its output for 300ms; each operation gets a process of its own") {
		t.Errorf("said %q", all)
	}
}

func TestAServerThatAnswersIsSpokenToOverOneProcess(t *testing.T) {
	var said notices
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Notify = said.add }})
	w.lane(t)
	if n := w.servers["web-01"].Truth().Shells; n != 1 || len(said.list()) != 0 {
		t.Errorf("%d shells, said %q", n, said.list())
	}
}

func TestWhoWantsTheStreamGetsNothingElse(t *testing.T) {
	var said notices
	w := newWorld(t, setup{fleet: func(o *iis.Options) {
		o.Channel, o.Timeouts.Query, o.Notify = iis.Stream, 500*time.Millisecond, said.add
	}})
	w.servers["web-01"].SetTrouble(iistest.Trouble{Deaf: true})
	if err := w.hello(t); err == nil || len(said.list()) != 0 {
		t.Errorf("%v, said %q", err, said.list())
	}
}

func TestWhatTheAgentCannotDoIsSaidTheSameInBothWays(t *testing.T) {
	for name, trouble := range map[string]iistest.Trouble{"IIS is not installed": {NoIIS: true}} {
		for _, channel := range []iis.Channel{iis.Stream, iis.Oneshot} {
			w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Channel = channel }})
			w.servers["web-01"].SetTrouble(trouble)
			if err := w.hello(t); err == nil || !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %v", channel, err)
			}
		}
	}
}

// The rest of an answer whose beginning is lost looks like the words of something that prints: the next process is heard from its beginning.
func TestALostPartOfTheFirstAnswerSendsNoServerTheSlowWay(t *testing.T) {
	var said notices
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Notify = said.add }})
	s := w.servers["web-01"]
	s.SetLimits(iistest.Limits{EnvelopeKB: 16, Piece: 2}) // the answer comes in several
	s.Fail(iistest.Failure{Action: "Receive", Lost: iistest.Halved, Times: 1})
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	if fall, fallen := w.fleet.Fallen("web-01"); fallen || len(said.list()) != 0 {
		t.Errorf("fallen because of %q, said %q", fall.Why, said.list())
	}
	if n := processes(t, s); n != 2 {
		t.Errorf("%d processes", n)
	}
}
