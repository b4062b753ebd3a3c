package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// TestAProbeOfOneServer shares one fleet: each part finds it whole and leaves it whole.
func TestAProbeOfOneServer(t *testing.T) {
	t.Parallel()
	f := putUp(t)
	for _, part := range []struct {
		name string
		play func(*scene)
	}{
		{"prints what was seen, without names, and leaves nothing", probePrintsWhatWasSeen},
		{"prints names where they are wanted", probePrintsNames},
		{"says to people what came out", probeSaysWhatCameOut},
		{"is refused where the command line makes no sense", probeRefusesNonsense},
		{"asks a person first", probeAsksAPersonFirst},
		{"needs an administrator", probeNeedsAnAdministrator},
		{"cleans up after an interrupt", probeCleansUpAfterAnInterrupt},
		{"says what it could not take back, and the next one does", probeLeavesAndTheNextOneCleans},
		{"is never beside a deployment", probeIsNeverBesideADeployment},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(&scene{t: t, fleet: f, config: f.Config()}) })
	}
}

// ask types a probe of web-01 in this process, as a person in front of a terminal who types an answer where there is one.
func (s *scene) ask(answer string, words ...string) typed {
	s.t.Helper()
	var out, talk bytes.Buffer
	code := run(append([]string{"iis-canary", "doctor", "-c", s.config, "--probe", "--quick"}, words...),
		streams{in: strings.NewReader(answer), inTTY: answer != "", errTTY: answer != "", out: &out, err: &talk,
			width: func() int { return 80 }, getenv: func(string) string { return "" }})
	return typed{code, out.String(), talk.String()}
}

// benches is the folders of throw-away sites on web-01.
func (s *scene) benches() []string {
	s.t.Helper()
	found, err := filepath.Glob(filepath.Join(filepath.Dir(s.fleet.Config()), "servers", "web-01", "d", "sites", "iis-canary-probe-*"))
	if err != nil {
		s.t.Fatal(err)
	}
	return found
}

// untouched demands that nothing of a probe is left on web-01, and that its slots serve as before.
func (s *scene) untouched(before iistest.Truth) {
	s.t.Helper()
	if left := s.benches(); len(left) > 0 {
		s.t.Errorf("left %v", left)
	}
	now := s.fleet.Servers[0].Truth()
	if now.Lease != nil || now.Shells != before.Shells {
		s.t.Errorf("left the lease %+v and %d shells more", now.Lease, now.Shells-before.Shells)
	}
	for i := range now.Slots { // customers go on asking
		now.Slots[i].Requests = before.Slots[i].Requests
	}
	if diff := cmp.Diff(before.Slots, now.Slots); diff != "" {
		s.t.Errorf("the slots before (-) and after (+):\n%s", diff)
	}
	for _, op := range []string{"put", "create", "start", "stop", "own", "prune", "note"} {
		if n := now.Ops[op] - before.Ops[op]; n != 0 {
			s.t.Errorf("%d operations %s", n, op)
		}
	}
}

func probePrintsWhatWasSeen(s *scene) {
	t, before := s.t, s.fleet.Servers[0].Truth()
	y := s.ask("", "--server", "web-01", "--yes", "-o", "json").must(t, 0)
	var d probed
	if err := json.Unmarshal([]byte(y.out), &d); err != nil {
		t.Fatalf("%v\n%s", err, y.out)
	}
	if len(d.Questions) != len(iis.Questions()) || d.AsExpected+d.Other+d.CouldNotTell != len(d.Questions) || d.AsExpected < 15 {
		t.Errorf("%d as expected, %d other, %d could not tell, of %d", d.AsExpected, d.Other, d.CouldNotTell, len(d.Questions))
	}
	if n := s.fleet.Servers[0].Truth().Ops["experiment"] - before.Ops["experiment"]; n == 0 {
		t.Error("nothing was tried")
	}
	s.untouched(before)
	for _, name := range []string{"web-01", rehearsal.App, "deployer", "WEB-SIM", s.fleet.Servers[0].Address(), s.read("winrm_password")} {
		if strings.Contains(y.out, name) {
			t.Errorf("%q is in what is sent to us:\n%s", name, y.out)
		}
	}
	var whole any
	if err := json.Unmarshal([]byte(y.out), &whole); err != nil {
		t.Fatal(err)
	}
	shape := map[string]bool{}
	shapeOf(shape, "", whole)
	if diff := cmp.Diff(probeShape, strings.Join(slices.Sorted(maps.Keys(shape)), "\n")); diff != "" {
		t.Errorf("the shape that we read (-) and what was printed (+):\n%s", diff)
	}
}

