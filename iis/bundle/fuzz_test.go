package bundle_test

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"iiscanary/iis/bundle"
)

// fuzzOpen holds that whatever an archive is: it is refused, or every file of it stays in its folder and reads as listed.
func fuzzOpen(t *testing.T, archive []byte) {
	r, err := unpacked(archive, "fuzz")
	if err != nil {
		if r != nil {
			t.Error("an error, and a release")
		}
		if bad, is := errors.AsType[*bundle.RefusedError](err); !is || len(bad.Reasons) == 0 {
			t.Errorf("no reason is given: %v", err)
		}
		return
	}
	defer r.Close()
	for _, f := range r.Files {
		if !filepath.IsLocal(filepath.FromSlash(f.Path)) || strings.ContainsAny(f.Path, `\:`) {
			t.Errorf("%q was taken", f.Path)
		}
	}
	if r.Digest != bundle.Digest(r.Files) {
		t.Error("the digest is not over the files")
	}
}

func FuzzReadZip(f *testing.F) {
	f.Add(zipped(f, packed{name: "a/b", content: "hello"}))
	f.Add(zipped(f, packed{name: `..\x`, content: ""}))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOpen(t, b) })
}

func FuzzReadNuget(f *testing.F) {
	f.Add(zipped(f, nugetParts("1.2.3", packed{name: "a%20b", content: "hello"})...))
	f.Add(zipped(f, nugetParts("", packed{name: "content/%2e%2e/x", content: "hello"})...))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOpen(t, b) })
}

func FuzzReadWebDeploy(f *testing.F) {
	f.Add(zipped(f, webDeployParts(`C:\b\PackageTmp`, "", packed{name: "web.config", content: "hello"})...))
	f.Add(zipped(f, webDeployParts(`C:\b`, `<parameter name="X"><parameterEntry kind="XmlFile"/></parameter>`)...))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOpen(t, b) })
}

func FuzzReadTarGz(f *testing.F) {
	f.Add(tarred(f, member{name: "./a/b", content: "hello"}))
	f.Add(tarred(f, member{name: "../x", content: "x"}, member{name: "l", kind: '2', to: "/etc/passwd"}))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOpen(t, b) })
}

// FuzzReadTar packs the bytes first: what a fuzzer makes up is hardly ever a good gzip.
func FuzzReadTar(f *testing.F) {
	f.Add(tarBytes(f, member{name: "a/b", content: "hello"}))
	f.Fuzz(func(t *testing.T, b []byte) { fuzzOpen(t, gzipped(t, b)) })
}

// FuzzNuspec and FuzzWebDeployManifest put made-up XML where the conventions of a format read it.
func FuzzNuspec(f *testing.F) {
	f.Add([]byte("<package><metadata><version>1</version></metadata></package>"))
	f.Fuzz(func(t *testing.T, b []byte) {
		fuzzOpen(t, zipped(t, packed{name: "[Content_Types].xml"}, packed{name: "x.nuspec", content: string(b)}, packed{name: "a", content: "x"}))
	})
}

func FuzzWebDeployManifest(f *testing.F) {
	f.Add([]byte(`<sitemanifest><iisApp path="C:\x"/></sitemanifest>`), []byte(`<parameters><parameter name="X"/></parameters>`))
	f.Fuzz(func(t *testing.T, archive, parameters []byte) {
		fuzzOpen(t, zipped(t, packed{name: "archive.xml", content: string(archive)}, packed{name: "parameters.xml", content: string(parameters)},
			packed{name: "Content/C_C/x/web.config", content: "x"}))
	})
}
