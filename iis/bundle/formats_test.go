package bundle_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"iiscanary/iis/bundle"
)

// member is an entry of a tar.
type member struct {
	name, content string
	kind          byte // of tar; 0: a file
	to            string
	size          int64 // claimed; 0: of the content
}

func tarBytes(t testing.TB, members ...member) []byte {
	t.Helper()
	var out bytes.Buffer
	w := tar.NewWriter(&out)
	for _, m := range members {
		h := &tar.Header{Name: m.name, Mode: 0o644, Size: max(m.size, int64(len(m.content))), Typeflag: m.kind, Linkname: m.to}
		if m.kind == 0 {
			h.Typeflag = tar.TypeReg
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, m.content); err != nil {
			t.Fatal(err)
		}
	}
	_ = w.Close() // fails where a member is shorter than it claims, which is what some want
	return out.Bytes()
}

func gzipped(t testing.TB, content []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	if _, err := w.Write(content); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func tarred(t testing.TB, members ...member) []byte {
	t.Helper()
	return gzipped(t, tarBytes(t, members...))
}

// nugetParts are the files of a NuGet package around those of the site, as `octo pack` and NuGet write them.
func nugetParts(version string, site ...packed) []packed {
	return append([]packed{
		{name: "_rels/.rels", content: "<Relationships/>"},
		{name: "[Content_Types].xml", content: "<Types/>"},
		{name: "app.domain.com.nuspec", content: "\ufeff<?xml version=\"1.0\"?>\n<package xmlns=\"http://schemas.microsoft.com/packaging/2010/07/nuspec.xsd\">" +
			"<metadata><id>app.domain.com</id><version>" + version + "</version></metadata></package>"},
		{name: "package/services/metadata/core-properties/1a2b.psmdcp", content: "<coreProperties/>"},
		{name: ".signature.p7s", content: "signed"},
	}, site...)
}

// webDeployParts are the files of a Web Deploy package around those of a site that was built in a folder.
func webDeployParts(built, parameters string, site ...packed) []packed {
	root := "Content/" + strings.ReplaceAll(strings.Replace(built, `:\`, "_C/", 1), `\`, "/") + "/"
	parts := []packed{
		{name: "archive.xml", content: `<?xml version="1.0" encoding="utf-8"?><sitemanifest MSDeploy.ObjectResolver.createApp="x"><IisApp path="` +
			built + `" managedRuntimeVersion="v4.0"><createApp path="" /><contentPath path="` + built + `"><dirPath path="` + built + `">` +
			`<filePath name="web.config" size="1" /></dirPath></contentPath></IisApp></sitemanifest>`},
		{name: "parameters.xml", content: `<parameters><parameter name="IIS Web Application Name" defaultValue="x" tags="IisApp"><parameterEntry kind="ProviderPath" scope="IisApp" match="x" /></parameter>` +
			parameters + `</parameters>`},
		{name: "systemInfo.xml", content: "<systemInfo/>"},
	}
	for _, f := range site {
		f.name = root + f.name
		parts = append(parts, f)
	}
	return parts
}

// The same site makes the same release, whatever packed it.
func TestEveryFormatMakesTheSameRelease(t *testing.T) {
	site := map[string]string{"web.config": "<configuration/>", "bin/App.dll": "\x00\x01binary", "bin/empty": "", "a b+c/Ünïcode.txt": "x"}
	dir := filepath.Join(t.TempDir(), "app.domain.com-3457")
	var files, escaped []packed
	members := []member{{name: "./", kind: tar.TypeDir}, {name: "pax_global_header", kind: tar.TypeXGlobalHeader}, {name: "./bin/", kind: tar.TypeDir}}[:1]
	for name, content := range site {
		files = append(files, packed{name: name, content: content})
		escaped = append(escaped, packed{name: strings.NewReplacer(" ", "%20", "+", "%2B", "Ü", "%C3%9C").Replace(name), content: content})
		members = append(members, member{name: "./" + name, content: content})
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := bundle.Open(dir, "app.domain.com")
	if err != nil {
		t.Fatal(err)
	}
	content := func(in []packed) []packed {
		var out []packed
		for _, f := range in {
			f.name = "content/" + f.name
			out = append(out, f)
		}
		return out
	}
	for _, c := range []struct {
		format, version string
		archive         []byte
	}{
		{"zip", "app.domain.com.1.pack", zipped(t, files...)},
		{"octopus nupkg", "7.8.9", zipped(t, nugetParts("7.8.9", escaped...)...)},
		{"nupkg with a folder content", "7.8.9-rc.1", zipped(t, nugetParts(" 7.8.9-rc.1\n", content(escaped)...)...)},
		{"nupkg without a version", "app.domain.com.1.pack", zipped(t, nugetParts("", files...)...)},
		{"tar.gz", "app.domain.com.1.pack", tarred(t, members...)},
		{"web deploy", "app.domain.com.1.pack", zipped(t, webDeployParts(`C:\agent\_work\1\obj\Release\Package\PackageTmp`, "", files...)...)},
		{"web deploy, root by web.config", "app.domain.com.1.pack", zipped(t, append(webDeployParts(`D:\elsewhere`, ""), webDeployParts(`C:\really here`, "", files...)[3:]...)...)},
	} {
		t.Run(c.format, func(t *testing.T) {
			got, err := unpacked(c.archive, "app.domain.com.1.pack")
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			if diff := cmp.Diff(want.Files, got.Files); diff != "" || got.Digest != want.Digest {
				t.Errorf("digest %s, want %s\n%s", got.Digest, want.Digest, diff)
			}
			if name := strings.TrimPrefix(c.version, "app.domain.com."); got.Version != name {
				t.Errorf("version %q, want %q", got.Version, name)
			}
			for _, f := range got.Files {
				body, err := got.Open(f.Path)
				if err != nil {
					t.Fatal(err)
				}
				if text, err := io.ReadAll(body); err != nil || string(text) != site[f.Path] {
					t.Errorf("%s reads as %q, %v", f.Path, text, err)
				}
				if err := body.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestAZipKeepsPercentSignsInItsNames(t *testing.T) {
	r, err := read(t, packed{name: "a%20b.txt", content: "x"}, packed{name: "100%", content: "y"})
	if err != nil {
		t.Fatal(err)
	}
	if got := []string{r.Files[0].Path, r.Files[1].Path}; !cmp.Equal(got, []string{"100%", "a%20b.txt"}) {
		t.Errorf("files are %q", got)
	}
}

func TestTheTemporaryFileOfATarGzGoesWithTheRelease(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	r, err := unpacked(tarred(t, member{name: "a", content: "x"}), "a.tgz")
	if err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 {
		t.Fatalf("%v lie about, %v", left, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := unpacked(tarred(t, member{name: "../a", content: "x"}), "a.tgz"); err == nil {
		t.Error("it was taken")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v lie about, %v", left, err)
	}
}

func TestAReplacedFileMakesAnotherRelease(t *testing.T) {
	r, err := read(t, packed{name: "a", content: "1"}, packed{name: "b", content: "22"})
	if err != nil {
		t.Fatal(err)
	}
	was, files := r.Digest, r.Files
	if err := r.Replace(map[string][]byte{"a": []byte("new"), "c": nil}); err == nil || r.Digest != was {
		t.Errorf("a file that is not there was replaced: %v", err)
	}
	if err := r.Replace(map[string][]byte{"a": []byte("new")}); err != nil {
		t.Fatal(err)
	}
	same, err := read(t, packed{name: "a", content: "new"}, packed{name: "b", content: "22"})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(same.Files, r.Files); diff != "" || r.Digest != same.Digest || r.Bytes != 5 {
		t.Errorf("digest %s, want %s, %d bytes\n%s", r.Digest, same.Digest, r.Bytes, diff)
	}
	if files[0].Size != 1 {
		t.Error("the list that others hold has changed")
	}
	body, err := r.Open("a")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(body); err != nil || string(text) != "new" {
		t.Errorf("it reads as %q, %v", text, err)
	}
}
