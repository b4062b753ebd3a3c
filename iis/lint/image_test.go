package lint_test

import (
	"encoding/binary"
	"strings"
	"testing"
)

// Numbers of the PE format, and flags of the CLR header.
const (
	i386, amd64, arm64                   = 0x14c, 0x8664, 0xaa64
	ilOnly, requires, preferred, library = 1, 2, 0x20000, 4
	native                               = -1 // without a CLR header
)

// portable makes the smallest image with these headers: one section, and the CLR header at its start.
func portable(machine uint16, flags int) string {
	b := make([]byte, 0x400)
	put16, put32 := func(at int, v uint16) { binary.LittleEndian.PutUint16(b[at:], v) }, func(at int, v uint32) { binary.LittleEndian.PutUint32(b[at:], v) }
	copy(b, "MZ")
	put32(60, 0x80)
	copy(b[0x80:], "PE\x00\x00")
	put16(0x84, machine)
	put16(0x86, 1)
	const optional = 0x98
	size, directories := 224, 96
	put16(optional, 0x10b)
	if machine != i386 {
		size, directories = 240, 112
		put16(optional, 0x20b)
	}
	put16(0x94, uint16(size))
	put32(optional+directories-4, 16)
	section := optional + size
	copy(b[section:], ".text")
	put32(section+8, 0x100)
	put32(section+12, 0x2000)
	put32(section+16, 0x200)
	put32(section+20, 0x200)
	if flags != native {
		put32(optional+directories+8*14, 0x2008)
		put32(0x208+16, uint32(flags))
	}
	return string(b)
}

// narrowed is what is said of an image in a release with this section aspNetCore, or with none.
func narrowed(t *testing.T, f files, framework bool) (reasons, doubts string) {
	t.Helper()
	r, d := f.needs(t).Narrowed(framework)
	return strings.Join(r, "; "), strings.Join(d, "; ")
}

const (
	within = `<aspNetCore processPath=".\App.exe" hostingModel="inprocess"/>`
	apart  = `<aspNetCore processPath=".\App.exe"/>`
	byHost = `<aspNetCore processPath="dotnet" arguments=".\App.dll"/>`
)

func TestImagesThatA64BitPoolCannotLoadAreSaid(t *testing.T) {
	x86 := portable(i386, ilOnly|requires)
	for name, c := range map[string]struct {
		file  string
		text  string
		core  string
		want  string // empty: nothing is said
		doubt bool
	}{
		"any CPU":                         {"bin/App.dll", portable(i386, ilOnly), "", "", false},
		"any CPU, rather 32 bits":         {"bin/App.dll", portable(i386, ilOnly|requires|preferred), "", "", false},
		"x86":                             {"bin/App.dll", x86, "", "bin/App.dll is built for x86 only, and the pool is a 64-bit one (loading it ends with BadImageFormatException)", false},
		"mixed x86":                       {"bin/Mixed.dll", portable(i386, 0), "", "bin/Mixed.dll is built for x86 only", false},
		"compiled ahead":                  {"bin/App.dll", portable(i386, library), "", "", false},
		"x64":                             {"bin/App.dll", portable(amd64, ilOnly), "", "", false},
		"ARM64":                           {"Bin/App.dll", portable(arm64, 0), "", "Bin/App.dll is built for ARM64 only", false},
		"beside bin":                      {"App.dll", x86, "", "App.dll is built for x86 only, and the pool is a 64-bit one: whatever loads it fails", true},
		"a tool in bin":                   {"bin/Tool.exe", x86, "", "bin/Tool.exe is built for x86 only", true},
		"native x86, of some use":         {"bin/sni.dll", portable(i386, native), "", "", false},
		"in a folder of its architecture": {"bin/x86/App.dll", x86, "", "", false},
		"the program's assembly":          {"app.dll", x86, byHost, "app.dll is built for x86 only, and the pool is a 64-bit one (loading it ends with BadImageFormatException)", false},
		"one that it may load":            {"Plugin.dll", x86, byHost, "Plugin.dll is built for x86 only", true},
		"one in its bin":                  {"bin/Plugin.dll", x86, byHost, "bin/Plugin.dll is built for x86 only", true},
		"a tool beside the program":       {"Tool.exe", x86, within, "Tool.exe is built for x86 only", true},
		"an x86 host within the pool":     {"App.exe", portable(i386, native), within, "App.exe is built for x86 only", true},
		"an x64 host within the pool":     {"App.exe", portable(amd64, native), within, "", false},
		"an x86 host of its own":          {"App.exe", portable(i386, native), apart, "", false},
		"a whole x86 process of its own":  {"App.exe", x86, apart, "", false},
		"no image":                        {"bin/App.dll", "a stand-in", "", "", false},
		"an image in bits":                {"bin/App.dll", x86[:0x90], "", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			f := webConfig(c.core)
			f["App.exe"], f["App.dll"] = "a stand-in", "a stand-in"
			if c.file == "app.dll" {
				delete(f, "App.dll")
			}
			f[c.file] = c.text
			said, other := narrowed(t, f, true)
			if c.doubt {
				said, other = other, said
			}
			if !strings.Contains(said, c.want) || c.want == "" && said != "" || other != "" {
				t.Errorf("got %q, want %q, and not %q", said, c.want, other)
			}
		})
	}
}

// TestA32BitProgramIsOnlyHostedWithItsOwnNET: without .NET beside it, IIS takes the server's, and loads the assembly into that.
func TestA32BitProgramIsOnlyHostedWithItsOwnNET(t *testing.T) {
	f := webConfig(within)
	f["App.exe"], f["hostfxr.dll"] = portable(i386, native), portable(i386, native)
	if reasons, doubts := narrowed(t, f, false); reasons != "App.exe is published for x86, and is to run within a 64-bit pool (IIS would answer 500.32)" || doubts != "" {
		t.Errorf("got %q, %q", reasons, doubts)
	}
}

func TestAssembliesThatNobodyLoadsAreADoubt(t *testing.T) {
	for name, c := range map[string]struct {
		config    string
		framework bool
	}{
		"the pool has no .NET Framework": {"", false},
		"one is left out":                {"<system.web><compilation><assemblies><remove assembly='Legacy'/></assemblies></compilation></system.web>", true},
		"all are left out":               {"<system.web><compilation><assemblies><clear/></assemblies></compilation></system.web>", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := files{"web.config": "<configuration>" + c.config + "</configuration>", "bin/Legacy.dll": portable(i386, ilOnly|requires)}
			if reasons, doubts := narrowed(t, f, c.framework); reasons != "" || !strings.Contains(doubts, "bin/Legacy.dll") {
				t.Errorf("got %q, %q", reasons, doubts)
			}
		})
	}
}
