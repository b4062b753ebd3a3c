package lint_test

import (
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"iiscanary/iis/lint"
)

// files is a release.
type files map[string]string

func (f files) read() (lint.Needs, error) {
	return lint.Read(slices.Sorted(maps.Keys(f)), func(path string) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(f[path])), nil
	})
}

func (f files) needs(t *testing.T) lint.Needs {
	t.Helper()
	n, err := f.read()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// server is one with the sections that IIS has by itself, windowsAuthentication locked.
func server(more ...string) lint.Server {
	s := lint.Server{Framework: 528040, Sections: map[string]bool{"system.webServer/handlers": false, "system.webServer/security/requestFiltering": false,
		"system.webServer/security/authentication/windowsAuthentication": true}}
	for _, m := range more {
		s.Sections["system.webServer/"+m] = false
	}
	return s
}

func webConfig(inside string) files {
	return files{"web.config": "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<configuration>\n<system.webServer>\n" + inside + "\n</system.webServer>\n</configuration>"}
}

// program is a release whose program asks for runtimes so.
func program(runtimeConfig string) files {
	f := webConfig(`<aspNetCore processPath="dotnet" arguments=".\App.dll"/>`)
	f["App.dll"], f["App.runtimeconfig.json"] = "a stand-in", runtimeConfig
	return f
}

func TestWhatAServerLacksIsSaid(t *testing.T) {
	core := `{"runtimeOptions": {"tfm": "net8.0", "frameworks": [{"name": "Microsoft.NETCore.App", "version": "8.0.0"}, {"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}]}}`
	for name, c := range map[string]struct {
		files  files
		server lint.Server
		kind   lint.Kind // empty: nothing is lacking
		what   string
		remedy string
	}{
		"every section is there":      {files: webConfig("<handlers><add/></handlers><security><requestFiltering/></security>"), server: server()},
		"ANCM is missing":             {webConfig("<handlers/>\n<aspNetCore processPath='dotnet'/>"), server(), lint.NoModule, "web.config:5 sets system.webServer/aspNetCore", "Hosting Bundle"},
		"ANCM is there":               {files: webConfig("<aspNetCore processPath='dotnet'><environmentVariables/></aspNetCore>"), server: server("aspNetCore")},
		"URL Rewrite is missing":      {webConfig("<rewrite><rules><rule/></rules></rewrite>"), server(), lint.NoModule, "web.config:4 sets system.webServer/rewrite, which IIS does not know", "URL Rewrite"},
		"URL Rewrite is there":        {files: webConfig("<rewrite><rules><rule><match/></rule></rules></rewrite>"), server: server("rewrite/rules")},
		"AppInit is missing":          {webConfig("<applicationInitialization/>"), server(), lint.NoModule, "0x8007000D", "Web-AppInit"},
		"a module of somebody else":   {webConfig("<iisnode/>"), server(), lint.NoModule, "system.webServer/iisnode", "leave the section out"},
		"a section is locked":         {webConfig("<security>\n<authentication>\n<windowsAuthentication enabled='true'/></authentication></security>"), server(), lint.Locked, "web.config:6 sets system.webServer/security/authentication/windowsAuthentication, which is locked here", "appcmd unlock config /section:system.webServer/security/authentication/windowsAuthentication"},
		"its own section":             {files: files{"web.config": "<configuration><configSections><sectionGroup name='system.webServer'><section name='mine'/></sectionGroup></configSections><system.webServer><mine/></system.webServer></configuration>"}, server: server()},
		"sections of .NET's own":      {files: files{"web.config": "<configuration><system.web><pages/></system.web><myApp/></configuration>"}, server: server()},
		"what IIS knows is not known": {files: webConfig("<iisnode/>"), server: lint.Server{}},
		"the runtime is there":        {files: program(core), server: lint.Server{Runtimes: []string{"6.0.36", "8.0.11"}}},
		"the runtime is too old":      {program(core), lint.Server{Runtimes: []string{"6.0.36", "8.0.3"}}, lint.NoRuntime, "App.runtimeconfig.json asks for Microsoft.AspNetCore.App 8.0.4, there: 6.0.36, 8.0.3", "Hosting Bundle of that version"},
		"the runtime is another":      {program(core), lint.Server{Runtimes: []string{"9.0.1"}}, lint.NoRuntime, "there: 9.0.1", ""},
		"there is no runtime":         {program(core), lint.Server{}, lint.NoRuntime, "there: none", ""},
		"it rolls forward":            {files: program(strings.Replace(core, `"tfm"`, `"rollForward": "Major", "tfm"`, 1)), server: lint.Server{Runtimes: []string{"9.0.1"}}},
		"it does not roll forward":    {program(strings.Replace(core, `"tfm"`, `"rollForward": "LatestPatch", "tfm"`, 1)), lint.Server{Runtimes: []string{"8.1.0"}}, lint.NoRuntime, "8.1.0", ""},
		"it brings its runtime along": {files: program(`{"runtimeOptions": {"includedFrameworks": [{"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}]}}`)},
		"locked for the whole site":   {files{"web.config": "<configuration><location path='admin'><system.webServer><security><authentication><windowsAuthentication/></authentication></security></system.webServer></location>\n<location path='.' inheritInChildApplications='false'><system.webServer><security><authentication><windowsAuthentication/></authentication></security></system.webServer></location></configuration>"}, server("aspNetCore"), lint.Locked, "web.config:2 sets", "unlock"},
		"a preview is not judged":     {files: program(strings.Replace(core, "8.0.4", "10.0.0-rc.1", 1))},
		"comments are not judged":     {files: program("// made by hand\n" + core)},
		".NET Framework is too old":   {files{"web.config": "<configuration>\n<system.web><compilation targetFramework='4.8.1'/></system.web></configuration>"}, server(), lint.NoRuntime, "web.config:2 asks for .NET Framework 4.8.1, there: 4.8", "build the release for the version that is there"},
		"another .NET runs it":        {files: files{"web.config": "<configuration><system.web><httpRuntime targetFramework='4.8.1'/></system.web><system.webServer><aspNetCore processPath='dotnet'/></system.webServer></configuration>"}, server: server("aspNetCore")},
		".NET Framework is there":     {files: files{"web.config": "<configuration><system.web><httpRuntime targetFramework='4.7.2'/><compilation targetFramework='4.8'/></system.web></configuration>"}, server: server()},
	} {
		t.Run(name, func(t *testing.T) {
			got := c.files.needs(t).Against(c.server)
			if c.kind == "" {
				if len(got) != 0 {
					t.Errorf("%+v", got)
				}
				return
			}
			got = slices.DeleteFunc(got, func(s lint.Shortcoming) bool { return s.Doubt })
			if len(got) != 1 || got[0].Kind != c.kind || !strings.Contains(got[0].What, c.what) || !strings.Contains(got[0].Remedy, c.remedy) {
				t.Errorf("got %+v, want %s: %s; %s", got, c.kind, c.what, c.remedy)
			}
		})
	}
}

// nineOnly is a server that has none of the runtimes that the releases here ask for.
func nineOnly() lint.Server { return lint.Server{Runtimes: []string{"9.0.1"}} }

func TestOnlyTheProgramsOwnRuntimeIsNeeded(t *testing.T) {
	const core = `{"runtimeOptions": {"framework": {"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}}}`
	for name, c := range map[string]struct {
		process string // attributes of aspNetCore
		inside  string // of it
		file    string
		doubt   bool
	}{
		"of dotnet's assembly":          {`processPath="dotnet" arguments=".\App.dll"`, "", "App.runtimeconfig.json", false},
		"without a folder":              {`processPath="dotnet.exe" arguments="App.dll --urls x"`, "", "app.runtimeconfig.json", false},
		"in quotes":                     {`processPath="dotnet" arguments="&quot;.\App.dll&quot; x"`, "", "App.runtimeconfig.json", false},
		"in a folder":                   {`processPath="dotnet" arguments=".\bin\App.dll"`, "", "bin/App.runtimeconfig.json", false},
		"of a program":                  {`processPath=".\App.exe"`, "", "App.runtimeconfig.json", false},
		"with variables of its own":     {`processPath=".\App.exe"`, `<environmentVariables><environmentVariable name="ASPNETCORE_ENVIRONMENT"/></environmentVariables>`, "App.runtimeconfig.json", false},
		"of something else":             {`processPath="dotnet" arguments=".\App.dll"`, "", "Tool.runtimeconfig.json", true},
		"of no known program":           {`processPath="dotnet" arguments="exec App.dll"`, "", "App.runtimeconfig.json", true},
		"told to roll forward":          {`processPath="dotnet" arguments="--roll-forward Major App.dll"`, "", "App.runtimeconfig.json", true},
		"of another dotnet":             {`processPath="D:\dotnet\dotnet.exe" arguments=".\App.dll"`, "", "App.runtimeconfig.json", true},
		"of one that it brings along":   {`processPath=".\dotnet\dotnet.exe" arguments=".\App.dll"`, "", "App.runtimeconfig.json", true},
		"the environment rolls forward": {`processPath="dotnet" arguments=".\App.dll"`, `<environmentVariables><environmentVariable name="DOTNET_ROLL_FORWARD" value="Major"/></environmentVariables>`, "App.runtimeconfig.json", true},
		"the environment has a root":    {`processPath="dotnet" arguments=".\App.dll"`, `<environmentVariables><environmentVariable name="dotnet_root_x64" value="D:\dotnet"/></environmentVariables>`, "App.runtimeconfig.json", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := webConfig("<aspNetCore " + c.process + ">" + c.inside + "</aspNetCore>")
			f[c.file], f["App.dll"], f["App.exe"], f["bin/App.dll"], f["dotnet/dotnet.exe"] = core, "", "", "", ""
			got := f.needs(t).Against(nineOnly())
			if len(got) != 1 || got[0].Kind != lint.NoRuntime || got[0].Doubt != c.doubt {
				t.Errorf("got %+v, want a doubt: %v", got, c.doubt)
			}
			f[c.file] = "{"
			flaw := !c.doubt || c.inside != "" // no environment mends a file in bits
			if n, err := f.read(); flaw != (err != nil) || flaw != (len(n.Doubts) == 0) {
				t.Errorf("of a file in bits: %v, %q", err, n.Doubts)
			}
		})
	}
}

