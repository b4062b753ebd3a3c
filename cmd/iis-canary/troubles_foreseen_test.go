package main

import (
	"strings"
	"testing"

	"iiscanary/iis/iistest"
)

// foresight is a trouble that is told before the first change.
type foresight struct {
	name   string // of the trouble
	half   string // where the trouble has several
	make   func(*scene)
	check  checkID
	truth  string // what is said to be true
	remedy string // what is said to do
}

func foreseen() []foresight {
	return []foresight{
		{"12-private-key-cannot-be-used", "", func(s *scene) {
			s.edit("  runtime: v4.0\n", "  runtime: v4.0\n  certificate: { subject: app.domain.com }\n")
			s.fleet.Servers[1].SetTrap(iistest.Trap{Call: "key", Code: 0x80070520})
		}, checkCertificate, "web-02 the private key of ", "import it with its private key into LocalMachine\\My, or correct site.certificate"},
		{"14-binding-that-the-balancer-cannot-use", "", func(s *scene) {
			port := strings.TrimSuffix(s.fleet.Servers[0].Binding(), ":")
			s.edit(port+":'", port+":app.domain.com'")
		}, checkBinding, "each has a host name, and health checks ask for an address", "add a binding without a host name to site.bindings"},
		{"16-services-stopped", "", lacking(iistest.Trouble{Halted: true}), checkServices, "web-02 WAS is stopped, W3SVC is stopped", "Start-Service WAS, W3SVC"},
		{"16-services-stopped", "they are disabled", lacking(iistest.Trouble{StartType: "disabled"}), checkBoots,
			"web-02 the start type of WAS and W3SVC is disabled", "Set-Service WAS -StartupType Automatic; Set-Service W3SVC -StartupType Automatic"},
		{"17-configuration-names-a-missing-module", "", carrying(coreFiles()), checkModules,
			"web.config:3 sets system.webServer/aspNetCore, which IIS does not know here (it would answer 500.19, 0x8007000D)", "install the ASP.NET Core Hosting Bundle"},
		{"17-configuration-names-a-missing-module", "URL Rewrite", webServerSays("<rewrite><rules/></rewrite>"), checkModules, "web.config:3 sets system.webServer/rewrite", "install the URL Rewrite module"},
		{"17-configuration-names-a-missing-module", "the server's own is malformed", lacking(iistest.Trouble{Garbled: true}), checkSurvey,
			"applicationHost.config Line number: 412", "read the server's event log"},
		{"18-application-crashes-at-startup", "its runtime is missing", carrying(coreFiles()), checkRuntime, "bin/App.Web.runtimeconfig.json asks for Microsoft.AspNetCore.App 8.0.4, there: none", "install the ASP.NET Core Hosting Bundle of that version"},
		{"18-application-crashes-at-startup", "its bitness is another", carrying(map[string]string{"bin/Legacy.dll": only86()}), checkBits, "bin/Legacy.dll is built for x86 only", "build and publish it for x64"},
		{"18-application-crashes-at-startup", "its program is not there", webServerSays(`<aspNetCore processPath=".\App.exe"/>`), checkSound, `web.config:3: names .\App.exe, which is not in the release`, "publish the application anew"},
		{"19-locked-section", "", lacking(iistest.Trouble{Locked: []string{"system.webServer/handlers"}}), checkSections,
			"web-02 web.config:1 sets system.webServer/handlers, which is locked here (IIS would answer 500.19, 0x80070021)", "appcmd unlock config /section:system.webServer/handlers"},
		{"24-account-is-not-elevated", "", lacking(iistest.Trouble{NotElevated: true}), checkElevated, `web-02 web-02\deployer has no administrator's rights here over the network`, "LocalAccountTokenFilterPolicy"},
		{"24-account-is-not-elevated", "constrained language", lacking(iistest.Trouble{Constrained: true}), checkAgent, "supported only on core types in this language mode", "full language mode is needed"},
		{"24-account-is-not-elevated", "a 32-bit host", lacking(iistest.Trouble{Process32: true}), checkPowerShell, "WinRM starts a 32-bit PowerShell on a 64-bit system", "64-bit Windows PowerShell 5.1"},
	}
}

// TestTroublesAreToldBeforeTheFirstChange shares one fleet: nothing ever happens to it.
func TestTroublesAreToldBeforeTheFirstChange(t *testing.T) {
	t.Parallel()
	w := admitted(t, 2)
	for _, x := range foreseen() {
		name := x.name
		if x.half != "" {
			name += "/" + x.half
		}
		t.Run(name, func(t *testing.T) {
			w := w.next(t)
			x.make(w.scene)
			before := w.touched()
			y := w.enter("deploy", "--yes").must(t, int(exitPreflight))
			says(t, rowsOf(y.err, x.check), x.truth)
			says(t, y.err, " in the way before the first change", "do: ", x.remedy, "now:   nothing was touched\n", "next:  mend that, then type the same line again", "iis-canary doctor --config ")
			if n := w.touched() - before; n != 0 {
				t.Errorf("%d changes were made", n)
			}
		})
	}
	t.Run("and all is well again", func(t *testing.T) { w.next(t).enter("doctor").must(t, 0) })
}
