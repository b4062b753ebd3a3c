package iis_test

import (
	"fmt"
	"io"
	"testing"

	"iiscanary/canary"
	"iiscanary/iis/bundle"
	"iiscanary/iis/overlay"
)

// application is a site of some size: most of it does not compress, as binaries and pictures do not.
func application(files, bytesEach int) map[string]string {
	all := map[string]string{
		"appsettings.json": "{\r\n  // by environment\r\n  \"ConnectionStrings\": { \"Main\": \"Server=dev\" },\r\n  \"Cache\": { \"Minutes\": 5 }\r\n}\r\n",
		"web.config":       `<configuration><appSettings><add key="Mode" value="dev"/></appSettings></configuration>`,
	}
	content := noise(files * bytesEach)
	for i := range files {
		all[fmt.Sprintf("wwwroot/lib/part-%02d/asset-%04d.bin", i%20, i)] = content[i*bytesEach : (i+1)*bytesEach]
	}
	return all
}

// use stages a release into a slot of web-01.
func (w *world) use(t testing.TB, slot string, r *bundle.Release) {
	t.Helper()
	w.fleet.Use(r)
	release := canary.Release{Slot: slot, Version: slot, Digest: r.Digest, Files: len(r.Files), Bytes: r.Bytes}
	if err := w.fleet.Stage(t.Context(), "web-01", release); err != nil {
		t.Fatal(err)
	}
}

func paths(r *bundle.Release) []string {
	var all []string
	for _, f := range r.Files {
		all = append(all, f.Path)
	}
	return all
}

func TestAnotherSettingIsAnotherReleaseThatTransfersAlmostNothing(t *testing.T) {
	w := newWorld(t, setup{})
	wire := countBytes(t, &w.options.Endpoints[0])
	w.fleet = w.another(t)
	w.acquire(t)
	files := application(200, 20_000)
	r := folder(t, files)
	w.use(t, old, r)
	before, whole, puts := r.Digest, wire.Load(), w.servers["web-01"].Truth().Ops["put"]

	live := overlay.Overlay{JSON: []overlay.JSONFile{{Path: "appsettings.json", Settings: []overlay.Setting{
		{Key: "ConnectionStrings:Main", Value: overlay.NewValue("Server=live;Password=hunter2", overlay.Same)},
	}}}}
	contents, mismatches, err := live.Apply(paths(r), func(path string) (io.ReadCloser, error) { return r.Open(path) })
	if err != nil || len(mismatches) > 0 {
		t.Fatal(mismatches, err)
	}
	if err := r.Replace(contents); err != nil {
		t.Fatal(err)
	}
	if r.Digest == before {
		t.Fatal("the release is still the same")
	}
	w.use(t, new, r)
	if got := w.truth(t, new).Digest; got != r.Digest {
		t.Errorf("the server has %s, want %s", got, r.Digest)
	}
	if n := w.servers["web-01"].Truth().Ops["put"] - puts; n != 1 {
		t.Errorf("%d puts for one file", n)
	}
	again := wire.Load() - whole
	t.Logf("the release: %d bytes; first sent as %d, with another setting as %d (%.2f %%)", r.Bytes, whole, again, 100*float64(again)/float64(r.Bytes))
	if again*50 > r.Bytes {
		t.Errorf("%d bytes travelled for one setting, of a release of %d", again, r.Bytes)
	}
}

// BenchmarkAReleaseInWhichOnePercentOfTheFilesChanged counts what travels: the list of files, and the files that are new.
func BenchmarkAReleaseInWhichOnePercentOfTheFilesChanged(b *testing.B) {
	const files, each = 1000, 40_000
	content := application(files, each)
	for b.Loop() {
		b.StopTimer()
		w, sent := benchWorld(b)
		first := folder(b, content)
		w.use(b, old, first)
		was := sent()
		changed := noise(files / 100 * each)
		next := map[string]string{}
		for name, text := range content {
			next[name] = text
		}
		for i := range files / 100 {
			next[fmt.Sprintf("wwwroot/lib/part-%02d/asset-%04d.bin", i*100%20, i*100)] = "new" + changed[i*each:(i+1)*each-3]
		}
		second := folder(b, next)
		b.StartTimer()
		w.use(b, new, second)
		b.StopTimer()
		share := 100 * float64(sent()-was) / float64(second.Bytes)
		b.ReportMetric(share, "%sent")
		b.ReportMetric(float64(sent()-was), "bytes/release")
		if share >= 3 {
			b.Errorf("%.2f %% of the release travelled", share)
		}
		b.StartTimer()
	}
}

// benchWorld is a world whose wire is counted.
func benchWorld(b *testing.B) (*world, func() int64) {
	b.Helper()
	w := newWorld(b, setup{})
	wire := countBytes(b, &w.options.Endpoints[0])
	w.fleet = w.another(b)
	w.acquire(b)
	return w, wire.Load
}
