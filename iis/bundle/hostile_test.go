package bundle_test

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"

	"iiscanary/iis/bundle"
)

// hostile is an archive that must not be taken, and what the refusal says.
type hostile struct {
	name    string
	archive []byte
	why     string
}

func hostileNames(t *testing.T) []hostile {
	one := func(name string) []byte { return zipped(t, packed{name: name, content: "x"}) }
	return []hostile{
		{"zip-slip", one("../evil.txt"), "leads out of its folder"},
		{"zip-slip in the middle", one("a/../../evil.txt"), "leads out of its folder"},
		{"zip-slip with backslashes", one(`bin\..\..\evil.txt`), "leads out of its folder"},
		{"zip-slip in a folder entry", zipped(t, packed{name: "../evil/"}, packed{name: "a", content: "x"}), "leads out of its folder"},
		{"percent-encoded zip-slip in a nupkg", zipped(t, nugetParts("1", packed{name: "%2e%2e%2fevil.txt", content: "x"})...), "leads out of its folder"},
		{"percent-encoded backslash in a nupkg", zipped(t, nugetParts("1", packed{name: "..%5cevil.txt", content: "x"})...), "leads out of its folder"},
		{"percent-encoded NUL in a nupkg", zipped(t, nugetParts("1", packed{name: "a%00.txt", content: "x"})...), "character in its name"},
		{"percent-encoded clash in a nupkg", zipped(t, nugetParts("1", packed{name: "a b", content: "x"}, packed{name: "a%20b", content: "y"})...), "same file on Windows"},
		{"absolute", one("/etc/passwd"), "absolute path"},
		{"share", one(`\\server\share\x`), "absolute path"},
		{"drive", one(`C:\windows\x`), "drive"},
		{"drive, relative", one("c:x"), "drive"},
		{"device namespace", one(`\\?\C:\x`), "absolute path"},
		{"CON", one("con"), "device"},
		{"NUL with an extension", one("a/NUL.tar.gz"), "device"},
		{"COM1 with blanks", one("COM1 .txt"), "device"},
		{"COM superscript", one("com¹"), "device"},
		{"trailing dot", one("web.config."), "ends in a dot"},
		{"trailing blank", one("web.config "), "ends in a dot or a blank"},
		{"stream", one("web.config:hidden"), "character in its name"},
		{"control character", one("a\x1bb"), "character in its name"},
		{"long path", one(strings.Repeat("long/", 50) + "x"), "longer than 200"},
		{"not UTF-8", one("\xff\xfe.txt"), "UTF-8"},
		{"our own record", one(".canary.json"), "records"},
		{"case clash", zipped(t, packed{name: "Web.config", content: "x"}, packed{name: "web.CONFIG", content: "y"}), "same file on Windows"},
		{"duplicate", zipped(t, packed{name: "a", content: "x"}, packed{name: "a", content: "y"}), "same file on Windows"},
		{"file and folder", zipped(t, packed{name: "bin", content: "x"}, packed{name: "BIN/a.dll", content: "y"}), "and a folder in"},
		{"file and empty folder", zipped(t, packed{name: "bin", content: "x"}, packed{name: "bin/"}), "and a folder in"},
		{"short name of a file", zipped(t, packed{name: "web.config", content: "x"}, packed{name: "WEB~1.CON", content: "y"}), `"WEB~1.CON" has a name that Windows may take for the short one of "web.config"`},
		{"short name of a folder", zipped(t, packed{name: "Program Files/a", content: "x"}, packed{name: "progra~1/a", content: "y"}), `"progra~1/a" has a name that Windows may take for the short one of "Program Files/a"`},
		{"short name of a file for a folder", zipped(t, packed{name: "a/Settings", content: "x"}, packed{name: "a/b.txt", content: "x"}, packed{name: "a/SETTIN~1/x", content: "y"},
			packed{name: "a/Settings.of.all", content: "x"}, packed{name: "a/settings of none", content: "x"}), "may take for the short one"},
		{"short name with a checksum", zipped(t, packed{name: "web.config", content: "x"}, packed{name: "WEA1B2~1.CON", content: "y"}), "may take for the short one"},
		{"short name of a hidden file", zipped(t, packed{name: ".eslintrc.json", content: "x"}, packed{name: "eslint~2.jso", content: "y"}), "may take for the short one"},
		{"short name of a name with a blank", zipped(t, packed{name: " a.txt", content: "x"}, packed{name: "a~1.txt", content: "y"}), "may take for the short one"},
		{"short name of a name that is not ASCII", zipped(t, packed{name: "é.txt", content: "x"}, packed{name: "0a1b~1.txt", content: "y"}), "may take for the short one"},
		{"short name of a name with a comma", zipped(t, packed{name: ",.txt", content: "x"}, packed{name: "_~1.txt", content: "y"}), "may take for the short one"},
		{"tar-slip", tarred(t, member{name: "../evil", content: "x"}), "leads out of its folder"},
		{"tar-slip behind ./", tarred(t, member{name: "./../evil", content: "x"}), "leads out of its folder"},
		{"tar absolute", tarred(t, member{name: "/etc/passwd", content: "x"}), "absolute path"},
	}
}

