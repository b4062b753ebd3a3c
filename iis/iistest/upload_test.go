package iistest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestUploadedRangesBecomeOnePartWhenTheyMatch(t *testing.T) {
	s := installed(t, nil)
	c := leased(t, s)
	content := strings.Repeat("abc", 1000)
	sum := hash(content)
	rangeOf := func(from, to int) putReply {
		return putReply{c.call(c.next(), "put", map[string]any{"files": []map[string]any{
			{"sha256": sum, "size": len(content), "offset": from, "length": to - from}}}, deflate(t, content[from:to]))}
	}
	if got := rangeOf(0, 1000).stored(t); len(got) != 0 {
		t.Errorf("stored after a third: %v", got)
	}
	var h struct{ Have []string }
	c.ok("have", map[string]any{"hashes": []string{sum, hash("one"), hash("nowhere")}}, &h)
	if !cmp.Equal(h.Have, []string{hash("one")}) {
		t.Errorf("have: %v, want only the file of the old slot", h.Have)
	}
	if got := rangeOf(1000, 3000).stored(t); !cmp.Equal(got, []string{sum}) {
		t.Errorf("stored: %v", got)
	}
	c.ok("have", map[string]any{"hashes": []string{sum}}, &h)
	if !cmp.Equal(h.Have, []string{sum}) {
		t.Errorf("have: %v", h.Have)
	}
	must(t, os.WriteFile(filepath.Join(s.config.Root, "d", "sites", oldSlot, "bin", "app.dll"), []byte("longer than it was"), 0o644))
	c.ok("have", map[string]any{"hashes": []string{hash("one")}}, &h)
	if len(h.Have) != 0 {
		t.Errorf("a file that changed its size is still offered")
	}
}

type putReply struct{ agentReply }

func (a putReply) stored(t *testing.T) []string {
	t.Helper()
	if a.Error != nil {
		t.Fatal(a.Error)
	}
	var out struct{ Stored []string }
	must(t, json.Unmarshal(a.Result, &out))
	return out.Stored
}

func TestUploadsThatDoNotFitAreRefused(t *testing.T) {
	c := leased(t, serve(t, func(c *Config) { c.DiskFree = 100 }))
	entry := func(sum string, size, offset, length int) map[string]any {
		return map[string]any{"files": []map[string]any{{"sha256": sum, "size": size, "offset": offset, "length": length}}}
	}
	for _, x := range []struct {
		name, code string
		args       map[string]any
		plain      string
	}{
		{"another content", "hash_mismatch", entry(hash("right"), 5, 0, 5), "wrong"},
		{"past its end", "bad_request", entry(hash("right"), 5, 3, 5), "right"},
		{"less than promised", "bad_request", entry(hash("right"), 5, 0, 5), "rig"},
		{"more than promised", "bad_request", entry(hash("right"), 5, 0, 5), "rightly"},
		{"a hash in upper case", "bad_request", entry(strings.ToUpper(hash("right")), 5, 0, 5), "right"},
		{"a full disk", "disk_full", entry(hash(strings.Repeat("x", 200)), 200, 0, 200), strings.Repeat("x", 200)},
	} {
		a := c.call(c.next(), "put", x.args, deflate(t, x.plain))
		if a.Error == nil || a.Error.Code != x.code {
			t.Errorf("%s: %+v, want %s", x.name, a.Error, x.code)
		}
	}
	if got := c.upload("right"); got.Error != nil {
		t.Errorf("the part that did not match was not deleted: %v", got.Error)
	}
}

