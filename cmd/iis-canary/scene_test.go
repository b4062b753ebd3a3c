package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
	"iiscanary/cmd/iis-canary/rehearsal"
)

// scene is a fleet with something wrong with it, and how to aim a command at it.
type scene struct {
	t        *testing.T
	fleet    *rehearsal.Fleet
	config   string
	pack     string
	args     []string          // more of them
	balancer *elbtest.Balancer // another one than the fleet's; nil: the fleet's
	env      []string          // of a process of its own; nil: the command runs in this one
}

// edit writes the configuration with some of its text replaced.
func (s *scene) edit(oldnew ...string) {
	s.t.Helper()
	text, err := os.ReadFile(s.config)
	if err != nil {
		s.t.Fatal(err)
	}
	for i := 0; i < len(oldnew); i += 2 {
		if !strings.Contains(string(text), oldnew[i]) {
			s.t.Fatalf("the configuration does not say %q:\n%s", oldnew[i], text)
		}
		text = []byte(strings.ReplaceAll(string(text), oldnew[i], oldnew[i+1]))
	}
	s.config = s.file("edited.yaml", string(text))
}

// file writes a file beside the configuration, where its references lead to, and returns its path.
func (s *scene) file(name, text string) string {
	s.t.Helper()
	path := filepath.Join(filepath.Dir(s.fleet.Config()), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	return path
}

// read is a file beside the configuration, such as a secret.
func (s *scene) read(name string) string {
	s.t.Helper()
	text, err := os.ReadFile(filepath.Join(filepath.Dir(s.fleet.Config()), name))
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

// enter types a command: in this process, or in one of its own where it needs another environment.
func (s *scene) enter(words ...string) typed {
	s.t.Helper()
	words = append(append(words, "-c", s.config, "--package", s.pack), s.args...)
	if s.env != nil {
		cmd := program(s.t, words...)
		cmd.Env = append(cmd.Env, s.env...)
		return launch(s.t, cmd).ended()
	}
	return inside(words...)
}

// touched is how often anything was changed, by the servers' and the balancers' own books. A lease is a change too.
func (s *scene) touched() int {
	n := s.fleet.Changes()
	if s.balancer != nil {
		n += len(s.balancer.Mutations())
	}
	for _, server := range s.fleet.Servers {
		n += server.Truth().Ops["lease"]
	}
	return n
}

// standing puts up the one fleet that all scenes of a test share.
func standing(t *testing.T) *rehearsal.Fleet {
	t.Helper()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: fleetSpeed, Traffic: fleetTraffic, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	return f
}

// rowsOf is the lines of a table about a check, with one space between columns.
func rowsOf(text string, id checkID) string {
	var out []string
	for line := range strings.Lines(text) {
		if slices.Contains(strings.Fields(line), string(id)) && !strings.Contains(line, "not checked, ") {
			out = append(out, strings.Join(strings.Fields(line), " "))
		}
	}
	return strings.Join(out, "\n")
}

// remedyOf is what a refusal says is to be done about a check: its own "do: ", behind its last row.
func remedyOf(text string, id checkID) string {
	var out []string
	its := false
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		switch {
		case len(words) == 0:
		case words[0] == "do:" && its:
			out = append(out, strings.Join(words[1:], " "))
		case words[0] != "do:":
			its = words[0] == string(id)
		}
	}
	return strings.Join(out, "\n")
}

// whole demands all three parts of a refusal before the first change: what stands in the way and what to do about this check, what is so
// now, and what to type next.
func (s *scene) whole(y typed, id checkID, remedy string) {
	s.t.Helper()
	if told := remedyOf(y.err, id); told == "" || !strings.Contains(told, remedy) {
		s.t.Errorf("what to do about %s is %q, want %q:\n%s", id, told, remedy, y.err)
	}
	for _, want := range []string{" in the way before the first change", "now:   nothing was touched", "next:  ", "type the same line again", "iis-canary doctor --config "} {
		if !strings.Contains(y.err, want) {
			s.t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
}

// elsewhere aims the configuration at another balancer than the fleet's, with the same keys and the same servers.
func (s *scene) elsewhere(change func(*elbtest.Config)) {
	s.t.Helper()
	truth := s.fleet.Balancer.Truth().Groups["web-443"]
	group := elbtest.GroupConfig{Name: "web-443", Protocol: "HTTPS", Port: truth.Targets[0].Port, Delay: time.Second,
		Interval: 100 * time.Millisecond, Timeout: 2 * time.Second, Path: "/health"}
	c := elbtest.Config{AccessKey: s.read("access_key"), SecretKey: s.read("secret_key")}
	for i, t := range truth.Targets {
		server := s.fleet.Servers[i]
		c.Instances = append(c.Instances, elbtest.Instance{ID: t.ID, PrivateIP: server.Address(), Name: fmt.Sprintf("web-%02d", i+1),
			Tags: map[string]string{"WinRM": net.JoinHostPort(server.Address(), fmt.Sprint(server.WinRMPort()))}})
		group.Targets = append(group.Targets, elbtest.Target{ID: t.ID, Port: t.Port})
	}
	c.Groups = []elbtest.GroupConfig{group}
	change(&c)
	b, err := elbtest.New(c)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = b.Close() })
	s.balancer = b
	s.edit(s.fleet.Balancer.URL(), b.URL())
}

// settled waits until every target of the other balancer has the state.
func (s *scene) settled(state string) {
	s.t.Helper()
	until(s.t, "every target is "+state, func() bool {
		for _, t := range s.balancer.Truth().Groups["web-443"].Targets {
			if t.State != state {
				return false
			}
		}
		return true
	})
}