// hostileNamesOfTars are the same names in a tar.gz, which packs whatever it is told to.
func hostileNamesOfTars(t *testing.T) []hostile {
	var all []hostile
	for name, why := range map[string]string{
		"../evil.txt": "leads out of its folder", "a/../../evil.txt": "leads out of its folder", `bin\..\..\evil.txt`: "leads out of its folder",
		"/etc/passwd": "absolute path", `\\server\share\x`: "absolute path", `\\?\C:\x`: "absolute path", `C:\windows\x`: "drive", "c:x": "drive",
		"con": "device", "a/NUL.tar.gz": "device", "COM1 .txt": "device", "com¹": "device", "LPT9": "device", "web.config.": "ends in a dot", "web.config ": "ends in a dot or a blank",
		"web.config:hidden": "character in its name", "a\x1bb": "character in its name", "a<b": "character in its name", strings.Repeat("long/", 50) + "x": "longer than 200",
		".canary.json": "records", ".CANARY.json": "records", ".canary.json/x": "records", "a//b": "empty part", "a/./b": "empty part",
	} {
		all = append(all, hostile{fmt.Sprintf("%.20q in a tar", name), tarred(t, member{name: name, content: "x"}), why})
	}
	return append(all,
		hostile{"case clash in a tar", tarred(t, member{name: "Web.config", content: "x"}, member{name: "web.CONFIG", content: "y"}), "same file on Windows"},
		hostile{"duplicate in a tar", tarred(t, member{name: "a", content: "x"}, member{name: "a", content: "y"}), "same file on Windows"},
		hostile{"file and folder in a tar", tarred(t, member{name: "bin", content: "x"}, member{name: "BIN/a.dll", content: "y"}), "and a folder in"},
		hostile{"no files in a tar", tarred(t, member{name: "folder/", kind: tar.TypeDir}), "no files"},
		hostile{"sparse file in a tar", sparse(t), "cut short"},
	)
}

// sparse is a tar whose one file is mostly a hole (GNU tar manual, "Sparse Formats").
func sparse(t *testing.T) []byte {
	b := tarBytes(t, member{name: "a", content: "x"})
	b[156] = 'S'
	return gzipped(t, b)
}