func TestAnX86ProcessOfItsOwnHasOtherRuntimes(t *testing.T) {
	f := webConfig(`<aspNetCore processPath=".\App.exe" hostingModel="outofprocess"/>`)
	f["App.runtimeconfig.json"] = `{"runtimeOptions": {"framework": {"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}}}`
	for machine, doubt := range map[int]bool{i386: true, amd64: false} {
		f["App.exe"] = portable(uint16(machine), native)
		if got := f.needs(t).Against(nineOnly()); len(got) != 1 || got[0].Doubt != doubt {
			t.Errorf("%x: %+v", machine, got)
		}
	}
}

func TestAPreviewOnTheServerMayDo(t *testing.T) {
	f := program(`{"runtimeOptions": {"rollForward": "Major", "framework": {"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}}}`)
	if got := f.needs(t).Against(lint.Server{Runtimes: []string{"10.0.0-rc.1"}}); len(got) != 1 || !got[0].Doubt {
		t.Errorf("%+v", got)
	}
}

func TestRollForwardIsReadInItsOldWordsToo(t *testing.T) {
	for rolling, met := range map[string]bool{
		`"rollForwardOnNoCandidateFx": 2`:                               true,
		`"rollForwardOnNoCandidateFx": 1`:                               false,
		`"rollForwardOnNoCandidateFx": 0`:                               false,
		`"rollForward": "LatestPatch", "rollForwardOnNoCandidateFx": 2`: false,
		`"rollForward": "Major"`:                                        true,
	} {
		framework := `"name": "Microsoft.AspNetCore.App", "version": "8.0.4"`
		for _, text := range []string{
			`{"runtimeOptions": {` + rolling + `, "framework": {` + framework + `}}}`,
			`{"runtimeOptions": {"frameworks": [{` + framework + `, ` + rolling + `}]}} what nobody reads`,
		} {
			if got := program(text).needs(t).Against(nineOnly()); met != (len(got) == 0) {
				t.Errorf("%s: %+v", text, got)
			}
		}
	}
	if got := program(`{"runtimeOptions": {"rollForwardOnNoCandidateFx": "2", "framework": {"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}}}`).needs(t).Against(nineOnly()); len(got) != 0 {
		t.Errorf("of a type that .NET makes something else of: %+v", got)
	}
}

