package main

import (
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// program is the program as a process of its own.
func program(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("iis-canary", args...)
	cmd.Env = append(os.Environ(), "CI=true")
	return cmd
}

// typed is one command line that was typed, and what came of it.
type typed struct {
	code     int
	out, err string
}

// must demands an exit code.
func (y typed) must(t *testing.T, code int) typed {
	t.Helper()
	if y.code != code {
		t.Fatalf("exit code %d, want %d\n%s\n%s", y.code, code, y.out, y.err)
	}
	return y
}

// enter types a command and waits for its end.
func enter(t *testing.T, args ...string) typed {
	t.Helper()
	return enterWith(t, nil, args...)
}

// enterWith types a command in an environment with some more in it.
func enterWith(t *testing.T, more map[string]string, args ...string) typed {
	t.Helper()
	cmd := program(t, args...)
	for name, value := range more {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return launch(t, cmd).ended()
}

// inside types a command in this process, in an environment with nothing in it.
func inside(words ...string) typed {
	var out, talk strings.Builder
	code := run(append([]string{"iis-canary"}, words...), streams{in: strings.NewReader(""), out: &out, err: &talk,
		width: func() int { return 80 }, getenv: func(string) string { return "" }})
	return typed{code, out.String(), talk.String()}
}

// running is a program at work. It does not outlive its test.
type running struct {
	*exec.Cmd
	t         *testing.T
	out, talk transcript
}

// background types a command and does not wait for its end.
func background(t *testing.T, args ...string) *running {
	t.Helper()
	p := launch(t, program(t, args...))
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s\n%s\n%s", strings.Join(p.Args, " "), p.out.String(), p.talk.String())
		}
	})
	return p
}

// launch starts a command, and hears its standard error too where nobody else does.
func launch(t *testing.T, cmd *exec.Cmd) *running {
	t.Helper()
	p := &running{Cmd: cmd, t: t}
	p.Stdout = &p.out
	if p.Stderr == nil {
		p.Stderr = &p.talk
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Process.Kill() }) // it may have ended
	return p
}

// ended waits for the end.
func (p *running) ended() typed {
	p.t.Helper()
	err := p.Wait()
	if _, is := errors.AsType[*exec.ExitError](err); err != nil && !is {
		p.t.Error(err)
	}
	return typed{p.ProcessState.ExitCode(), p.out.String(), p.talk.String()}
}

func (p *running) signal(s os.Signal) {
	p.t.Helper()
	if err := p.Process.Signal(s); err != nil {
		p.t.Fatal(err)
	}
}

// kill ends it in the middle of what it does.
func (p *running) kill() {
	p.t.Helper()
	p.signal(syscall.SIGKILL)
	_ = p.Wait() // "signal: killed"
}

// abandon interrupts it twice, as a person who cannot wait.
func (p *running) abandon() {
	p.t.Helper()
	p.signal(os.Interrupt)
	until(p.t, "the first interrupt is heard", func() bool { return strings.Contains(p.talk.String(), "stopping: ") })
	p.signal(os.Interrupt)
	p.ended().must(p.t, 130)
}

// transcript is what somebody says while others read it.
type transcript struct {
	mu   sync.Mutex
	text strings.Builder
}

func (t *transcript) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.Write(p)
}

func (t *transcript) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.text.String()
}

// underway begins a deployment and returns when it is in the middle of draining a server.
func underway(t *testing.T, f *rehearsal.Fleet) *running {
	t.Helper()
	return underwayWith(t, f, "deploy", "-c", f.Config(), "--package", f.Package(), "--yes")
}

// underwayWith is underway with another command.
func underwayWith(t *testing.T, f *rehearsal.Fleet, args ...string) *running {
	t.Helper()
	before := len(f.Balancer.Mutations())
	p := background(t, args...)
	until(t, "a server leaves rotation", func() bool { return len(f.Balancer.Mutations()) > before })
	return p
}

// until polls for at most a minute.
func until(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("a minute later it is still not so that %s", what)
		}
	}
}