func hostileKinds(t *testing.T) []hostile {
	return []hostile{
		{"symlink in a zip", zipped(t, packed{name: "l", content: "/etc/passwd", mode: os.ModeSymlink | 0o777}), "symbolic link"},
		{"device in a zip", zipped(t, packed{name: "d", mode: os.ModeDevice | 0o600}), "device or a pipe"},
		{"symlink in a tar", tarred(t, member{name: "l", kind: tar.TypeSymlink, to: "/etc/passwd"}), "symbolic link"},
		{"hard link in a tar", tarred(t, member{name: "a", content: "x"}, member{name: "l", kind: tar.TypeLink, to: "a"}), "hard link"},
		{"device in a tar", tarred(t, member{name: "d", kind: tar.TypeBlock}), "device or a pipe"},
		{"pipe in a tar", tarred(t, member{name: "p", kind: tar.TypeFifo}), "device or a pipe"},
		{"encrypted", encrypted(t), "encrypted"},
		{"unknown method", method(t, 99), "damaged"},
		{"no files", zipped(t, packed{name: "folder/"}), "no files"},
		{"parameters", zipped(t, webDeployParts(`C:\b`, `<parameter name="Main-Web.config Connection String"><parameterEntry kind="XmlFile" scope="x"/></parameter>`,
			packed{name: "web.config", content: "x"})...), `parameter "Main-Web.config Connection String", which nobody but msdeploy`},
		{"web deploy without a site", zipped(t, packed{name: "archive.xml", content: "<a/>"}, packed{name: "Content/x.txt", content: "x"}), "no folder holds the site"},
		{"web deploy with two contents", zipped(t, append(webDeployParts(`C:\a`, "", packed{name: "web.config", content: "x"}), packed{name: "Content/C_C/b/x", content: "x"})...), "more than a site"},
		{"web deploy manifest that is no XML", zipped(t, packed{name: "archive.xml", content: "<a"}, packed{name: "Content/web.config", content: "x"}), "archive.xml cannot be read"},
		{"two nuspecs", zipped(t, nugetParts("1", packed{name: "b.nuspec", content: "<package/>"})...), "2 .nuspec files"},
		{"nuspec that is no XML", zipped(t, packed{name: "[Content_Types].xml"}, packed{name: "a.nuspec", content: "<a"}), "a.nuspec\" cannot be read"},
	}
}

func hostileSizes(t *testing.T) []hostile {
	good := zipped(t, packed{name: "a", content: strings.Repeat("some text ", 100)})
	packedTar := tarred(t, member{name: "a", content: strings.Repeat("some text ", 1000)})
	flipped := bytes.Clone(good)
	flipped[bytes.IndexByte(flipped, 'a')+5] ^= 0xff
	return []hostile{
		{"bomb", zipped(t, packed{name: "bomb", content: strings.Repeat("\x00", 4<<20)}), "times its packed size"},
		{"bomb of many small files", bombOfMany(t), "times its size"},
		{"bomb in a tar", tarred(t, member{name: "bomb", content: strings.Repeat("\x00", 8<<20)}), "times its size"},
		{"bomb behind a tar", gzipped(t, append(tarBytes(t, member{name: "a", content: "x"}), make([]byte, 4<<20)...)), "behind its last entry"},
		{"claims more than four GiB", claims(t, 5<<30), "holds more than 4294967296 bytes"},
		{"shorter than it claims", claims(t, 2000), "damaged"},
		{"too many entries", directory(slices.Repeat([]string{"a"}, bundle.MostFiles+1)...), "more than 100000"},
		{"too many folders around its files", deep(bundle.MostFiles / 90), "more than 100000 files and folders"},
		{"damaged content", flipped, "damaged"},
		{"cut short", good[:len(good)-10], "cut short"},
		{"cut short at the start", good[:30], "cut short"},
		{"tar.gz cut short", packedTar[:len(packedTar)-10], "cut short"},
		{"tar.gz with a false checksum", append(packedTar[:len(packedTar)-8:len(packedTar)-8], 1, 2, 3, 4, 0, 0, 0, 0), "cut short"},
		{"tar cut short", gzipped(t, tarBytes(t, member{name: "a", content: "x", size: 5000})), "cut short"},
		{"a name of a megabyte in a tar", tarred(t, member{name: strings.Repeat("x", 100_000), content: "x"}), "longer than 200"},
		{"empty", nil, "empty, or cut short"},
		{"a rar", []byte("Rar!\x1a\x07\x01\x00 and more"), "neither a folder, nor a zip"},
		{"a tar that is not packed", tarBytes(t, member{name: "a", content: "x"}), "neither a folder, nor a zip"},
	}
}

func TestHostileArchivesAreRefusedWithTheirReason(t *testing.T) {
	all := slices.Concat(hostileNames(t), hostileNamesOfTars(t), hostileKinds(t), hostileSizes(t))
	for _, h := range all {
		t.Run(h.name, func(t *testing.T) {
			r, err := unpacked(h.archive, "hostile")
			bad, is := errors.AsType[*bundle.RefusedError](err)
			if !is || r != nil {
				t.Fatalf("got %v, %v", r, err)
			}
			if !hasReason(bad.Reasons, h.why) || bad.Package != "hostile" {
				t.Errorf("package %s: no reason with %q in %q", bad.Package, h.why, bad.Shown())
			}
		})
	}
}

