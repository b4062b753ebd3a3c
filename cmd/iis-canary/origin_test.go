package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/cmd/iis-canary/rehearsal/depot"
	"iiscanary/iis/iistest"
)

// type enters a command where the fleet's S3 is.
func (y yard) enter(words ...string) typed {
	y.t.Helper()
	return enterWith(y.t, y.Environment(), append(words, "-c", y.Config())...)
}

// fetched counts the archives that were sent to who signs in one way: header is the program, query a server.
func (y yard) fetched(how string) int {
	n := 0
	for _, a := range y.Depot.Asked() {
		if a.How == how && a.Status == 200 {
			n++
		}
	}
	return n
}

func (y yard) puts() int {
	n := 0
	for _, s := range y.Servers {
		n += s.Truth().Ops["put"]
	}
	return n
}

func TestAnObjectOfS3OnTheCommandLine(t *testing.T) {
	t.Parallel()
	y := newYardAt(t, rehearsal.PullS3, "")
	object, _, _ := strings.Cut(y.Package(), "#")
	for _, c := range []struct{ pack, row, why string }{
		{object + "#version=another", "package-readable", "there is no such bucket, object or version"},
		{object + "#sha256=" + strings.Repeat("0", 64), "package-readable", "is not the package that is meant"},
		{"s3://releases/none.zip#version=1", "package-readable", "404 Not Found"},
		{"s3://elsewhere/x.zip#version=1", "package-readable", "404 Not Found"},
	} {
		out := y.enter("deploy", "--package", c.pack, "--yes").must(t, 7)
		if !strings.Contains(out.err, c.row) || !strings.Contains(out.err, c.why) {
			t.Errorf("%s:\n%s", c.pack, out.err)
		}
	}
	if out := y.enter("deploy", "--package", object, "--yes").must(t, 2); !strings.Contains(out.err, object+"#version=ID") {
		t.Errorf("unpinned:\n%s", out.err)
	}
	y.Depot.Refuse("header", 403)
	if out := y.enter("plan", "--package", y.Package()).must(t, 7); !strings.Contains(out.err, "s3:GetObject, and s3:GetObjectVersion") {
		t.Errorf("refused:\n%s", out.err)
	}
	y.Depot.Refuse("header", 0)
	if y.Changes() > 0 {
		t.Fatalf("%d changes before there was a package", y.Changes())
	}

	y.Depot.Move("us-west-2") // the configuration says eu-west-1
	out := y.enter("deploy", "--package", y.Package(), "--yes", "-o", "json").must(t, 0)
	everywhere(t, y.Fleet, rehearsal.NewSlot)
	if y.fetched("query") != 2 || y.puts() != 0 {
		t.Errorf("the servers fetched %d archives and were sent %d", y.fetched("query"), y.puts())
	}
	if strings.Contains(out.out+out.err, "X-Amz") {
		t.Errorf("a signed address is shown:\n%s\n%s", out.out, out.err)
	}
}

func TestAServerThatMayNotFetchThePackage(t *testing.T) {
	t.Parallel()
	y := newYardAt(t, rehearsal.PullHTTPS, "")
	whole, err := os.ReadFile(filepath.Join(filepath.Dir(y.Config()), "app.domain.com.3457.zip"))
	if err != nil {
		t.Fatal(err)
	}
	tarred := tarOf(t, site(t, y.Fleet))
	y.Depot.Put("/web/app.domain.com.3459.tgz", depot.Object{Content: tarred})
	local := y.put(y.dir, "app.domain.com.3460.zip", whole)
	for _, c := range []struct{ pack, why string }{
		{local, "is on this machine, where no server can fetch it (package.pull: only)"},
		{y.Depot.URL() + "/web/app.domain.com.3459.tgz#sha256=" + hashOf(tarred), "is a tar.gz, and servers can take apart a zip only"},
	} {
		if out := y.enter("deploy", "--package", c.pack, "--yes").must(t, 7); !strings.Contains(out.err, c.why) || !strings.Contains(out.err, "package-readable") {
			t.Errorf("%s:\n%s", c.pack, out.err)
		}
	}
	if y.Changes() > 0 {
		t.Errorf("%d changes", y.Changes())
	}

	// The web server lets the program in, and no server: they present themselves otherwise.
	y.Depot.Refuse("iis-canary", 403)
	out := y.enter("deploy", "--package", y.Package(), "--yes").must(t, 7)
	if !strings.Contains(out.err, "web-01: fetch "+y.Depot.URL()+"/web/app.domain.com.3457.zip by itself: ") || !strings.Contains(out.err, "localhost answers 403") {
		t.Errorf("only:\n%s", out.err)
	}
	everywhere(t, y.Fleet, rehearsal.OldSlot)

	y.rewrite("pull: only", "pull: prefer")
	out = y.enter("deploy", "--package", y.Package(), "--yes").must(t, 0)
	for i := range y.Servers {
		if n := strings.Count(out.err, fmt.Sprintf("web-%02d cannot fetch", i+1)); n != 1 {
			t.Errorf("said %d times of server %d:\n%s", n, i+1, out.err)
		}
	}
	everywhere(t, y.Fleet, rehearsal.NewSlot)
	if y.puts() == 0 {
		t.Error("nothing travelled from here")
	}
}