func TestWhatNoServerCouldRunIsAFlaw(t *testing.T) {
	for name, c := range map[string]struct {
		files files
		want  string
	}{
		"XML that does not close":  {files{"web.config": "<configuration>\n<a>\n</configuration>"}, "web.config:3: is no good XML: element <a> closed by </configuration>"},
		"another root":             {files{"web.config": "<config/>"}, "web.config: holds no element configuration"},
		"no XML at all":            {files{"web.config": "nothing"}, "web.config: holds no element configuration"},
		"a runtimeconfig in bits":  {program(`{"runtimeOptions": `), "App.runtimeconfig.json: is no good JSON: unexpected EOF"},
		"a build, not a publish":   {webConfig(`<aspNetCore processPath="%LAUNCHER_PATH%" arguments="%LAUNCHER_ARGS%"/>`), "web.config:4: processPath is %LAUNCHER_PATH% still"},
		"a program that is absent": {webConfig(`<aspNetCore processPath=".\App.exe"/>`), `web.config:4: names .\App.exe, which is not in the release`},
		"a runtimeconfig is empty": {program(""), "App.runtimeconfig.json: is no good JSON: EOF"},
		"an assembly is absent":    {webConfig(`<aspNetCore processPath="dotnet" arguments=".\App.dll --urls x"/>`), `names .\App.dll, which is not in the release`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := c.files.read()
			if flaw, is := errors.AsType[*lint.FlawError](err); !is || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, %v, want %q", flaw, err, c.want)
			}
		})
	}
}

