package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis/fetch"
	"iiscanary/metrics/estest"
)

func TestEveryCheckIsMadeBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	f := standing(t)
	all := troubles()
	for _, c := range checks() {
		if !slices.ContainsFunc(all, func(x trouble) bool { return x.id == c.id }) {
			t.Errorf("nobody puts a fleet into the trouble that %s is for", c.id)
		}
	}
	for _, trouble := range all {
		t.Run(trouble.name(), func(t *testing.T) { trouble.on(t, f) })
	}
	nothingIsLeft(t, f)
}

func nothingIsLeft(t *testing.T, f *rehearsal.Fleet) {
	t.Run("nothing is left of it", func(t *testing.T) {
		s := &scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}
		s.enter("doctor").must(t, 0)
	})
}

func (x trouble) name() string {
	if x.half == "" {
		return string(x.id)
	}
	return string(x.id) + ": " + x.half
}

// on puts a fleet into the trouble, and demands that it is told and that nothing is changed.
func (x trouble) on(t *testing.T, f *rehearsal.Fleet) {
	s := &scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}
	x.make(s)
	before := s.touched()
	switch {
	case x.play != nil:
		x.play(s)
	case x.warns:
		s.warns(x)
	default:
		s.refuses(x)
	}
	if n := s.touched() - before; n != 0 {
		t.Errorf("%d changes were made", n)
	}
	if x.after != nil {
		x.after(s)
	}
}

// refuses demands that plan and deploy name the trouble and do nothing.
func (s *scene) refuses(x trouble) {
	s.t.Helper()
	code := 7
	if x.code != 0 {
		code = x.code
	}
	for _, words := range [][]string{{"plan"}, {"deploy", "--yes"}} {
		y := s.enter(words...).must(s.t, code)
		row := rowsOf(y.err, x.id)
		for _, want := range x.words {
			if !strings.Contains(row, want) {
				s.t.Errorf("%v: the row does not say %q:\n%s", words, want, y.err)
			}
		}
		remedy := checkOf(x.id).remedy
		if x.remedy != "" {
			remedy = x.remedy
		}
		s.whole(y, x.id, remedy)
	}
}

// warns demands that the trouble is told, and stops nothing.
func (s *scene) warns(x trouble) {
	s.t.Helper()
	y := s.enter("doctor").must(s.t, 0)
	for _, want := range append(x.words, "⚠ warning") {
		if !strings.Contains(rowsOf(y.out, x.id), want) {
			s.t.Errorf("the row does not say %q:\n%s", want, y.out)
		}
	}
	if y := s.enter("plan").must(s.t, 0); !strings.Contains(y.out, x.words[0]) {
		s.t.Errorf("the plan does not mention it:\n%s", y.out)
	}
}

// TestThePreflightAsAWhole shares one fleet: what each part does to it is taken back.
func TestThePreflightAsAWhole(t *testing.T) {
	t.Parallel()
	f := standing(t)
	for _, part := range []struct {
		name string
		play func(*scene)
	}{
		{"doctor says the whole table to people and programs", doctorSaysTheWholeTable},
		{"a deployment waits for another run as long as it is asked", deploymentWaits},
		{"what stands in the way is told all at once", toldAllAtOnce},
		{"every question to AWS is refused once", everyQuestionIsRefused},
	} {
		t.Run(part.name, func(t *testing.T) { part.play(&scene{t: t, fleet: f, config: f.Config(), pack: f.Package()}) })
	}
	for _, trouble := range halves() {
		t.Run(trouble.name(), func(t *testing.T) { trouble.on(t, f) })
	}
	nothingIsLeft(t, f)
}

