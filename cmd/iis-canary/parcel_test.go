package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// site is the files of the fleet's own package, and one with a setting in it.
func site(t *testing.T, f *rehearsal.Fleet) map[string]string {
	t.Helper()
	return siteOf(t, filepath.Join(filepath.Dir(f.Config()), "app.domain.com.3457.zip"))
}

func hashOf(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

func siteOf(t *testing.T, pack string) map[string]string {
	t.Helper()
	z, err := zip.OpenReader(pack)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	files := map[string]string{"appsettings.json": "{\r\n  // by environment\r\n  \"Db\": { \"Main\": \"dev\" },\r\n}\r\n"}
	for _, file := range z.File {
		body, err := file.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(body)
		if err != nil {
			t.Fatal(err)
		}
		files[file.Name] = string(text)
	}
	return files
}

func zipOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// nupkgOf is what `octo pack --format nupkg` makes.
func nupkgOf(t *testing.T, version string, files map[string]string) []byte {
	t.Helper()
	all := map[string]string{"[Content_Types].xml": "<Types/>", "_rels/.rels": "<Relationships/>",
		"app.nuspec": "<package><metadata><id>app</id><version>" + version + "</version></metadata></package>"}
	maps.Copy(all, files)
	return zipOf(t, all)
}

// webDeployOf is what `msbuild /t:Package` makes.
func webDeployOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	const root = "Content/C_C/build/obj/Release/Package/PackageTmp/"
	all := map[string]string{"archive.xml": `<sitemanifest><iisApp path="C:\build\obj\Release\Package\PackageTmp"/></sitemanifest>`,
		"parameters.xml": "<parameters/>", "systemInfo.xml": "<systemInfo/>"}
	for name, text := range files {
		all[root+name] = text
	}
	return zipOf(t, all)
}

func tarOf(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := w.WriteHeader(&tar.Header{Name: "./" + name, Mode: 0o644, Size: int64(len(files[name]))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// minisigned is a key of minisign, and what it signs.
func minisigned(t *testing.T) (public string, sign func([]byte) string) {
	t.Helper()
	own, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	base := func(parts ...string) string {
		return base64.StdEncoding.EncodeToString([]byte(strings.Join(parts, "")))
	}
	const id, comment = "8 bytes!", "build of the test"
	return base("Ed", id, string(own)), func(content []byte) string {
		sum := blake2b.Sum512(content)
		signed := string(ed25519.Sign(key, sum[:]))
		return "untrusted comment: x\n" + base("ED", id, signed) + "\ntrusted comment: " + comment + "\n" + base(string(ed25519.Sign(key, []byte(signed+comment)))) + "\n"
	}
}

// yard is a fleet of two servers and a folder with packages.
type yard struct {
	*rehearsal.Fleet
	t   *testing.T
	dir string
}

func newYard(t *testing.T, config string) yard {
	t.Helper()
	return newYardAt(t, "", config)
}

// newYardAt is a yard whose package is kept at https or s3.
func newYardAt(t *testing.T, pull, config string) yard {
	t.Helper()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: fleetSpeed, Traffic: fleetTraffic, Pull: pull, Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	y := yard{f, t, t.TempDir()}
	y.configure(config)
	return y
}

// configure adds to the configuration.
func (y yard) configure(more string) {
	y.t.Helper()
	text, err := os.ReadFile(y.Config())
	if err != nil {
		y.t.Fatal(err)
	}
	if err := os.WriteFile(y.Config(), append(text, more...), 0o600); err != nil {
		y.t.Fatal(err)
	}
}

// rewrite replaces something in the configuration.
func (y yard) rewrite(old, with string) {
	y.t.Helper()
	text, err := os.ReadFile(y.Config())
	if err != nil {
		y.t.Fatal(err)
	}
	if !strings.Contains(string(text), old) {
		y.t.Fatalf("the configuration does not say %q", old)
	}
	if err := os.WriteFile(y.Config(), []byte(strings.Replace(string(text), old, with, 1)), 0o600); err != nil {
		y.t.Fatal(err)
	}
}

// put writes a file beside the packages, or beside the configuration.
func (y yard) put(dir, name string, content []byte) string {
	y.t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		y.t.Fatal(err)
	}
	return path
}

// staged is a file of a slot, as each server has it.
func (y yard) staged(slot, name string) []string {
	y.t.Helper()
	var all []string
	err := filepath.WalkDir(filepath.Dir(y.Config()), func(path string, d fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(filepath.ToSlash(path), slot+"/"+name) {
			text, err := os.ReadFile(path)
			all = append(all, string(text))
			return err
		}
		return nil // a log that was rolled over in the meantime
	})
	if err != nil {
		y.t.Fatal(err)
	}
	return all
}

const planted = "hunter2-planted"

func TestPackagesOfEveryFormatDeployWithTheirSettings(t *testing.T) {
	t.Parallel()
	y := newYard(t, "settings: { json: { appsettings.json: { Db:Main: 'file:db' } } }\n")
	y.put(filepath.Dir(y.Config()), "db", []byte(planted+"\n"))
	files := site(t, y.Fleet)
	folder := filepath.Join(y.dir, "app.domain.com-3463")
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		y.put(folder, name, []byte(text))
	}
	want := strings.Replace(files["appsettings.json"], `"dev"`, `"`+planted+`"`, 1)
	for _, c := range []struct{ slot, path string }{
		{"app.domain.com-3461", y.put(y.dir, "anything.nupkg", nupkgOf(t, "3461", files))},
		{"app.domain.com-3462", y.put(y.dir, "app.domain.com.3462.tgz", tarOf(t, files))},
		{"app.domain.com-3463", folder},
		{"app.domain.com-3464", y.put(y.dir, "app.domain.com.3464.zip", zipOf(t, files))},
		{"app.domain.com-3465", y.put(y.dir, "app.domain.com.3465.zip", webDeployOf(t, files))},
	} {
		out := enter(t, "deploy", "-c", y.Config(), "--package", c.path, "--yes", "-o", "json").must(t, 0)
		everywhere(t, y.Fleet, c.slot)
		if got := y.staged(c.slot, "appsettings.json"); !slices.Equal(got, []string{want, want}) {
			t.Errorf("%s: the servers have %q", c.slot, got)
		}
		if strings.Contains(out.out+out.err, planted) {
			t.Errorf("%s: the setting is shown\n%s\n%s", c.slot, out.out, out.err)
		}
	}
	y.unseen()
}

// unseen holds that the planted secret is in no file but those that it was put into.
func (y yard) unseen() {
	y.t.Helper()
	err := filepath.WalkDir(filepath.Dir(y.Config()), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "appsettings.json") || filepath.Base(path) == "db" {
			return nil
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(planted)) {
			y.t.Errorf("the setting is in %s", path)
		}
		return err
	})
	if err != nil {
		y.t.Fatal(err)
	}
}

func TestASettingWithoutAPlaceStopsBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	y := newYard(t, "settings:\n  json:\n    appsettings.json: { Db:Mian: 'file:db' }\n")
	y.put(filepath.Dir(y.Config()), "db", []byte(planted))
	pack := y.put(y.dir, "app.domain.com.3461.zip", zipOf(t, site(t, y.Fleet)))
	out := enter(t, "deploy", "-c", y.Config(), "--package", pack, "--yes").must(t, 7)
	for _, want := range []string{"settings-fit", "canary.yaml:", ":25: settings.json.appsettings.json.Db:Mian: found no key \"Db:Mian\" in appsettings.json", "nearest: Db:Main"} {
		if !strings.Contains(out.err, want) {
			t.Errorf("nobody says %q:\n%s", want, out.err)
		}
	}
	if strings.Contains(out.err, planted) || y.Changes() > 0 {
		t.Errorf("%d changes\n%s", y.Changes(), out.err)
	}
}

func TestAPackageFromAWebServerMustBePinnedAndSigned(t *testing.T) {
	t.Parallel()
	y := newYard(t, "")
	public, sign := minisigned(t)
	pack := nupkgOf(t, "3461+build.7", site(t, y.Fleet))
	served := map[string]string{"/signed.nupkg": string(pack), "/signed.nupkg.minisig": sign(pack), "/unsigned.nupkg": string(pack),
		"/other.nupkg": string(pack), "/other.nupkg.minisig": sign([]byte("another"))}
	web := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, there := served[r.URL.Path]
		if !there || r.Header.Get("Authorization") != "Bearer "+planted {
			w.WriteHeader(http.StatusNotFound)
		}
		_, _ = io.WriteString(w, text)
	}))
	t.Cleanup(web.Close)
	dir := filepath.Dir(y.Config())
	y.put(dir, "packages-ca.pem", pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: web.Certificate().Raw}))
	y.put(dir, "token", []byte(planted))
	y.configure("package: { ca: packages-ca.pem, token: 'file:token', signature: { minisign: ['" + public + "'] } }\n")
	sum := fmt.Sprintf("%x", sha256.Sum256(pack))

	out := enter(t, "deploy", "-c", y.Config(), "--package", web.URL+"/signed.nupkg?sig="+planted, "--yes").must(t, 2)
	if !strings.Contains(out.err, "--package "+web.URL+"/signed.nupkg#sha256=HEX") || strings.Contains(out.err, planted) {
		t.Errorf("unpinned:\n%s", out.err)
	}
	for _, c := range []struct{ path, pin, row, why string }{
		{"/unsigned.nupkg", sum, "package-signed", "no signature is beside the package"},
		{"/other.nupkg", sum, "package-signed", "other.nupkg.minisig is not good: it is not over this package"},
		{"/signed.nupkg", strings.Repeat("0", 64), "package-readable", "is not the package that is meant"},
		{"/none.nupkg", sum, "package-readable", "404 Not Found"},
	} {
		out := enter(t, "deploy", "-c", y.Config(), "--package", web.URL+c.path, "--package-sha256", c.pin, "--yes").must(t, 7)
		if !strings.Contains(out.err, c.row) || !strings.Contains(out.err, c.why) || strings.Contains(out.err, planted) {
			t.Errorf("%s:\n%s", c.path, out.err)
		}
	}
	folder := filepath.Join(y.dir, "folder")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	if out := enter(t, "plan", "-c", y.Config(), "--package", folder).must(t, 7); !strings.Contains(out.err, "nobody can sign") {
		t.Errorf("a folder:\n%s", out.err)
	}
	if n := y.Changes(); n > 0 {
		t.Fatalf("%d changes before a package was good", n)
	}
	saved := filepath.Join(y.dir, "plan.json")
	enter(t, "plan", "-c", y.Config(), "--package", web.URL+"/signed.nupkg#sha256="+sum, "--out", saved).must(t, 0)
	enter(t, "deploy", "-c", y.Config(), "--plan", saved, "--yes").must(t, 0)
	everywhere(t, y.Fleet, "app.domain.com-3461.build.7")
}