// probeShape is the fields of version 1, and what they hold. A field that goes away or changes is a new version.
const probeShape = `as_expected number
began string
could_not_tell number
iis string
os string
other number
powershell string
questions[].answer string
questions[].asked string
questions[].expected string
questions[].id string
questions[].ms number
questions[].observed object
questions[].settles string
questions[].why string
removed list
seconds number
tool string
version number`

// shapeOf notes each field by its path. What was observed is open: a question decides about it.
func shapeOf(into map[string]bool, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		if strings.HasSuffix(path, "observed") {
			into[path+" object"] = true
			return
		}
		for name, inner := range v {
			shapeOf(into, strings.TrimPrefix(path+"."+name, "."), inner)
		}
	case []any:
		if len(v) == 0 {
			into[path+" list"] = true
		}
		for _, inner := range v {
			shapeOf(into, path+"[]", inner)
		}
	case string:
		into[path+" string"] = true
	case float64:
		into[path+" number"] = true
	default:
		into[fmt.Sprintf("%s %T", path, v)] = true
	}
}

func probePrintsNames(s *scene) {
	y := s.ask("", "--server", "web-01", "--yes", "-o", "json", "--with-names").must(s.t, 0)
	var d probed
	if err := json.Unmarshal([]byte(y.out), &d); err != nil || d.App != rehearsal.App || d.Server != "web-01" || !strings.Contains(d.Account, "deployer") {
		s.t.Errorf("%v: %+v", err, d)
	}
}

