package main

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "iiscanary"

// imported is a package as `go list -json` tells it.
type imported struct {
	ImportPath string
	Imports    []string
	Standard   bool
}

// mayImport says which packages of this project a package of each room may import, besides those in its own room.
// A peer's room is the simulated counterpart of an adapter; nothing is shared between the two.
func mayImport() map[string][]string {
	return map[string][]string{
		"canary":             {},
		"canary/canarytest":  {"canary"},
		"canary/journal":     {"canary"},
		"canary/report":      {"canary"},
		"configs":            {"canary"},
		"alb":                {"canary"},
		"alb/elbtest":        {},
		"iis":                {"canary", "iis/agent", "iis/winrm", "iis/winrm/kerberos", "iis/bundle"},
		"iis/agent":          {},
		"iis/agent/standin":  {},
		"iis/bundle":         {},
		"iis/fetch":          {},
		"iis/lint":           {},
		"iis/overlay":        {},
		"iis/signature":      {},
		"iis/kdctest":        {},
		"iis/winrm":          {"canary", "iis/winrm/kerberos", "iis/winrm/ntlm"},
		"iis/winrm/kerberos": {},
		"iis/winrm/ntlm":     {},
		"iis/iistest":        {"iis/agent/standin"},
		"metrics":            {"canary"},
		"metrics/elastic":    {"canary", "metrics"},
		"metrics/estest":     {},
	}
}

func TestArrowsOfTheDesignHold(t *testing.T) {
	allowed := mayImport()
	for _, p := range listed(t) {
		room, ours := strings.CutPrefix(p.ImportPath, module+"/")
		if !ours || strings.HasPrefix(room, "cmd/") {
			continue
		}
		arrows, known := allowed[room]
		if !known {
			t.Errorf("%s is a room that the design does not have", room)
		}
		for _, i := range p.Imports {
			if to, ours := strings.CutPrefix(i, module+"/"); ours && !slices.Contains(arrows, to) {
				t.Errorf("%s imports %s", room, to)
			}
		}
	}
}

func TestTheDomainAndThePeersImportTheStandardLibraryOnly(t *testing.T) {
	standard := map[string]bool{}
	packages := listed(t)
	for _, p := range packages {
		standard[p.ImportPath] = p.Standard
	}
	for _, p := range packages {
		room, ours := strings.CutPrefix(p.ImportPath, module+"/")
		if !ours || !strings.HasPrefix(room, "canary") && !strings.HasSuffix(room, "test") {
			continue
		}
		for _, i := range p.Imports {
			hash := room == "iis/iistest" && i == "golang.org/x/crypto/md4" // NTLM is defined with it; the standard library has none
			tickets := (room == "iis/iistest" || room == "iis/kdctest") &&  // messages and ciphers; MIT's Kerberos judges both sides
				(strings.HasPrefix(i, "github.com/jcmturner/gokrb5/v8/") || i == "github.com/jcmturner/gofork/encoding/asn1")
			if !standard[i] && !strings.HasPrefix(i, module+"/") && !hash && !tickets {
				t.Errorf("%s imports %s", room, i)
			}
		}
	}
}

// listed is every package that the program needs, with what it imports itself.
func listed(t *testing.T) []imported {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-json=ImportPath,Imports,Standard", "../../...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd, err)
	}
	var all []imported
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p imported
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}
