package rehearsal

import (
	"archive/zip"
	"bytes"
	"fmt"
	"os"
	"slices"
)

// The app that is rehearsed, and its two releases.
const (
	App        = "app.domain.com"
	oldVersion = "3456"
	newVersion = "3457"
	badVersion = "3458"
	OldSlot    = App + "-" + oldVersion
	NewSlot    = App + "-" + newVersion
)

// files is what a release of the rehearsed app consists of: most files are the same in every release, as they are in life.
func files(version string) map[string]string {
	out := map[string]string{
		"web.config":             "<configuration><system.webServer><handlers/></system.webServer></configuration>\n",
		"bin/App.Web.dll":        "App.Web " + version + "\n" + filler(version, 200_000),
		"bin/Newtonsoft.dll":     filler("newtonsoft", 600_000),
		"Content/site.css":       filler("css", 40_000),
		"Scripts/app.js":         "// " + version + "\n" + filler("js", 90_000),
		"Views/Home/Index.html":  "<h1>Home</h1>\n",
		"Views/Shared/error.htm": "<h1>Sorry</h1>\n",
	}
	for i := range 40 {
		out[fmt.Sprintf("Content/images/%02d.svg", i)] = filler(fmt.Sprint("image ", i), 2_000)
	}
	return out
}

// filler is n bytes that look like something and differ from seed to seed.
func filler(seed string, n int) string {
	var b bytes.Buffer
	for i := 0; b.Len() < n; i++ {
		fmt.Fprintf(&b, "%s %08x\n", seed, uint32(i)*2654435761)
	}
	return b.String()[:n]
}

// writePackage writes the release as a zip.
func writePackage(path string, files map[string]string) error {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	names := make([]string, 0, len(files))
	for n := range files {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		w, err := z.Create(n)
		if err != nil {
			return fmt.Errorf("put %s into %s: %w", n, path, err)
		}
		if _, err := w.Write([]byte(files[n])); err != nil {
			return fmt.Errorf("put %s into %s: %w", n, path, err)
		}
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("finish %s: %w", path, err)
	}
	return os.WriteFile(path, b.Bytes(), 0o600)
}