func TestAResumeGetsTheVeryPackageAndSettingsOfItsRun(t *testing.T) {
	t.Parallel()
	y := newYardAt(t, rehearsal.PullHTTPS, "settings: { json: { appsettings.json: { Db:Main: 'file:db' } } }\n")
	dir := filepath.Dir(y.Config())
	y.put(dir, "db", []byte(planted))
	pack := zipOf(t, site(t, y.Fleet))
	const at = "/web/app.domain.com.3461.zip"
	y.Depot.Put(at, depot.Object{Content: pack})

	y.Depot.Hold("iis-canary", true)
	cmd := background(t, "deploy", "-c", y.Config(), "--package", y.Depot.URL()+at+"#sha256="+hashOf(pack), "--yes")
	asked := func() (n int) {
		for _, a := range y.Depot.Asked() {
			if a.UserAgent == "iis-canary" {
				n++
			}
		}
		return n
	}
	until(t, "a server fetches the package", func() bool { return asked() > 0 })
	cmd.kill()
	y.Depot.Hold("iis-canary", false)

	y.put(dir, "db", []byte("another"))
	if out := y.enter("resume").must(t, 7); !strings.Contains(out.err, "with the settings as they are now, is not the release of run") || strings.Contains(out.err, planted) {
		t.Errorf("with another setting:\n%s", out.err)
	}
	y.put(dir, "db", []byte(planted))
	y.Depot.Put(at, depot.Object{Content: zipOf(t, map[string]string{"web.config": "<other/>"})})
	if out := y.enter("resume"); out.code != 7 || !strings.Contains(out.err, "is not the package that is meant") || !strings.Contains(out.err, "not every server has the release: web-01, web-02") {
		t.Errorf("with other bytes there: exit %d\n%s", out.code, out.err)
	}
	everywhere(t, y.Fleet, rehearsal.OldSlot)
	y.Depot.Put(at, depot.Object{Content: pack})
	y.enter("resume").must(t, 0)
	everywhere(t, y.Fleet, "app.domain.com-3461")
	y.unseen()
}

func TestAResumeThatNeedsNoPackageStillNeedsItsSettings(t *testing.T) {
	t.Parallel()
	y := newYard(t, "settings: { json: { appsettings.json: { Db:Main: 'file:db' } } }\n")
	dir := filepath.Dir(y.Config())
	y.put(dir, "db", []byte(planted))
	pack := y.put(y.dir, "app.domain.com.3461.zip", zipOf(t, site(t, y.Fleet)))
	cmd := underwayWith(t, y.Fleet, "deploy", "-c", y.Config(), "--package", pack, "--yes")
	cmd.kill()
	y.put(dir, "db", []byte("another"))
	if out := y.enter("resume").must(t, 7); !strings.Contains(out.err, "with the settings as they are now") {
		t.Errorf("with another setting:\n%s", out.err)
	}
	if err := os.Remove(pack); err != nil {
		t.Fatal(err)
	}
	if out := y.enter("resume").must(t, 0); !strings.Contains(out.err, "the package is not here any more") {
		t.Errorf("without the package:\n%s", out.err)
	}
	everywhere(t, y.Fleet, "app.domain.com-3461")
}

func TestFilesThatMustBeSignedForWindows(t *testing.T) {
	t.Parallel()
	y := newYard(t, "package: { authenticode: { files: ['BIN\\App.*.dll'], allow: [Contoso Ltd] } }\n")
	files := site(t, y.Fleet)
	unsigned := y.put(y.dir, "app.domain.com.3461.zip", zipOf(t, files))
	files["bin/App.Web.dll"] = iistest.Sign(files["bin/App.Web.dll"], "CN=Contoso Ltd, C=US", "0123456789ABCDEF0123456789ABCDEF01234567", 0)
	signed := y.put(y.dir, "app.domain.com.3462.zip", zipOf(t, files))
	out := y.enter("deploy", "--package", unsigned, "--yes").must(t, 7)
	if !strings.Contains(out.err, "web-01: bin/App.Web.dll is not signed; allowed: Contoso Ltd (package.authenticode)") {
		t.Errorf("unsigned:\n%s", out.err)
	}
	everywhere(t, y.Fleet, rehearsal.OldSlot)
	if n := y.Listed(); n != 2 {
		t.Errorf("%d servers in rotation", n)
	}
	again := y.enter("deploy", "--package", unsigned, "--yes").must(t, 7) // its files are there now
	if !strings.Contains(again.err, "package-signed") || !strings.Contains(again.err, "web-02: bin/App.Web.dll is not signed") {
		t.Errorf("again:\n%s", again.err)
	}
	delete(files, "bin/App.Web.dll")
	none := y.put(y.dir, "app.domain.com.3463.zip", zipOf(t, files))
	if out := y.enter("plan", "--package", none).must(t, 7); !strings.Contains(out.err, "package-signed") || !strings.Contains(out.err, `package.authenticode.files[0]: found no file "BIN\\App.*.dll" in the package`) {
		t.Errorf("no such file:\n%s", out.err)
	}
	y.enter("deploy", "--package", signed, "--yes").must(t, 0)
	everywhere(t, y.Fleet, "app.domain.com-3462")
}
