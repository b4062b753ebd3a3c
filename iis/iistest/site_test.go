package iistest

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestASiteAnswersOnlyWhileItIsStarted(t *testing.T) {
	s := installed(t, nil)
	c, client := leased(t, s), customer(t)
	a, err := visit(t, s, client, "/some/page?x=1")
	must(t, err)
	if a.status != http.StatusOK || a.header.Get("X-App-Release") != "1" || a.header.Get("X-App-Slot") != oldSlot || a.header.Get("Server") != "Microsoft-IIS/10.0" {
		t.Errorf("%d %v", a.status, a.header)
	}
	c.ok("stop", map[string]any{"slot": oldSlot, "wait_ms": 5000}, nil)
	if a, err := visit(t, s, client, "/"); err == nil {
		t.Errorf("a stopped site answered %d", a.status)
	}
	if running := s.Truth().Running; running != nil {
		t.Errorf("running: %v", running)
	}
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 10}, nil)
	if _, err := visit(t, s, client, "/"); err != nil {
		t.Error(err)
	}
}

func TestTheFirstRequestsAfterAStartAreCold(t *testing.T) {
	const cold = 500 * time.Millisecond
	s := installed(t, func(c *Config) { c.Cold = cold })
	if !s.Truth().Warm {
		t.Error("a slot that serves is not warm")
	}
	c := leased(t, s)
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 0}, nil)
	var early struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": oldSlot, "path": "/", "first_ms": 20, "each_ms": 20, "requests": 3}, &early)
	if len(early.Answers) != 1 || early.Answers[0].Status != 0 || early.Answers[0].Error == "" {
		t.Errorf("a budget that is too short: %+v", early.Answers)
	}
	if s.Truth().Warm {
		t.Error("warm before the application has answered anything")
	}
	var p struct{ Answers []probed }
	c.ok("probe", map[string]any{"slot": oldSlot, "path": "/", "first_ms": 5000, "each_ms": 5000, "requests": 5}, &p)
	if len(p.Answers) != 6 {
		t.Fatalf("%d answers: %+v", len(p.Answers), p.Answers)
	}
	if ms := p.Answers[0].MS; ms < 300 || ms > 2000 { // the request that gave up began the start
		t.Errorf("the second request took %v ms", ms)
	}
	for i, a := range p.Answers[1:4] {
		if a.MS < 10 {
			t.Errorf("request %d took %v ms, want over 10: the next few are slow", i+3, a.MS)
		}
	}
	if !s.Truth().Warm {
		t.Error("not warm after seven requests")
	}
}

func TestARunningPoolWithoutSiteAndASiteWithoutPool(t *testing.T) {
	s := installed(t, nil)
	client := customer(t)
	m := s.machine
	m.mu.Lock()
	m.stopPool(m.sites[oldSlot])
	m.mu.Unlock()
	for len(s.Truth().Slots[0].Workers) > 0 {
		pauseFor(t)
	}
	a, err := visit(t, s, client, "/")
	must(t, err)
	if a.status != http.StatusServiceUnavailable || a.header.Get("Server") != "Microsoft-HTTPAPI/2.0" || !strings.Contains(a.text, "Service Unavailable") {
		t.Errorf("%d %v %s", a.status, a.header, a.text)
	}
}

func TestAHostNameThatIsNotBoundIsNotFound(t *testing.T) {
	s := installed(t, nil)
	m := s.machine
	m.mu.Lock()
	m.sites[oldSlot].bindings = []string{s.Binding() + "other.domain.com"}
	m.mu.Unlock()
	a, err := visit(t, s, customer(t), "/")
	must(t, err)
	if a.status != http.StatusNotFound || a.header.Get("Server") != "Microsoft-HTTPAPI/2.0" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func TestRequestsInFlightAreResetWhenTheSiteStops(t *testing.T) {
	s := installed(t, func(c *Config) { c.Median = time.Minute })
	c := leased(t, s)
	client, failed := customer(t), make(chan error, 1)
	go func() {
		_, err := visit(t, s, client, "/")
		failed <- err
	}()
	var r struct{ Current int }
	for r.Current == 0 {
		c.ok("requests", map[string]any{"slot": oldSlot}, &r)
	}
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	if err := <-failed; !errors.Is(err, syscall.ECONNRESET) && (err == nil || !strings.Contains(err.Error(), "EOF")) {
		t.Errorf("the customer saw %v, want a reset", err)
	}
	s.machine.flush()
	if files, _ := s.LogFiles(); len(files) != 0 {
		t.Errorf("a request without an answer is in the log: %v", files)
	}
}

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

func TestAPackageDecidesHowItsApplicationBehaves(t *testing.T) {
	start := func(t *testing.T, simulation string, adjust func(*Config)) *session {
		c := staged(t, adjust, map[string]string{"simulation.json": simulation})
		c.ok("stop", map[string]any{"slot": oldSlot}, nil)
		return c
	}
	probeArgs := func(path string, n int) map[string]any {
		return map[string]any{"slot": newSlot, "path": path, "first_ms": 5000, "each_ms": 5000, "requests": n}
	}
	t.Run("crash", func(t *testing.T) {
		c := start(t, `{"crash":true}`, nil)
		e := c.refused("pool_failed", "start", map[string]any{"slot": newSlot, "stable_ms": 500})
		if !strings.Contains(e.Message, "5002") {
			t.Errorf("%+v", e)
		}
		if got := c.server.Truth(); got.Running != nil || len(got.Slots[1].Workers) > 0 {
			t.Errorf("%+v", got)
		}
	})
	t.Run("never warm", func(t *testing.T) {
		c := start(t, `{"never_warm":true}`, nil)
		c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 0}, nil)
		var p struct{ Answers []probed }
		c.ok("probe", probeArgs("/", 1), &p)
		for _, a := range p.Answers {
			if a.MS < 250 {
				t.Errorf("answered in %v ms", a.MS)
			}
		}
	})
	t.Run("errors", func(t *testing.T) {
		c := start(t, `{"error_rate":1}`, nil)
		c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 0}, nil)
		var page, health struct{ Answers []probed }
		c.ok("probe", probeArgs("/page", 2), &page)
		c.ok("probe", probeArgs("/health/warm", 2), &health)
		for i := range 3 {
			if page.Answers[i].Status != 500 || health.Answers[i].Status != 200 {
				t.Errorf("page %d, health %d, want 500 and 200", page.Answers[i].Status, health.Answers[i].Status)
			}
		}
	})
	t.Run("hook", func(t *testing.T) {
		c := start(t, `{"crash":true}`, func(c *Config) {
			c.Behave = func(r BehaveRequest) Behaviour {
				if r.Slot == newSlot && r.Version == "2" && r.Path == "/bad" {
					return Behaviour{ErrorRate: 1}
				}
				return Behaviour{}
			}
		})
		c.ok("start", map[string]any{"slot": newSlot, "stable_ms": 20}, nil)
		var p struct{ Answers []probed }
		c.ok("probe", probeArgs("/bad", 0), &p)
		if p.Answers[0].Status != 500 {
			t.Errorf("%+v", p.Answers)
		}
	})
}

