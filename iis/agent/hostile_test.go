package agent_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

// evil is what hostile entries hold, and marks them on the disk.
const evil = "evil content of an entry"

// What may come of an archive.
const (
	kept    = "kept"    // the content that is meant is stored, by its hash
	nothing = "nothing" // no entry is what is meant
	refused = "refused" // the archive cannot be opened, or not safely
)

type hostileArchive struct {
	name    string
	archive []byte
	may     []string
}

// zipOf packs entries in their order.
func zipOf(headers ...*zip.FileHeader) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, h := range headers {
		w, err := z.CreateHeader(h)
		if err != nil {
			return nil
		}
		if _, err := w.Write([]byte(evil)); err != nil {
			return nil
		}
	}
	if z.Close() != nil {
		return nil
	}
	return b.Bytes()
}

func called(name string) *zip.FileHeader { return &zip.FileHeader{Name: name, Method: zip.Deflate} }

// raw packs one entry with a header as given.
func raw(h *zip.FileHeader, content string) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	if w, err := z.CreateRaw(h); err != nil {
		return nil
	} else if _, err := w.Write([]byte(content)); err != nil || z.Close() != nil {
		return nil
	}
	return b.Bytes()
}

// spoil changes the entry of an archive's directory, and what ends it.
func spoil(archive []byte, change func(entry, end []byte)) []byte {
	b := bytes.Clone(archive)
	change(b[bytes.LastIndex(b, []byte("PK\x01\x02")):], b[bytes.LastIndex(b, []byte("PK\x05\x06")):])
	return b
}

func hostileArchives(t *testing.T) []hostileArchive {
	t.Helper()
	var all []hostileArchive
	add := func(name string, archive []byte, may ...string) {
		if len(archive) == 0 {
			t.Fatalf("%s could not be made", name)
		}
		all = append(all, hostileArchive{name, archive, may})
	}
	for _, name := range []string{"../../evil.txt", `..\..\evil.txt`, "/etc/evil", `C:\Windows\evil.dll`, `\\server\share\evil`, "CON", "web.config:stream", "web.config. ", "a\x00b",
		".canary.json", strings.Repeat("long/", 8000) + "x", "\xff\xfe"} {
		add(fmt.Sprintf("named %.20q", name), zipOf(called(name)), kept)
	}
	link := called("link")
	link.SetMode(fs.ModeSymlink | 0o777)
	add("a symbolic link", zipOf(link), kept)
	add("twice, in two cases", zipOf(called("Web.config"), called("web.CONFIG")), kept)
	good := zipOf(called("a"))
	small, err := deflated(evil)
	if err != nil {
		t.Fatal(err)
	}
	add("overlapping", overlapping(good), kept, nothing, refused)
	add("encrypted", raw(&zip.FileHeader{Name: "a", Flags: 1, CompressedSize64: 24, UncompressedSize64: 24}, strings.Repeat("x", 24)), nothing)
	add("of an unknown method", raw(&zip.FileHeader{Name: "a", Method: 99, CompressedSize64: 24, UncompressedSize64: 24}, evil), nothing)
	add("longer than it says", raw(&zip.FileHeader{Name: "a", Method: zip.Deflate, CompressedSize64: uint64(len(small)), UncompressedSize64: 23}, string(small)), nothing)
	bomb, err := deflated(evil + strings.Repeat("\x00", 64<<20))
	if err != nil {
		t.Fatal(err)
	}
	add("a bomb", raw(&zip.FileHeader{Name: "a", Method: zip.Deflate, CompressedSize64: uint64(len(bomb)), UncompressedSize64: 24}, string(bomb)), nothing)
	add("of five GiB, it says", raw(&zip.FileHeader{Name: "a", Method: zip.Deflate, CompressedSize64: uint64(len(small)), UncompressedSize64: 5 << 30}, string(small)), nothing)
	add("cut short", good[:len(good)-8], refused)
	add("without its content", good[bytes.Index(good, []byte("PK\x01\x02")):], nothing, refused)
	add("damaged", spoil(good, func(entry, _ []byte) { entry[16] ^= 1 }), kept, nothing) // the checksum; the SHA-256 is right
	add("elsewhere", spoil(good, func(entry, _ []byte) { binary.LittleEndian.PutUint32(entry[42:], 1<<30) }), nothing, refused)
	add("with a directory elsewhere", spoil(good, func(_, end []byte) { binary.LittleEndian.PutUint32(end[16:], 1<<30) }), nothing, refused)
	add("of more entries than it has", spoil(good, func(_, end []byte) { copy(end[8:], "\xfe\xff\xfe\xff") }), kept, nothing, refused)
	add("a rar", []byte("Rar!\x1a\x07\x01\x00 and more"), refused)
	add("empty", good[bytes.LastIndex(good, []byte("PK\x05\x06")):], nothing, refused)
	return all
}

