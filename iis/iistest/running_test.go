package iistest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestTwoSitesOnOneBindingCannotBothStart(t *testing.T) {
	c := staged(t, nil, nil)
	e := c.refused("port_taken", "start", map[string]any{"slot": newSlot})
	if e.HResult != alreadyExists || !strings.Contains(e.Message, oldSlot) {
		t.Errorf("%+v", e)
	}
	if got := c.server.Truth().Slots[1]; got.Pool != stopped || got.Site != stopped {
		t.Errorf("something was started: %+v", got)
	}
}

func TestAPortOfAnotherProcessIsTaken(t *testing.T) {
	c := staged(t, nil, nil)
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	l, err := listen("127.0.0.1", c.server.SitePort())
	must(t, err)
	defer l.Close()
	if e := c.refused("port_taken", "start", map[string]any{"slot": newSlot}); e.HResult != sharing {
		t.Errorf("%+v", e)
	}
}

func TestARebootBringsBackWhatTheFlagsSay(t *testing.T) {
	c := staged(t, func(c *Config) { c.Cold = 10 * time.Millisecond }, nil)
	s := c.server
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 0}, nil)
	s.Reboot()
	if got := s.Truth(); !cmp.Equal(got.Running, []string{oldSlot}) || got.Warm || got.Lease == nil || got.Shells != 0 {
		t.Errorf("after a reboot before the flags were flipped: %+v", got)
	}
	c = leased(t, s)
	c.ok("own", map[string]any{"boot": map[string]bool{oldSlot: false, newSlot: true}}, nil)
	s.Reboot()
	if got := s.Truth().Running; !cmp.Equal(got, []string{newSlot}) {
		t.Errorf("after a reboot with flipped flags: %v", got)
	}
	c = leased(t, s)
	c.ok("own", map[string]any{"boot": map[string]bool{oldSlot: true, newSlot: true}}, nil)
	s.Reboot()
	if got := s.Truth().Running; len(got) != 1 {
		t.Errorf("two slots with flags: %v run, want one", got)
	}
}

func TestASlotThatRefusesToStartIsReported(t *testing.T) {
	c := staged(t, nil, nil)
	c.server.RefuseStart(oldSlot)
	if got := c.server.Truth().Running; !cmp.Equal(got, []string{oldSlot}) {
		t.Errorf("a running slot was stopped: %v", got)
	}
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	c.refused("pool_failed", "start", map[string]any{"slot": oldSlot})
	c.server.AllowStart(oldSlot)
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 0}, nil)
}

func TestAWorkerThatLingersIsReportedAndGoesInTheEnd(t *testing.T) {
	s := installed(t, func(c *Config) { c.Stop = 600 * time.Millisecond })
	c := leased(t, s)
	c.refused("worker_lingers", "stop", map[string]any{"slot": oldSlot, "wait_ms": 50})
	if got := s.Truth().Slots[0]; got.Site != stopped || got.Pool != stopping || len(got.Workers) != 1 {
		t.Errorf("%+v", got)
	}
	c.ok("stop", map[string]any{"slot": oldSlot, "wait_ms": 5000}, nil)
	if got := s.Truth().Slots[0]; got.Pool != stopped || len(got.Workers) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestStartAndStopAndOwnAreIdempotent(t *testing.T) {
	c := leased(t, installed(t, nil))
	for _, x := range []struct {
		op   string
		args map[string]any
		want bool
	}{
		{"start", map[string]any{"slot": oldSlot, "stable_ms": 0}, false},
		{"own", map[string]any{"boot": map[string]bool{oldSlot: true}}, false},
		{"stop", map[string]any{"slot": oldSlot}, true},
		{"stop", map[string]any{"slot": oldSlot}, false},
		{"own", map[string]any{"boot": map[string]bool{oldSlot: false}}, true},
		{"own", map[string]any{"boot": map[string]bool{oldSlot: false}}, false},
		{"start", map[string]any{"slot": oldSlot, "stable_ms": 0}, true},
	} {
		var got struct{ Changed bool }
		c.ok(x.op, x.args, &got)
		if got.Changed != x.want {
			t.Errorf("%s: changed %v, want %v", x.op, got.Changed, x.want)
		}
	}
}

func TestCommitsThatConflictAreTriedAgainAndThenReported(t *testing.T) {
	c := leased(t, installed(t, nil))
	c.server.ConflictCommits(7)
	c.ok("own", map[string]any{"boot": map[string]bool{oldSlot: false}}, nil)
	c.server.ConflictCommits(8)
	if e := c.refused("busy", "own", map[string]any{"boot": map[string]bool{oldSlot: true}}); e.HResult != changedOnDisk {
		t.Errorf("%+v", e)
	}
	if got := c.server.Truth().Slots[0]; got.SiteBoot || got.PoolBoot {
		t.Errorf("a commit that failed had an effect: %+v", got)
	}
}

func TestSeveralServersShareAPortOnTheirOwnAddresses(t *testing.T) {
	first := installed(t, nil)
	l, err := listen("127.0.0.21", first.SitePort())
	if err != nil {
		t.Logf("this machine has one loopback address: %v", err)
		return
	}
	must(t, l.Close())
	second := installed(t, func(c *Config) {
		c.Address, c.SitePort, c.WinRMPort = "127.0.0.21", first.SitePort(), first.WinRMPort()
	})
	for _, s := range []*Server{first, second} {
		if _, err := visit(t, s, customer(t), "/"); err != nil {
			t.Error(err)
		}
	}
}

func TestConfigurationsThatLeaveTheSandboxAreRefused(t *testing.T) {
	good := Config{Address: "127.0.0.1", User: "u", Password: "p", App: app, Root: t.TempDir(), Certificate: certificate(t)}
	for name, bend := range map[string]func(*Config){
		"any address":      func(c *Config) { c.Address = "0.0.0.0" },
		"a name":           func(c *Config) { c.Address = "localhost" },
		"a low port":       func(c *Config) { c.SitePort = 443 },
		"no password":      func(c *Config) { c.Password = "" },
		"no certificate":   func(c *Config) { c.Certificate.Certificate = nil },
		"no folder":        func(c *Config) { c.Root = filepath.Join(c.Root, "none") },
		"a relative root":  func(c *Config) { c.Sites = `sites` },
		"a root of a file": func(c *Config) { c.Root = filepath.Join(c.Root, "file") },
	} {
		c := good
		bend(&c)
		if name == "a root of a file" {
			must(t, os.WriteFile(c.Root, nil, 0o600))
		}
		if s, err := New(c); err == nil {
			t.Errorf("%s: taken", name)
			must(t, s.Close())
		}
	}
}