func TestSlowerIsAFactorOnTheUsualTime(t *testing.T) {
	m := newMachine(Config{Median: 8 * time.Millisecond, Spread: 0.4, Seed: 1}, nil, nil, nil)
	middle := func(b Behaviour) time.Duration {
		var below int
		const n = 4000
		limit := 8 * time.Millisecond
		if b.Slower > 0 {
			limit = time.Duration(float64(limit) * b.Slower)
		}
		for range n {
			if m.usual(b) < limit {
				below++
			}
		}
		return time.Duration(below * 1000 / n)
	}
	for _, b := range []Behaviour{{}, {Slower: 3}} {
		if share := middle(b); share < 470 || share > 530 {
			t.Errorf("%+v: %d per mille are below the median", b, share)
		}
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
	s := installed(t, func(c *Config) { c.Stop = 200 * time.Millisecond })
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

var logLine = regexp.MustCompile(`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ` + regexp.QuoteMeta(oldSlot) +
	` 127\.0\.0\.1 GET /a\+b x=1 \d+ - 127\.0\.0\.1 a\+customer - 200 0 0 \d+$`)

func TestLogLinesAreAsIISWritesThem(t *testing.T) {
	s := installed(t, nil)
	client := customer(t)
	for range 2 {
		_, err := visit(t, s, client, "/a%20b?x=1")
		must(t, err)
	}
	if files, err := s.LogFiles(); err != nil || len(files) != 0 {
		t.Errorf("lines are written before they are flushed: %v %v", files, err)
	}
	c := leased(t, s)
	c.ok("flush", map[string]any{}, nil)
	files, err := s.LogFiles()
	must(t, err)
	if len(files) != 1 || filepath.Base(files[0]) != "u_ex"+time.Now().UTC().Format("060102")+".log" ||
		!regexp.MustCompile(`^W3SVC\d+$`).MatchString(filepath.Base(filepath.Dir(files[0]))) {
		t.Fatalf("files: %v", files)
	}
	lines := readLines(t, files[0])
	if len(lines) != 6 || lines[0] != "#Software: Microsoft Internet Information Services 10.0" || lines[1] != "#Version: 1.0" ||
		!strings.HasPrefix(lines[2], "#Date: ") || !strings.HasPrefix(lines[3], "#Fields: date time s-sitename s-ip cs-method") {
		t.Fatalf("%q", lines)
	}
	if got := len(strings.Fields(lines[4])); got != len(strings.Fields(lines[3]))-1 {
		t.Errorf("%d columns", got)
	}
	for _, l := range lines[4:] {
		if !logLine.MatchString(l) {
			t.Errorf("%q", l)
		}
	}
	c.ok("stop", map[string]any{"slot": oldSlot}, nil)
	c.ok("start", map[string]any{"slot": oldSlot, "stable_ms": 0}, nil)
	_, err = visit(t, s, client, "/a%20b?x=1")
	must(t, err)
	c.ok("flush", map[string]any{}, nil)
	if lines := readLines(t, files[0]); len(lines) != 11 || !strings.HasPrefix(lines[6], "#Software") {
		t.Errorf("a site that starts again writes a header again: %q", lines[6:])
	}
}

func readLines(t *testing.T, path string) []string {
	t.Helper()
	text, err := os.ReadFile(path)
	must(t, err)
	return strings.Split(strings.TrimSuffix(string(text), "\r\n"), "\r\n")
}

func TestSeveralServersShareAPortOnTheirOwnAddresses(t *testing.T) {
	first := installed(t, nil)
	l, err := listen("127.0.0.21", first.SitePort())
	if err != nil {
		l, err = listen("127.0.0.1", 0) // a machine with one loopback address has nothing to show
		must(t, err)
		must(t, l.Close())
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
