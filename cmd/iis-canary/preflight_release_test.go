package main

import (
	"encoding/binary"
	"strings"
	"testing"

	"iiscanary/alb/elbtest"
	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// carrying makes the package one with these files besides its own, or in their place.
func carrying(files map[string]string) func(*scene) {
	return func(s *scene) {
		all := site(s.t, s.fleet)
		for name, text := range files {
			all[name] = text
		}
		s.pack = s.file("app.domain.com.3470.zip", string(zipOf(s.t, all)))
	}
}

// saying makes the package one whose web.config says this below system.webServer.
func webServerSays(lines string) func(*scene) {
	return carrying(map[string]string{"web.config": "<configuration>\n<system.webServer>\n" + lines + "\n</system.webServer>\n</configuration>\n"})
}

func both(first, second func(*scene)) func(*scene) {
	return func(s *scene) {
		first(s)
		second(s)
	}
}

// equipped installs optional parts of IIS on the first server only.
func equipped(modules, runtimes []string) func(*scene) {
	return func(s *scene) {
		if err := s.fleet.Servers[0].Equip(modules, runtimes); err != nil {
			s.t.Fatal(err)
		}
		s.t.Cleanup(func() {
			if err := s.fleet.Servers[0].Strip(); err != nil {
				s.t.Error(err)
			}
		})
	}
}

// only86 is an assembly that needs a 32-bit process: the headers of one section, and the CLR's.
func only86() string {
	b := make([]byte, 0x400)
	for at, text := range map[int]string{0: "MZ", 0x80: "PE\x00\x00\x4c\x01\x01", 0x98: "\x0b\x01"} {
		copy(b[at:], text)
	}
	for at, v := range map[int]uint32{60: 0x80, 0x94: 224, 0x98 + 92: 16, 0x98 + 96 + 8*14: 0x2008, 0x178 + 8: 0x100, 0x178 + 12: 0x2000, 0x178 + 16: 0x200, 0x178 + 20: 0x200, 0x208 + 16: 3} {
		binary.LittleEndian.PutUint32(b[at:], v)
	}
	return string(b)
}

const (
	coreConfig  = `<aspNetCore processPath="dotnet" arguments=".\bin\App.Web.dll" hostingModel="inprocess"/>`
	coreRuntime = `{"runtimeOptions": {"tfm": "net8.0", "framework": {"name": "Microsoft.AspNetCore.App", "version": "8.0.4"}}}`
)

// named gives the only binding a host name.
func named(s *scene) {
	port := strings.TrimSuffix(s.fleet.Servers[0].Binding(), ":")
	s.edit(port+":'", port+":app.domain.com'")
}

// coreFiles make a release one of ASP.NET Core, which needs its runtime.
func coreFiles() map[string]string {
	return map[string]string{"web.config": "<configuration>\n<system.webServer>\n" + coreConfig + "\n</system.webServer>\n</configuration>\n",
		"bin/App.Web.runtimeconfig.json": coreRuntime}
}

// releaseTroubles are those of a release that a server could not run.
func releaseTroubles() []trouble {
	const authentication = "<security><authentication>\n<windowsAuthentication enabled='true'/></authentication></security>"
	return []trouble{
		{id: checkSound, make: carrying(map[string]string{"web.config": "<configuration>\n<system.webServer>\n</configuration>\n"}),
			words: []string{"web.config:3: is no good XML: element <system.webServer> closed by </configuration>"}},
		{id: checkBits, make: carrying(map[string]string{"bin/Legacy.dll": only86()}),
			words: []string{"bin/Legacy.dll is built for x86 only, and the pool is a 64-bit one"}},
		{id: checkBinding, make: named,
			words: []string{"edited.yaml:", ":app.domain.com: each has a host name, and health checks ask for an address: those of web-443 would get 404"}},
		{id: checkModules, make: both(webServerSays("<handlers/>\n"+coreConfig), equipped([]string{"ancm"}, nil)),
			words:  []string{"web-02 web.config:4 sets system.webServer/aspNetCore, which IIS does not know here (it would answer 500.19, 0x8007000D)"},
			remedy: "install the ASP.NET Core Hosting Bundle"},
		{id: checkSections, make: webServerSays(authentication),
			words:  []string{"web-01, web-02 web.config:4 sets system.webServer/security/authentication/windowsAuthentication, which is locked here (IIS would answer 500.19, 0x80070021)"},
			remedy: "leave the section out, or unlock it there: appcmd unlock config /section:system.webServer/security/authentication/windowsAuthentication"},
		{id: checkRuntime, make: both(carrying(coreFiles()), equipped([]string{"ancm"}, []string{"8.0.11"})),
			words:  []string{"web-02 bin/App.Web.runtimeconfig.json asks for Microsoft.AspNetCore.App 8.0.4, there: none (IIS would answer 500.31)"},
			remedy: "install the ASP.NET Core Hosting Bundle of that version"},
		{id: checkPowerShell, make: lacking(iistest.Trouble{Process32: true}), words: []string{"web-02 WinRM starts a 32-bit PowerShell on a 64-bit system"}},
		{id: checkOwnConfig, make: lacking(iistest.Trouble{SharedConfig: true}), words: []string{"web-02 its IIS reads a configuration that it shares"}},
		{id: checkReboot, warns: true, make: lacking(iistest.Trouble{PendingReboot: true}), words: []string{"web-02", "Windows waits for a restart"}},
		{id: checkBoots, make: lacking(iistest.Trouble{StartType: "disabled"}), words: []string{"web-02 the start type of WAS and W3SVC is disabled: after a restart of the server nothing would serve"},
			remedy: "Set-Service WAS -StartupType Automatic; Set-Service W3SVC -StartupType Automatic"},
	}
}

func TestOnlyTheServicesThatAreDisabledAreToBeSet(t *testing.T) {
	for name, was := range map[string]string{"WAS": "manual", "W3SVC": "automatic"} {
		types := map[string]string{"WAS": "disabled", "W3SVC": "disabled"}
		types[name] = was
		pf := &preflight{board: &board{}}
		pf.boots("web-01", iis.Hello{StartTypes: types})
		want := "Set-Service WAS -StartupType Automatic"
		if name == "WAS" {
			want = "Set-Service W3SVC -StartupType Automatic"
		}
		if len(pf.findings) != 1 || pf.findings[0].state != failed || pf.findings[0].do != want {
			t.Errorf("%v: %+v", types, pf.findings)
		}
	}
}

func TestWhatAServerDoesNotTellFailsItsCheck(t *testing.T) {
	types := map[string]string{"WAS": "automatic", "W3SVC": "automatic"}
	shared := false
	for name, h := range map[string]iis.Hello{
		"":                                     {StartTypes: types, SharedConfig: &shared},
		"the start type of W3SVC cannot be":    {StartTypes: map[string]string{"WAS": "automatic", "W3SVC": ""}, SharedConfig: &shared},
		"the start type of WAS and W3SVC cann": {SharedConfig: &shared},
		"whether its IIS shares its configura": {StartTypes: types},
	} {
		pf := &preflight{board: &board{}}
		pf.boots("web-01", h)
		pf.configuration("web-01", h)
		var failures []string
		for _, f := range pf.findings {
			if f.state == failed {
				failures = append(failures, f.what)
			}
		}
		if name == "" && len(failures) > 0 || name != "" && (len(failures) != 1 || !strings.HasPrefix(failures[0], name)) {
			t.Errorf("%q: %v", name, failures)
		}
	}
}

// releaseDoubts are what a release may never need: a person is told, and it is deployed.
func releaseDoubts() []trouble {
	return []trouble{
		{id: checkBinding, half: "health checks ask at another port", warns: true, make: func(s *scene) {
			s.edit(s.fleet.Servers[0].Binding()+"'", "*:8443:app.domain.com'")
		}, words: []string{":8443:app.domain.com: each has a host name, and health checks ask for an address: they would find no site there"}},
		{id: checkBinding, half: "health checks take an answer without a site", warns: true, make: func(s *scene) {
			s.elsewhere(func(c *elbtest.Config) { c.Groups[0].Matcher = "200-404" })
			s.settled("healthy")
			named(s)
		}, words: []string{":app.domain.com: each has a host name, and health checks ask for an address: they would find no site there"}},
		{id: checkSound, half: "a folder's own web.config", warns: true, make: carrying(map[string]string{"admin/web.config": "<configuration>\n<a>\n</configuration>"}),
			words: []string{"admin/web.config:3: is no good XML: element <a> closed by </configuration>"}},
		{id: checkBits, half: "a 32-bit tool", warns: true, make: carrying(map[string]string{"bin/Tool.exe": only86()}),
			words: []string{"bin/Tool.exe is built for x86 only, and the pool is a 64-bit one: whatever loads it fails"}},
		{id: checkModules, half: "of a folder", warns: true, make: carrying(map[string]string{"admin/web.config": "<configuration><system.webServer>\n<rewrite/></system.webServer></configuration>"}),
			words: []string{"web-02 admin/web.config:2 sets system.webServer/rewrite, which IIS does not know here (it would answer 500.19, 0x8007000D to requests for that folder)"}},
		{id: checkRuntime, half: "of a tool beside the program", warns: true, make: carrying(map[string]string{"Tool.runtimeconfig.json": coreRuntime}),
			words: []string{"web-02 Tool.runtimeconfig.json asks for Microsoft.AspNetCore.App 8.0.4, there: none"}},
	}
}