func TestANameWithATildeThatIsNobodysShortNameIsTaken(t *testing.T) {
	for name, files := range map[string][2]string{
		"alone":              {"WEB~1.CON", "a/web.config"},
		"in another folder":  {"a/WEB~1.CON", "b/web.config"},
		"too long":           {"web~1.config", "web.config"},
		"no number":          {"web~a.con", "web.config"},
		"another ending":     {"web~1.txt", "web.config"},
		"another beginning":  {"app~1.con", "web.config"},
		"beside short names": {"web~1.con", "web.con"},
		"of itself":          {"web~1.con", "WEB~2.con"},
	} {
		r, err := read(t, packed{name: files[0], content: "x"}, packed{name: files[1], content: "y"})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Folders that only names imply are counted as they are met.
func TestFoldersAroundFilesAreNotAllHeldInMemory(t *testing.T) {
	archive := deep(20_000) // 1.8 million folders
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := unpacked(archive, "deep"); err == nil {
		t.Error("it was taken")
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 100<<20 {
		t.Errorf("it took %d bytes", n)
	}
}

// What an archive claims costs no memory.
func TestABombIsNotHeldInMemory(t *testing.T) {
	const most = 4 << 20
	for name, archive := range map[string][]byte{
		"tar": tarred(t, member{name: "bomb", content: strings.Repeat("\x00", 16<<20)}),
		"zip": claims(t, 3<<30),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := unpacked(archive, name); err == nil {
			t.Errorf("the %s was taken", name)
		}
		runtime.ReadMemStats(&after)
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("the %s took %d bytes", name, n)
		}
	}
}

func TestOfManyReasonsTheFirstAreKept(t *testing.T) {
	var files []packed
	for range 1000 {
		files = append(files, packed{name: "../" + strings.Repeat("x", 5000), content: "x"})
	}
	_, err := read(t, files...)
	bad, is := errors.AsType[*bundle.RefusedError](err)
	if !is || len(bad.Reasons) != 100 || bad.More != 900 {
		t.Fatalf("got %T", err)
	}
	if text := err.Error(); len(text) > 10_000 || !strings.Contains(text, "and 980 more") {
		t.Errorf("%d characters: %.200s", len(text), text)
	}
}

// raw is a zip with one entry whose header is written as given.
func raw(t *testing.T, h *zip.FileHeader, content string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	body, err := w.CreateRaw(h)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := body.Write([]byte(content)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func encrypted(t *testing.T) []byte {
	return raw(t, &zip.FileHeader{Name: "a", Flags: 1, CompressedSize64: 3, UncompressedSize64: 3}, "xyz")
}

func method(t *testing.T, m uint16) []byte {
	return raw(t, &zip.FileHeader{Name: "a", Method: m, CompressedSize64: 3, UncompressedSize64: 3}, "xyz")
}

// claims is a zip whose one entry says that it inflates to a number of bytes.
func claims(t *testing.T, size uint64) []byte {
	return raw(t, &zip.FileHeader{Name: "a", CompressedSize64: max(size/100, 3), UncompressedSize64: size}, "xyz")
}

// directory is a zip of nothing but its directory, with an entry for each name (APPNOTE.TXT 4.3.12 and 4.3.16).
func directory(names ...string) []byte {
	out := []byte("PK\x03\x04")
	for _, name := range names {
		header := make([]byte, 46)
		copy(header, "PK\x01\x02")
		binary.LittleEndian.PutUint16(header[28:], uint16(len(name)))
		out = append(append(out, header...), name...)
	}
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], uint16(len(names)))
	binary.LittleEndian.PutUint16(end[10:], uint16(len(names)))
	binary.LittleEndian.PutUint32(end[12:], uint32(len(out)-4))
	binary.LittleEndian.PutUint32(end[16:], 4)
	return append(out, end...)
}

// deep is a zip of empty files, each with 90 folders of its own around it.
func deep(files int) []byte {
	var names []string
	for i := range files {
		names = append(names, fmt.Sprintf("%x", i)+strings.Repeat("/a", 90))
	}
	return directory(names...)
}

func bombOfMany(t *testing.T) []byte {
	var files []packed
	for i := range 10 {
		files = append(files, packed{name: strings.Repeat("a", i+1), content: strings.Repeat("\x00", 1<<20)})
	}
	return zipped(t, files...)
}