func TestWhatAFolderSaysIsADoubt(t *testing.T) {
	text := func(inside string) string { return webConfig(inside)["web.config"] }
	declares := "<configuration><configSections><sectionGroup name='system.webServer'><section name='mine'/></sectionGroup></configSections></configuration>"
	for name, c := range map[string]struct {
		files files
		want  []string // of shortcomings and flaws, each a doubt
	}{
		"a module is missing":        {files{"admin/Web.Config": text("<rewrite/>")}, []string{"admin/Web.Config:4 sets system.webServer/rewrite, which IIS does not know here (it would answer 500.19, 0x8007000D to requests for that folder)"}},
		"a section is locked":        {files{"admin/web.config": text("<security><authentication><windowsAuthentication/></authentication></security>")}, []string{"0x80070021 to requests for that folder)"}},
		"it is no good XML":          {files{"admin/web.config": "<a>"}, []string{"admin/web.config:1: is no good XML"}},
		"nothing reads it in bin":    {files{"bin/web.config": "<a>", "Bin/roslyn/web.config": text("<rewrite/>")}, nil},
		"nor in App_Data":            {files{"App_Data/a/web.config": "<a>", "admin/App_Code/web.config": "x"}, nil},
		"for a location":             {files{"web.config": "<configuration><location path='admin'><system.webServer><security><authentication><windowsAuthentication/></authentication></security></system.webServer></location></configuration>"}, []string{"web.config:1 sets system.webServer/security/authentication/windowsAuthentication, which is locked here (IIS would answer 500.19, 0x80070021 to requests for that folder)"}},
		"the root declares it":       {files{"admin/web.config": text("<mine/>"), "web.config": declares}, nil},
		"a folder does for its own":  {files{"a/web.config": declares, "b/web.config": text("<mine/>")}, []string{"b/web.config:4 sets system.webServer/mine"}},
		"the root's own is no doubt": {files{"admin/web.config": text("<security/>"), "web.config": text("<handlers/>")}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			n := c.files.needs(t)
			got := n.Doubts
			for _, s := range n.Against(server()) {
				if !s.Doubt {
					t.Errorf("no doubt: %+v", s)
				}
				got = append(got, s.What)
			}
			if len(got) != len(c.want) || len(got) == 1 && !strings.Contains(got[0], c.want[0]) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestEveryFlawIsSaidAtOnce(t *testing.T) {
	_, err := files{"web.config": program("")["web.config"], "App.runtimeconfig.json": "]"}.read() // and there is no App.dll
	if n := strings.Count(err.Error(), "\n"); n != 1 {
		t.Errorf("%d lines: %v", n+1, err)
	}
}

func TestAReleaseThatCannotBeReadIsNoFlaw(t *testing.T) {
	gone := errors.New("the disk is gone")
	_, err := lint.Read([]string{"web.config"}, func(string) (io.ReadCloser, error) { return nil, gone })
	if _, flaw := errors.AsType[*lint.FlawError](err); flaw || !errors.Is(err, gone) || !strings.Contains(err.Error(), "web.config") {
		t.Errorf("got %v", err)
	}
}

func TestEncodingsOfWindowsAreRead(t *testing.T) {
	text := "<?xml version=\"1.0\" encoding=\"utf-16\"?>\r\n<configuration><system.webServer><rewrite/></system.webServer></configuration>"
	var little, big strings.Builder
	little.WriteString("\xff\xfe")
	big.WriteString("\xfe\xff")
	for _, u := range utf16.Encode([]rune(text)) {
		little.Write([]byte{byte(u), byte(u >> 8)})
		big.Write([]byte{byte(u >> 8), byte(u)})
	}
	want := []lint.Section{{Path: "system.webServer/rewrite", File: "web.config", Line: 2}}
	umlaut := strings.Replace(text, "<rewrite/>", "<rewrite title=\"f\xfcr\"/>", 1) // one byte, as Windows-1252 and ISO-8859-1 write it
	for _, written := range []string{text, "\xef\xbb\xbf" + text, little.String(), big.String(), strings.Replace(umlaut, "utf-16", "Windows-1252", 1),
		strings.Replace(umlaut, "utf-16", "iso-8859-1", 1), strings.Replace(umlaut, "utf-16", "us-ascii", 1), "\xef\xbb\xbf" + strings.Replace(text, "<rewrite/>", "<rewrite title=\"für\"/>", 1)} {
		if d := cmp.Diff(want, files{"web.config": written}.needs(t).Sections); d != "" {
			t.Errorf("%q\n%s", written[:10], d)
		}
	}
}