func TestCreateBuildsTheSlotFromPartsAndOtherSlots(t *testing.T) {
	s := installed(t, nil)
	c := leased(t, s)
	files := map[string]string{"web.config": "<configuration/>", "bin/app.dll": "two"} // web.config is in the old slot
	c.refused("not_found", "create", c.creation(newSlot, files))
	c.upload("two")
	var made struct {
		Changed       bool
		Before, After slotState
	}
	c.ok("create", c.creation(newSlot, files), &made)
	if !made.Changed || made.Before.Site != absent || made.After.Site != stopped || made.After.Digest != hash(newSlot) || made.After.Path != `D:\sites\`+newSlot {
		t.Errorf("create: %+v", made)
	}
	folder := filepath.Join(s.config.Root, "d", "sites", newSlot)
	for path, want := range files {
		got, err := os.ReadFile(filepath.Join(folder, filepath.FromSlash(path)))
		must(t, err)
		if string(got) != want {
			t.Errorf("%s: %q", path, got)
		}
	}
	if left := exists(filepath.Join(s.store.data(app, "parts"), hash("two"))); left {
		t.Error("the part that was used is still there")
	}
	c.ok("create", c.creation(newSlot, files), &made)
	if made.Changed {
		t.Error("the same slot again is a change")
	}
	other := c.creation(newSlot, files)
	other["digest"] = hash("another")
	c.refused("conflict", "create", other)
	must(t, os.Remove(filepath.Join(folder, manifestName)))
	c.refused("conflict", "create", c.creation(newSlot, files))
}

func TestAnotherCertificateOnThePortIsAConflict(t *testing.T) {
	c := leased(t, installed(t, nil))
	c.upload("two")
	wanted := map[string]string{"subject": "*.domain.com"}
	creation := c.creation(newSlot, map[string]string{"web.config": "two"})
	creation["certificate"] = wanted
	look := map[string]any{"app": app, "subject": wanted["subject"], "bindings": []string{c.server.Binding()}}
	c.ok("certificate", look, nil)
	c.server.SetTrouble(Trouble{PortCertificate: strings.Repeat("0", 40)})
	for op, args := range map[string]map[string]any{"certificate": look, "create": creation} {
		if e := c.refused("conflict", op, args); !strings.Contains(e.Message, c.server.Binding()+" has another certificate, 0000") {
			t.Errorf("%s: %+v", op, e)
		}
	}
	c.server.SetTrouble(Trouble{})
	c.ok("create", creation, nil)
}

func TestCreateRefusesWhatAServerCannotHave(t *testing.T) {
	c := leased(t, installed(t, nil))
	for name, x := range map[string]struct {
		code string
		bend func(map[string]any)
	}{
		"a path that climbs":    {"bad_request", func(a map[string]any) { a["files"] = []file{{"../x", 3, hash("one")}} }},
		"a path with a drive":   {"bad_request", func(a map[string]any) { a["files"] = []file{{"c:/x", 3, hash("one")}} }},
		"a device":              {"bad_request", func(a map[string]any) { a["files"] = []file{{"bin/NUL.txt", 3, hash("one")}} }},
		"two of one name":       {"bad_request", func(a map[string]any) { a["files"] = []file{{"A", 3, hash("one")}, {"a", 3, hash("one")}} }},
		"its own manifest":      {"bad_request", func(a map[string]any) { a["files"] = []file{{manifestName, 3, hash("one")}} }},
		"another port":          {"bad_request", func(a map[string]any) { a["bindings"] = []string{"*:1:"} }},
		"no runtime":            {"bad_request", func(a map[string]any) { a["runtime"] = "" }},
		"a certificate of none": {"certificate_missing", func(a map[string]any) { a["certificate"] = map[string]string{"subject": "*.other.org"} }},
	} {
		args := c.creation(newSlot, map[string]string{"bin/app.dll": "one"})
		x.bend(args)
		a := c.call(c.next(), "create", args, nil)
		if a.Error == nil || a.Error.Code != x.code {
			t.Errorf("%s: %+v, want %s", name, a.Error, x.code)
		}
	}
	args := c.creation(newSlot, map[string]string{"bin/app.dll": "one"})
	args["certificate"] = map[string]string{"subject": "*.domain.com"}
	c.ok("create", args, nil)
}

func TestPruneRemovesOnlyWhatIsDead(t *testing.T) {
	c := staged(t, nil, nil)
	s := c.server
	must(t, s.Install(app+"-0", "0", map[string]string{"x": "y"}))
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", app+"-7.partial"), 0o755))
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", app+"-8"), 0o755))
	must(t, writeManifest(filepath.Join(s.config.Root, "d", "sites", app+"-8"), manifest{Slot: app + "-8"}))
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", app+"-9"), 0o755)) // made by hand
	must(t, os.MkdirAll(filepath.Join(s.config.Root, "d", "sites", "other-8"), 0o755))
	c.ok("own", map[string]any{"boot": map[string]bool{newSlot: true}}, nil)
	var got struct{ Removed, Warnings []string }
	c.ok("prune", map[string]any{"keep": []string{}}, &got)
	if diff := cmp.Diff([]string{app + "-0", app + "-8"}, got.Removed); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{oldSlot, newSlot, app + "-9", "other-8"}, folders(filepath.Join(s.config.Root, "d", "sites"))); diff != "" {
		t.Error(diff)
	}
}
