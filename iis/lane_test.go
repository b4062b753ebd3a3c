package iis_test

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"iiscanary/canary"
)

func TestALaneFromOldToNewAndBack(t *testing.T) {
	w := newWorld(t, setup{})
	f, ctx := w.fleet, t.Context()
	w.acquire(t)
	step := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
	}
	w.stage(t, old, site("1"))
	if s := w.truth(t, old); s.Site != "stopped" || s.Pool != "stopped" || s.SiteBoot || s.PoolBoot {
		t.Fatalf("a staged slot is %+v", s)
	}
	step("start old", f.Start(ctx, "web-01", old))
	step("own old", f.Own(ctx, "web-01", map[string]bool{old: true}))
	release := w.stage(t, new, site("2"))

	step("stop old", f.Stop(ctx, "web-01", old))
	if s := w.truth(t, old); s.Site != "stopped" || s.Pool != "stopped" || len(s.Workers) > 0 {
		t.Fatalf("a stopped slot is %+v", s)
	}
	step("start new", f.Start(ctx, "web-01", new))
	answers, err := f.Probe(ctx, "web-01", canary.Probe{Slot: new, Path: "/", First: 10 * time.Second, Each: time.Second, Requests: 3})
	step("probe new", err)
	worker := w.truth(t, new).Workers[0]
	for i, a := range answers {
		if a.Status != 200 || a.Took <= 0 || a.Worker != worker || a.Err != "" {
			t.Errorf("answer %d is %+v", i, a)
		}
	}
	if len(answers) != 4 {
		t.Errorf("%d answers, want 4", len(answers))
	}
	step("own new", f.Own(ctx, "web-01", map[string]bool{old: false, new: true}))

	slots, err := f.Slots(ctx, "web-01")
	step("slots", err)
	want := map[string]canary.Slot{
		old: {Name: old, Site: canary.Stopped, Pool: canary.Stopped, Version: old},
		new: {Name: new, Site: canary.Started, Pool: canary.Started, SiteBoot: true, PoolBoot: true, Version: new,
			Workers: []int{worker}, Digest: release.Digest},
	}
	for _, s := range slots {
		expected := want[s.Name]
		expected.Path = s.Path
		if s.Name == old {
			expected.Digest = s.Digest
		}
		if diff := cmp.Diff(expected, s); diff != "" {
			t.Error(diff)
		}
		if !strings.HasSuffix(s.Path, s.Name) {
			t.Errorf("%s is at %s", s.Name, s.Path)
		}
	}
	if n, err := f.Requests(ctx, "web-01", new); n != 0 || err != nil {
		t.Errorf("%d requests in flight, %v", n, err)
	}
	step("flush", f.Flush(ctx, "web-01"))
	removed, err := f.Prune(ctx, "web-01", []string{new})
	step("prune", err)
	if diff := cmp.Diff([]string{old}, removed); diff != "" {
		t.Error(diff)
	}
	if got := w.servers["web-01"].Truth().Running; !cmp.Equal(got, []string{new}) {
		t.Errorf("%v run", got)
	}
}

func TestStagingTwiceIsStagingOnce(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.stage(t, new, site("2"))
	creates := w.servers["web-01"].Truth().Ops["create"]
	w.stage(t, new, site("2"))
	if got := w.servers["web-01"].Truth().Ops; got["create"] != creates {
		t.Errorf("created %d times more", got["create"]-creates)
	}
}

func TestAStagedSlotIsNeverOverwritten(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	first := w.stage(t, new, site("2"))
	r := folder(t, site("another build with the same name"))
	w.fleet.Use(r)
	err := w.fleet.Stage(t.Context(), "web-01", canary.Release{Slot: new, Version: "2", Digest: r.Digest})
	if err == nil || !strings.Contains(err.Error(), "conflict") {
		t.Errorf("got %v", err)
	}
	if got := w.truth(t, new).Digest; got != first.Digest {
		t.Errorf("the digest is now %s", got)
	}
}

func TestOnlyThePackageAtHandIsStaged(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.fleet.Use(folder(t, site("2")))
	if err := w.fleet.Stage(t.Context(), "web-01", canary.Release{Slot: new, Digest: "0123"}); err == nil {
		t.Error("a release was staged from another package")
	}
}

