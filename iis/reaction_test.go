package iis_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

func (w *world) hello(t *testing.T) error {
	t.Helper()
	_, err := w.fleet.Hello(t.Context(), "web-01")
	return err
}

func TestATroubleThatPassesIsNotNoticed(t *testing.T) {
	for name, f := range map[string]iistest.Failure{
		"the poll is over":                  {Action: "Receive", Code: 2150858793},
		"the outcome of Create is unknown":  {Action: "Create", Code: 2150858793},
		"the outcome of Command is unknown": {Action: "Command", Code: 2150858793},
		"the shell is gone":                 {Action: "Receive", Code: 2150858843},
		"Receive is aborted":                {Action: "Receive", Code: 995},
		"Send is aborted":                   {Action: "Send", Code: 995},
		"the server shuts down":             {Action: "Create", Code: 1115},
		"the RPC server is gone":            {Action: "Command", Code: 1722},
		"the pipe has ended":                {Action: "Send", Code: 109},
		"the pipe is closing":               {Action: "Send", Code: 232},
		"the profile is unloading":          {Action: "Create", Code: 2147943418},
		"too many shells":                   {Action: "Create", Code: 2150859173},
		"too many operations":               {Action: "Command", Code: 2150859174},
		"too much at a time":                {Action: "Create", Code: 2150859175},
		"too many users":                    {Action: "Create", Code: 2150859179},
		"the envelope is too large":         {Action: "Send", Code: 2150858823},
		"413":                               {Action: "Send", Status: 413},
		"503":                               {Status: 503},
		"400":                               {Status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sealed(1, nil))
			w.plainly(t)
			f.Times = 2
			w.servers["web-01"].Fail(f)
			if err := w.hello(t); err != nil {
				t.Error(err)
			}
			if n := w.servers["web-01"].Truth().Shells; n != 1 {
				t.Errorf("%d shells are open", n)
			}
		})
	}
}

func TestATroubleThatStaysIsTriedOnce(t *testing.T) {
	for name, f := range map[string]iistest.Failure{
		"shells are switched off":  {Action: "Create", Code: 2150859180},
		"access is denied":         {Action: "Create", Code: 5},
		"there is no such program": {Action: "Command", Code: 2147942402},
		"the command is too long":  {Action: "Command", Code: 2147942606},
		"a parameter is wrong":     {Action: "Command", Code: 87},
		"it is no WinRM":           {Action: "Create", Code: 2150858811},
		"403":                      {Action: "Create", Status: 403},
		"404":                      {Action: "Create", Status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, sealed(1, nil))
			w.plainly(t)
			f.Times = 2
			w.servers["web-01"].Fail(f)
			for range f.Times {
				err := w.hello(t)
				d := winrm.Diagnose(err)
				if err == nil || d.Kind != winrm.Permanent || !strings.Contains(err.Error(), d.Advice) || !strings.Contains(err.Error(), "web-01") {
					t.Errorf("%v is %+v", err, d)
				}
			}
			if err := w.hello(t); err != nil {
				t.Errorf("it was tried more than once: %v", err)
			}
		})
	}
}

func TestARestartedServiceIsReachedAgain(t *testing.T) {
	w := newWorld(t, sealed(1, nil))
	w.plainly(t)
	w.acquire(t)
	w.stage(t, new, site("2"))
	w.servers["web-01"].RestartWinRM(100 * time.Millisecond)
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	starts := 0
	for _, c := range w.servers["web-01"].Calls() {
		if c.Op == "start" {
			starts++
		}
	}
	if starts != 1 {
		t.Errorf("started %d times", starts)
	}
}

// A connection that is open at one end only is found out by the time that an answer may take.
func TestAHalfOpenConnectionIsGivenUpAndReplaced(t *testing.T) {
	w := newWorld(t, sealed(1, func(o *iis.Options) {
		o.Timeouts.Poll, o.Timeouts.Margin, o.Timeouts.Close = 500*time.Millisecond, time.Second, 300*time.Millisecond
	}))
	w.plainly(t)
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	w.servers["web-01"].Fail(iistest.Failure{Hang: true, Times: 1})
	if err := w.hello(t); err != nil {
		t.Error(err)
	}
}

func TestAServiceThatStaysAwayIsNamedAsThat(t *testing.T) {
	w := newWorld(t, sealed(1, func(o *iis.Options) { o.Timeouts.Tries = 2 }))
	w.plainly(t)
	w.servers["web-01"].RestartWinRM(time.Minute)
	err := w.hello(t)
	if !errors.Is(err, canary.ErrUnreachable) || !strings.Contains(err.Error(), "answered 503 Service Unavailable; WinRM is starting or stopping") {
		t.Errorf("got %v", err)
	}
}

func TestShellsOfDeadRunsMakeRoom(t *testing.T) {
	w := newWorld(t, sealed(1, nil))
	w.plainly(t)
	s := w.servers["web-01"]
	s.Abandon("iis-canary", 20, 10*time.Minute) // what dead runs left
	s.Abandon("iis-canary", 3, 0)               // what other runs use
	s.Abandon("WinRM1", 7, 10*time.Minute)      // what others left
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	if n := s.Truth().Shells; n != 11 {
		t.Errorf("%d shells are open, want ours and the 10 that are not ours to delete", n)
	}
}

func TestAFullHouseOfOthersIsSaid(t *testing.T) {
	w := newWorld(t, sealed(1, func(o *iis.Options) { o.Timeouts.Tries = 2 }))
	w.plainly(t)
	w.servers["web-01"].Abandon("WinRM1", 30, time.Hour)
	err := w.hello(t)
	if err == nil || !strings.Contains(err.Error(), "raise MaxShellsPerUser") {
		t.Errorf("got %v", err)
	}
}

func TestOneProcessTakesOneOperationOfTheQuota(t *testing.T) {
	w := newWorld(t, setup{server: func(c *iistest.Config) { c.Plain, c.NoBasic, c.MaxOperations = true, true, 1 }})
	w.plainly(t)
	for range 5 {
		if err := w.hello(t); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAnOldServersSmallEnvelopesAreEnough(t *testing.T) {
	w := newWorld(t, setup{server: func(c *iistest.Config) { c.Plain, c.NoBasic, c.MaxEnvelopeKB = true, true, 150 }})
	w.plainly(t)
	w.acquire(t)
	w.stage(t, new, map[string]string{"web.config": strings.Repeat("0123456789abcdef", 40_000)})
}