// overlapping is a thousand entries of which each is the same bytes (a zip bomb without nesting).
func overlapping(good []byte) []byte {
	at, end := bytes.LastIndex(good, []byte("PK\x01\x02")), bytes.LastIndex(good, []byte("PK\x05\x06"))
	entry := good[at:end]
	out := append(bytes.Clone(good[:at]), bytes.Repeat(entry, 1000)...)
	tail := bytes.Clone(good[end:])
	binary.LittleEndian.PutUint16(tail[8:], 1000)
	binary.LittleEndian.PutUint16(tail[10:], 1000)
	binary.LittleEndian.PutUint32(tail[12:], uint32(1000*len(entry)))
	return append(out, tail...)
}

// The worst case: somebody has made the program believe that this is the archive that is meant.
func TestAnArchiveThatIsHostileLeavesNothingButContentsThatAreMeant(t *testing.T) {
	all := hostileArchives(t)
	if len(all) < 20 {
		t.Fatalf("%d archives", len(all))
	}
	for side, h := range halves(t) {
		t.Run(side, func(t *testing.T) {
			t.Parallel()
			root := ""
			b, err := put(t, h, speed, func(c *iistest.Config) { root = c.Root })
			if err != nil {
				t.Fatal(err)
			}
			b.depot.shelves = map[string]shelf{}
			for i, a := range all {
				b.depot.shelves[fmt.Sprintf("/%d.zip", i)] = shelf{Raw: string(a.archive)}
			}
			if err := b.connect(t); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if err := b.acquire(ctx); err != nil {
				t.Fatal(err)
			}
			for i, a := range all {
				got, err := b.pulled(ctx, i, a)
				if err != nil {
					t.Fatalf("%s: %v", a.name, err)
				}
				if !slices.Contains(a.may, got) {
					t.Errorf("%s: %s, want %v", a.name, got, a.may)
				}
				b.nothingElse(t, root, a.name)
			}
		})
	}
}

// pulled has the server pull an archive for its content, and says what came of it.
func (b *bench) pulled(ctx context.Context, i int, a hostileArchive) (string, error) {
	all, err := b.ask(ctx, []asking{{request: agent.Request{ID: fmt.Sprint("pull-", i), Op: "pull", Lease: b.lease, Args: agent.PullArgs{App: "app", Root: `D:\sites`,
		URL: fmt.Sprintf("%s/%d.zip", b.depot.at("$depot"), i), SHA256: sum(string(a.archive)), Size: int64(len(a.archive)), Seconds: 600,
		Files: []agent.Content{{SHA256: sum(evil), Size: int64(len(evil))}, {SHA256: sum("another"), Size: int64(len(evil)) - 1}}}}}})
	if err != nil {
		return "", err
	}
	answer := all[0]
	switch {
	case answer.Error != nil && answer.Error.Code == agent.PullFailed:
		return refused, nil
	case answer.Error != nil:
		return "", answer.Error
	}
	var r agent.PullResult
	if err := json.Unmarshal(answer.Result, &r); err != nil {
		return "", err
	}
	if len(r.Stored) == 0 {
		return nothing, nil
	}
	return kept, nil
}

// nothingElse holds that what is evil is nowhere but in the store, under its hash, and that nothing half done is left.
func (b *bench) nothingElse(t *testing.T, root, name string) {
	t.Helper()
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.Contains(path, "logs") {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(evil)) && filepath.Base(path) != fmt.Sprintf("%x", sha256.Sum256(text)) || strings.HasSuffix(path, ".part") {
			t.Errorf("%s left %s", name, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