func probeSaysWhatCameOut(s *scene) {
	y := s.ask("", "--server", "web-01", "--yes").must(s.t, 0)
	for _, want := range []string{"✔ as expected", "file-changed", "◌ could not tell", "left out: --quick", "the throw-away site is removed; please send us what --output json prints"} {
		if !strings.Contains(y.out, want) {
			s.t.Errorf("nobody says %q:\n%s", want, y.out)
		}
	}
	for _, want := range []string{"on web-01, for about three minutes: site, pool and folder iis-canary-probe-", "1/22 file-changed: as expected ("} {
		if !strings.Contains(y.err, want) {
			s.t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
}

func probeRefusesNonsense(s *scene) {
	t, before := s.t, s.fleet.Servers[0].Truth()
	for _, test := range []struct {
		words []string
		wants []string
	}{
		{[]string{"--probe", "--server", "web-1", "--yes"}, []string{`there is no server "web-1" in the target groups; there are web-01, web-02`, "--probe --server web-01"}},
		{[]string{"--probe", "--server", "database", "--yes"}, []string{`there is no server "database"`, "iis-canary status --config "}},
		{[]string{"--probe", "--yes"}, []string{"--probe needs the name of one server"}},
		{[]string{"--probe", "--server", "web-01"}, []string{"nobody is there to confirm it", "--server web-01 --yes"}},
		{[]string{"--probe", "--server", "web-01", "--yes", "--package", "x.zip"}, []string{"--package is for doctor without it"}},
		{[]string{"--server", "web-01"}, []string{"--server is for --probe"}},
		{[]string{"--quick"}, []string{"--quick is for --probe"}},
		{[]string{"--with-names"}, []string{"--with-names is for --probe"}},
		{[]string{"--probe", "--server", "web-01", "--yes", "-o", "xml"}, []string{`--output is "xml"`}},
	} {
		var out, talk bytes.Buffer
		code := run(append([]string{"iis-canary", "doctor", "-c", s.config}, test.words...), streams{in: strings.NewReader(""), out: &out, err: &talk,
			width: func() int { return 80 }, getenv: func(string) string { return "" }})
		for _, want := range append(test.wants, "now:   nothing was touched", "next:  ") {
			if code != 2 || !strings.Contains(talk.String(), want) {
				t.Errorf("%v: exit %d, and nobody says %q:\n%s", test.words, code, want, talk.String())
			}
		}
	}
	s.untouched(before)
}

func probeAsksAPersonFirst(s *scene) {
	before := s.fleet.Servers[0].Truth()
	if y := s.ask("no\n", "--server", "web-01").must(s.t, 2); !strings.Contains(y.err, "Type web-01 to probe it: ") {
		s.t.Errorf("asked\n%s", y.err)
	}
	if n := s.fleet.Servers[0].Truth().Ops["experiment"] - before.Ops["experiment"]; n != 0 {
		s.t.Errorf("%d experiments without a yes", n)
	}
	s.ask("web-01\n", "--server", "web-01").must(s.t, 0)
	s.untouched(before)
}

func probeNeedsAnAdministrator(s *scene) {
	server := s.fleet.Servers[0]
	before := server.Truth()
	server.SetTrouble(iistest.Trouble{NotElevated: true})
	s.t.Cleanup(func() { server.SetTrouble(iistest.Trouble{}) })
	y := s.ask("", "--server", "web-01", "--yes").must(s.t, 7)
	for _, want := range []string{"has no administrator's rights on web-01 over the network", "nothing was touched", checkOf(checkElevated).remedy} {
		if !strings.Contains(y.err, want) {
			s.t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
	if n := server.Truth().Ops["experiment"] - before.Ops["experiment"]; n != 0 {
		s.t.Errorf("%d experiments", n)
	}
}

// inTheMiddle is the program in a process of its own, in the middle of its last question, which takes a minute and a half.
func (s *scene) inTheMiddle() *running {
	s.t.Helper()
	server := s.fleet.Servers[0]
	tried := func() int { return server.Truth().Ops["experiment"] }
	start := tried()
	s.ask("", "--server", "web-01", "--yes").must(s.t, 0) // all but that question
	most := tried() + tried() - start
	p := background(s.t, "doctor", "-c", s.config, "--probe", "--server", "web-01", "--yes")
	last := fmt.Sprintf("\n%d/%d ", len(iis.Questions())-1, len(iis.Questions()))
	until(s.t, "the last question is being asked", func() bool { return tried() >= most && strings.Contains(p.talk.String(), last) })
	return p
}

func probeCleansUpAfterAnInterrupt(s *scene) {
	before := s.fleet.Servers[0].Truth()
	p := s.inTheMiddle()
	if len(s.benches()) != 1 {
		s.t.Errorf("in the middle there are %v", s.benches())
	}
	p.signal(os.Interrupt)
	y := p.ended().must(s.t, 5)
	for _, want := range []string{"the probe was interrupted", "its throw-away site was removed, and nothing else was touched"} {
		if !strings.Contains(y.err, want) {
			s.t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
	s.untouched(before)
}

// Another run gets the lease in the middle, so that the server refuses even to clean up.
func probeLeavesAndTheNextOneCleans(s *scene) {
	t, server := s.t, s.fleet.Servers[0]
	before := server.Truth()
	p := s.inTheMiddle()
	if err := server.ExpireLease(); err != nil {
		t.Fatal(err)
	}
	release := holdLease(s)
	left := s.benches()
	p.signal(os.Interrupt)
	y := p.ended().must(t, 1)
	release()
	if len(left) != 1 {
		t.Fatalf("left %v", left)
	}
	for _, want := range []string{"clean up after the probe: ", "something of " + filepath.Base(left[0]) + " is left on web-01; the slots of " + rehearsal.App + " were not touched",
		"--probe --server web-01   (begins with removing it)"} {
		if !strings.Contains(y.err, want) {
			t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
	y = s.ask("", "--server", "web-01", "--yes", "-o", "json").must(t, 0)
	var d probed
	if err := json.Unmarshal([]byte(y.out), &d); err != nil || !slices.Equal(d.Removed, []string{filepath.Base(left[0])}) {
		t.Errorf("%v: removed %v", err, d.Removed)
	}
	s.untouched(before)
}

func probeIsNeverBesideADeployment(s *scene) {
	t, server := s.t, s.fleet.Servers[0]
	cmd := underway(t, s.fleet)
	before := server.Truth().Ops["experiment"]
	y := s.ask("", "--server", "web-01", "--yes").must(t, 6)
	for _, want := range []string{"web-01 is leased to run ", "(deploy " + rehearsal.NewSlot + ")", "nothing was touched by this command", "wait for it to end"} {
		if !strings.Contains(y.err, want) {
			t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
	if n := server.Truth().Ops["experiment"] - before; n != 0 {
		t.Errorf("%d experiments beside a deployment", n)
	}
	cmd.kill()
}

func TestNamesAndAddressesAreLeftOut(t *testing.T) {
	t.Parallel()
	h := hiding{names: []string{`CORP\svc-deploy`, "app.domain.com", "svc-deploy", "web-01"}, addresses: true}
	for text, want := range map[string]string{
		`WEB-01: refused the login of corp\svc-deploy`:               "(name): refused the login of (name)",
		"post https://10.1.2.3:5986/wsman":                           "post https://(address):5986/wsman",
		"web-01.corp.local has no site app.domain.com-3457":          "(name) has no site (name)-3457",
		"127.0.0.1:50123 and 0.0.0.0:443 stay, fe80::1:2:3 does not": "127.0.0.1:50123 and 0.0.0.0:443 stay, (address) does not",
		"at 12:30:45 it was 10.0.20348.2227":                         "at 12:30:45 it was 10.0.20348.2227",
		`C:\Users\svc-deploy\AppData`:                                `C:\Users\(name)\AppData`,
	} {
		if got := h.text(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	seen := h.values(map[string]any{"deep": map[string]any{"list": []any{"web-01", 1.0}}, "ms": 1.0})
	if diff := cmp.Diff(map[string]any{"deep": map[string]any{"list": []any{"(name)", 1.0}}, "ms": 1.0}, seen); diff != "" {
		t.Error(diff)
	}
}