func toldAllAtOnce(s *scene) {
	t, f := s.t, s.fleet
	s.pack = s.file("broken.zip", "no zip")
	if err := f.Servers[1].CloseWinRM(); err != nil {
		t.Fatal(err)
	}
	f.Logs.SetFaults(estest.Faults{Down: true})
	t.Cleanup(func() {
		f.Logs.SetFaults(estest.Faults{})
		if err := f.Servers[1].OpenWinRM(); err != nil {
			t.Error(err)
		}
	})
	before := s.touched()
	y := s.enter("plan").must(t, 7)
	for _, want := range []string{"error: 3 things stand in the way", "package-readable", "port-open ", "elastic-up",
		"not checked, needs package-readable: package-signed, package-safe, settings-fit", "not checked, on web-02: needs port-open: tls-trusted, password-accepted, ",
		"not checked, needs elastic-up: elastic-login, "} {
		if !strings.Contains(y.err, want) {
			t.Errorf("nobody says %q:\n%s", want, y.err)
		}
	}
	if n := s.touched() - before; n != 0 {
		t.Errorf("%d changes were made", n)
	}
}

func doctorSaysTheWholeTable(s *scene) {
	t, f := s.t, s.fleet
	y := s.enter("doctor", "-o", "json").must(t, 0)
	var d diagnosis
	if err := json.Unmarshal([]byte(y.out), &d); err != nil {
		t.Fatalf("%v\n%s", err, y.out)
	}
	if d.Version != 1 || d.App != rehearsal.App || d.Exit != 0 || d.Passed != len(checks()) || d.Total != d.Passed || len(d.Checks) != d.Total {
		t.Errorf("%+v", d)
	}
	f.Servers[0].SetDiskFree(1)
	t.Cleanup(func() { f.Servers[0].SetDiskFree(50_000_000_000) })
	y = s.enter("doctor", "-o", "json").must(t, 7)
	if err := json.Unmarshal([]byte(y.out), &d); err != nil {
		t.Fatal(err)
	}
	disk := d.Checks[slices.IndexFunc(d.Checks, func(e examined) bool { return e.ID == checkDisk })]
	i := slices.IndexFunc(disk.Remarks, func(r remark) bool { return r.State == failed })
	if d.Exit != 7 || i < 0 || !slices.Equal(disk.Remarks[i].Servers, []string{"web-01"}) || disk.Remedy == "" {
		t.Errorf("%+v", disk)
	}
	s.pack = ""
	y = s.enter("doctor").must(t, 0)
	if row := rowsOf(y.out, checkSafe); !strings.Contains(row, "no package was given") {
		t.Errorf("without a package:\n%s", y.out)
	}
	if n := strings.Count(y.out, "\n"); n < len(checks()) {
		t.Errorf("%d lines for %d checks:\n%s", n, len(checks()), y.out)
	}
}

// located is a package of this machine as the flags name it.
func located(t *testing.T, path string) fetch.Reference {
	t.Helper()
	ref, err := fetch.Parse(path, "")
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// Each further look would show the login once more.
func TestNobodyWaitsForALockWithALoginThatIsRefused(t *testing.T) {
	t.Parallel()
	locked, refused := finding{check: checkLock, server: "web-01", state: failed}, finding{check: checkPassword, server: "web-02", state: failed}
	for want, all := range map[bool][]finding{true: {locked}, false: {locked, refused}} {
		if pf := (&preflight{board: &board{findings: all}}); pf.mayUnlock() != want {
			t.Errorf("another look at %v: %v", all, !want)
		}
	}
	if (&preflight{board: &board{findings: []finding{refused}}}).mayUnlock() {
		t.Error("nothing is locked, and it is waited for")
	}
}

func deploymentWaits(s *scene) {
	t, f := s.t, s.fleet
	release := holdLease(s)
	var said []string
	heard := func(text string) {
		said = append(said, text)
		release()
	}
	ses, err := begin(streams{getenv: func(string) string { return "" }}, f.Config(), heard)
	if err != nil {
		t.Fatal(err)
	}
	defer ses.close()
	ses.lockWait = time.Minute
	pf := ses.unlocked(t.Context(), order{pack: located(t, f.Package())})
	defer pf.close()
	if err := pf.verdict(); err != nil {
		t.Error(err)
	}
	if len(said) != 1 || !strings.Contains(said[0], "waiting for another run to end: run "+exampleRunID+" of alice holds it") {
		t.Errorf("said %q", said)
	}
}