func TestOnlyMissingContentTravels(t *testing.T) {
	w := newWorld(t, setup{})
	wire := countBytes(t, &w.options.Endpoints[0])
	w.fleet = w.another(t)
	w.acquire(t)
	files := site("1")
	files["big.bin"] = noise(512 << 10)
	w.stage(t, old, files)
	before := wire.Load()
	if before < 512<<10 {
		t.Fatalf("%d bytes on the wire: they are not counted", before)
	}
	files["bin/app.dll"] = "code of 2"
	files["copy of big.bin"] = files["big.bin"]
	release := w.stage(t, new, files)
	if n := wire.Load() - before; n > 128<<10 {
		t.Errorf("%d bytes travelled for one small file", n)
	}
	if got := w.truth(t, new).Digest; got != release.Digest {
		t.Errorf("digest %s, want %s", got, release.Digest)
	}
}

func TestAFileLargerThanABatchTravelsInRanges(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	files := site("1")
	files["big.bin"] = strings.Repeat("0123456789abcdef", (16<<20+32)/16)
	release := w.stage(t, new, files)
	if got := w.truth(t, new).Digest; got != release.Digest {
		t.Errorf("digest %s, want %s", got, release.Digest)
	}
	if n := w.servers["web-01"].Truth().Ops["put"]; n != 3 {
		t.Errorf("%d puts for 16 MiB and a little, want 3", n)
	}
}

// noise does not compress.
func noise(n int) string {
	r := rand.NewChaCha8([32]byte{1})
	b := make([]byte, n)
	_, _ = r.Read(b)
	return string(b)
}

func TestAPoolThatFailsIsToldInTheServersWords(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.stage(t, new, site("2"))
	w.servers["web-01"].RefuseStart(new)
	err := w.fleet.Start(t.Context(), "web-01", new)
	if err == nil || !strings.Contains(err.Error(), "pool_failed") || !strings.Contains(err.Error(), "web-01") {
		t.Errorf("got %v", err)
	}
}

func TestHelloAndSurvey(t *testing.T) {
	w := newWorld(t, setup{})
	h, err := w.fleet.Hello(t.Context(), "web-01")
	if err != nil {
		t.Fatal(err)
	}
	if h.Machine == "" || h.LanguageMode != "FullLanguage" || !h.Elevated || h.Services["W3SVC"] != "running" || h.DiskFree <= 0 {
		t.Errorf("hello says %+v", h)
	}
	if h.ClockOff.Abs() > time.Second {
		t.Errorf("the clock is %s off", h.ClockOff)
	}
	w.acquire(t)
	w.stage(t, new, site("2"))
	if err := w.fleet.Note(t.Context(), "web-01", "run-1", []string{"a", "b"}); err != nil {
		t.Fatal(err)
	}
	s, err := w.fleet.Survey(t.Context(), "web-01")
	if err != nil {
		t.Fatal(err)
	}
	if len(s.Slots) != 1 || s.Lease == nil || s.Lease.Run != "run-1" || s.Lease.Owner != "alice" || !cmp.Equal(s.Runs, []string{"run-1"}) {
		t.Errorf("survey says %+v", s)
	}
	if diff := cmp.Diff(w.options.Bindings, s.Bindings[new]); diff != "" {
		t.Error(diff)
	}
}

func TestNotesComeBackAsTheyWereWritten(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	for _, lines := range [][]string{{`{"seq":1,"err":"ü \u2028 \"quoted\""}`, `{"seq":2}`}, {`{"seq":3}`}} {
		if err := w.fleet.Note(t.Context(), "web-01", "run-1", lines); err != nil {
			t.Fatal(err)
		}
	}
	want := []string{`{"seq":1,"err":"ü \u2028 \"quoted\""}`, `{"seq":2}`, `{"seq":3}`}
	for _, run := range []string{"run-1", ""} {
		got, err := w.fleet.Notes(t.Context(), "web-01", run)
		if err != nil {
			t.Fatal(err)
		}
		if len(got) != 1 || got[0].Run != "run-1" {
			t.Fatalf("got %+v", got)
		}
		if diff := cmp.Diff(want, got[0].Lines); diff != "" {
			t.Error(diff)
		}
	}
}
