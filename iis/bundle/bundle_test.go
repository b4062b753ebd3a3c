package bundle_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"iiscanary/iis/bundle"
)

type packed struct {
	name, content string
	mode          os.FileMode
}

func zipped(t testing.TB, files ...packed) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, f := range files {
		h := &zip.FileHeader{Name: f.name, Method: zip.Deflate}
		if f.mode != 0 {
			h.SetMode(f.mode)
		}
		body, err := w.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(body, f.content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func read(t testing.TB, files ...packed) (*bundle.Release, error) {
	t.Helper()
	return unpacked(zipped(t, files...), "app.zip")
}

// source is an archive in memory.
type source struct{ *bytes.Reader }

func (source) Close() error { return nil }

func unpacked(archive []byte, name string) (*bundle.Release, error) {
	return bundle.Read(source{bytes.NewReader(archive)}, int64(len(archive)), name, "app.domain.com")
}

func TestAZipAndAFolderMakeTheSameRelease(t *testing.T) {
	files := map[string]string{"web.config": "<configuration/>", "bin/App.dll": "\x00\x01binary", "bin/empty": "", "Ünïcode/ß.txt": "x"}
	dir := filepath.Join(t.TempDir(), "app.domain.com-3457")
	var in []packed
	for name, content := range files {
		in = append(in, packed{name: strings.ReplaceAll(name, "/", `\`), content: content}) // as old .NET packs
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	archive := filepath.Join(t.TempDir(), "app.domain.com.3457.ZIP")
	if err := os.WriteFile(archive, zipped(t, append(in, packed{name: "empty folder/"})...), 0o644); err != nil {
		t.Fatal(err)
	}
	var releases []*bundle.Release
	for _, path := range []string{dir, archive} {
		r, err := bundle.Open(path, "app.domain.com")
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		releases = append(releases, r)
		for _, f := range r.Files {
			body, err := r.Open(f.Path)
			if err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(body)
			body.Close()
			if err != nil || string(got) != files[f.Path] {
				t.Errorf("%s reads as %q, %v", f.Path, got, err)
			}
			if want := fmt.Sprintf("%x", sha256.Sum256(got)); f.SHA256 != want || f.Size != int64(len(got)) {
				t.Errorf("%s is listed as %s with %d bytes", f.Path, f.SHA256, f.Size)
			}
		}
	}
	a, b := releases[0], releases[1]
	if diff := cmp.Diff(a.Files, b.Files); diff != "" || a.Digest != b.Digest || a.Version != "3457" || b.Version != "3457" {
		t.Errorf("digests %s and %s, versions %s and %s, files:\n%s", a.Digest, b.Digest, a.Version, b.Version, diff)
	}
	if len(a.Files) != len(files) {
		t.Errorf("%d files, want %d", len(a.Files), len(files))
	}
	if _, err := a.Open("web.config/.."); err == nil {
		t.Error("a path that is not listed was opened")
	}
}

// The digest is a contract with what servers have stored: it must not change.
func TestTheDigestIsOverTheSortedList(t *testing.T) {
	r, err := read(t, packed{name: "b", content: "2"}, packed{name: "a", content: "1"})
	if err != nil {
		t.Fatal(err)
	}
	list := fmt.Sprintf("a\x001\x00%x\nb\x001\x00%x\n", sha256.Sum256([]byte("1")), sha256.Sum256([]byte("2")))
	if want := fmt.Sprintf("%x", sha256.Sum256([]byte(list))); r.Digest != want {
		t.Errorf("got %s, want %s", r.Digest, want)
	}
}

func TestEveryReasonToRefuseIsGivenAtOnce(t *testing.T) {
	bad := []struct{ name, why string }{
		{"../evil.txt", "leads out"},
		{`bin\..\..\evil.txt`, "leads out"},
		{"/etc/passwd", "absolute"},
		{`\\server\share\x`, "absolute"},
		{`C:\windows\x`, "drive"},
		{"c:x", "drive"},
		{"a//b", "empty part"},
		{"./a", "empty part"},
		{"con", "device"},
		{"bin/LPT1.dll", "device"},
		{"x/nul.tar.gz", "device"},
		{"what?.txt", "character"},
		{"stream.txt:hidden", "character"},
		{"bell\a", "character"},
		{"dot.", "ends in a dot"},
		{"blank ", "ends in a dot"},
		{strings.Repeat("long/", 41) + "x", "longer than"},
		{".CANARY.json", "records"},
		{"\xff\xfe", "UTF-8"},
	}
	files := []packed{
		{name: "Web.config", content: "x"}, {name: "web.CONFIG", content: "y"},
		{name: "bin", content: "a file"}, {name: "BIN/app.dll", content: "x"},
		{name: "link", content: "target", mode: os.ModeSymlink | 0o777},
		{name: "bomb", content: strings.Repeat("\x00", 4<<20)},
	}
	for _, b := range bad {
		files = append(files, packed{name: b.name, content: "x"})
	}
	_, err := read(t, files...)
	var refused *bundle.RefusedError
	if !errors.As(err, &refused) {
		t.Fatalf("got %v", err)
	}
	all := strings.Join(refused.Reasons, "\n")
	for _, b := range bad {
		if !hasReason(refused.Reasons, fmt.Sprintf("%q", b.name), b.why) {
			t.Errorf("%q: no reason with %q in:\n%s", b.name, b.why, all)
		}
	}
	for _, want := range [][2]string{{"Web.config", "same file"}, {`"bin"`, "a folder in"}, {`"link"`, "symbolic link"}, {`"bomb"`, "times its packed size"}} {
		if !hasReason(refused.Reasons, want[0], want[1]) {
			t.Errorf("%s: no reason with %q in:\n%s", want[0], want[1], all)
		}
	}
	if len(refused.Reasons) != len(bad)+4 {
		t.Errorf("%d reasons for %d mistakes:\n%s", len(refused.Reasons), len(bad)+4, all)
	}
}

func hasReason(reasons []string, parts ...string) bool {
	for _, r := range reasons {
		all := true
		for _, p := range parts {
			all = all && strings.Contains(r, p)
		}
		if all {
			return true
		}
	}
	return false
}

func TestAnEmptyPackageIsRefused(t *testing.T) {
	_, err := read(t, packed{name: "folder/"})
	if err == nil || !strings.Contains(err.Error(), "no files") {
		t.Errorf("got %v", err)
	}
	if _, err := bundle.Open(t.TempDir(), "app"); err == nil {
		t.Error("an empty folder was taken")
	}
}

func TestALinkInAFolderIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "a"), []byte("x"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/etc/passwd", filepath.Join(dir, "b")); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Open(dir, "app"); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("got %v", err)
	}
}

// A build often leaves a link to its newest folder.
func TestAFolderMayBeNamedByALink(t *testing.T) {
	dir := t.TempDir()
	publish := filepath.Join(dir, "publish")
	if err := os.MkdirAll(filepath.Join(publish, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(publish, "bin", "a.dll"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for link, to := range map[string]string{"App-3457": publish, "App-3458": "App-3457"} {
		if err := os.Symlink(to, filepath.Join(dir, link)); err != nil {
			t.Fatal(err)
		}
	}
	want, err := bundle.Open(publish, "App")
	if err != nil {
		t.Fatal(err)
	}
	for link, version := range map[string]string{"App-3457": "3457", "App-3458": "3458"} {
		r, err := bundle.Open(filepath.Join(dir, link), "App")
		if err != nil {
			t.Errorf("%s: %v", link, err)
		} else if r.Digest != want.Digest || r.Version != version {
			t.Errorf("%s: version %s, %+v", link, r.Version, r.Files)
		}
	}
	if err := os.Symlink("bin", filepath.Join(publish, "inside")); err != nil {
		t.Fatal(err)
	}
	if _, err := bundle.Open(filepath.Join(dir, "App-3457"), "App"); err == nil || !strings.Contains(err.Error(), "symbolic link") {
		t.Errorf("a link inside: %v", err)
	}
}

func TestVersionOf(t *testing.T) {
	for _, test := range []struct{ name, app, want string }{
		{"app.domain.com.3457.zip", "app.domain.com", "3457"},
		{"app.domain.com-3457.zip", "app.domain.com", "3457"},
		{"app.domain.com.1.2.3-beta.4.zip", "app.domain.com", "1.2.3-beta.4"},
		{"app.domain.com-v2.ZIP", "app.domain.com", "2"},
		{"Shop-Web-2.0.1.zip", "app.domain.com", "2.0.1"},
		{"Shop.2024.1.zip", "app.domain.com", "2024.1"},
		{"app.domain.com-3457", "app.domain.com", "3457"},
		{"publish", "app.domain.com", "publish"},
		{"app.domain.com.3457.tar.gz", "app.domain.com", "3457"},
		{"app.domain.com-3457.TGZ", "app.domain.com", "3457"},
		{"app.domain.com.1.2.3.nupkg", "app.domain.com", "1.2.3"},
		{".zip", "app.domain.com", ".zip"},
	} {
		if got := bundle.VersionOf(test.name, test.app); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}

// Whatever is in a zip: either it is refused, or every path stays inside its folder and is one file on Windows.
func TestNothingLeavesItsFolder(t *testing.T) {
	part := rapid.OneOf(rapid.SampledFrom([]string{"..", ".", "", "a", "A", "con", "a.", "x:y", "bin"}), rapid.StringMatching(`[a-zA-Z. ]{1,3}`))
	rapid.Check(t, func(rt *rapid.T) {
		var in []packed
		for range rapid.IntRange(1, 4).Draw(rt, "files") {
			parts := rapid.SliceOfN(part, 1, 4).Draw(rt, "parts")
			name := strings.Join(parts, rapid.SampledFrom([]string{"/", `\`}).Draw(rt, "by"))
			content := "x"
			if strings.HasSuffix(name, "/") {
				content = "" // a folder
			}
			in = append(in, packed{name: name, content: content})
		}
		r, err := read(t, in...)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, f := range r.Files {
			if !filepath.IsLocal(f.Path) || strings.ContainsAny(f.Path, `\:`) || strings.HasSuffix(f.Path, ".") {
				rt.Errorf("%q was taken", f.Path)
			}
			if low := strings.ToLower(f.Path); seen[low] {
				rt.Errorf("%q is there twice", f.Path)
			} else {
				seen[low] = true
			}
		}
	})
}
