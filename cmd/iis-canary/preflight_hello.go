package main

import (
	"fmt"
	"strings"

	"iiscanary/iis"
)

// powerShell judges the process that the agent runs in: a 32-bit one sees another registry and other folders than IIS.
func (pf *preflight) powerShell(server string, h iis.Hello) {
	switch {
	case h.LanguageMode != "FullLanguage":
		pf.fail(checkPowerShell, server, "PowerShell runs in "+h.LanguageMode)
	case h.Bits < h.OSBits:
		pf.fail(checkPowerShell, server, fmt.Sprintf("WinRM starts a %d-bit PowerShell on a %d-bit system: it sees another registry and other folders than IIS", h.Bits, h.OSBits))
	default:
		pf.pass(checkPowerShell, server, h.PowerShell)
	}
}

// configuration refuses one that several servers share.
func (pf *preflight) configuration(server string, h iis.Hello) {
	switch {
	case h.SharedConfig == nil:
		pf.add(finding{check: checkOwnConfig, server: server, state: failed,
			what: "whether its IIS shares its configuration cannot be read: a slot made here might appear on other servers, too, and so would its start",
			do:   `see who may read C:\Windows\System32\inetsrv\config\redirection.config there, and whether it is well-formed`})
	case *h.SharedConfig:
		pf.fail(checkOwnConfig, server, "its IIS reads a configuration that it shares: a slot made here would appear on every server that shares it, and so would its start")
	default:
		pf.pass(checkOwnConfig, server, "")
	}
}

func (pf *preflight) restart(server string, h iis.Hello) {
	if h.PendingReboot {
		pf.warn(checkReboot, server, "Windows waits for a restart: what was installed may work only after it, and somebody may do it in the middle of the roll")
		return
	}
	pf.pass(checkReboot, server, "")
}

// boots looks at what happens to IIS when the server restarts. WAS starts with W3SVC, so that its own type may well be manual.
func (pf *preflight) boots(server string, h iis.Hello) {
	var disabled, untold []string
	for _, name := range []string{"WAS", "W3SVC"} {
		switch h.StartTypes[name] {
		case "disabled":
			disabled = append(disabled, name)
		case "":
			untold = append(untold, name)
		}
	}
	switch start := h.StartTypes["W3SVC"]; {
	case len(disabled) > 0:
		pf.add(finding{check: checkBoots, server: server, state: failed,
			what: "the start type of " + strings.Join(disabled, " and ") + " is disabled: after a restart of the server nothing would serve",
			do:   automatic(disabled)})
	case len(untold) > 0:
		pf.add(finding{check: checkBoots, server: server, state: failed,
			what: "the start type of " + strings.Join(untold, " and ") + " cannot be told: after a restart of the server perhaps nothing would serve",
			do:   "see whether the service is there: Get-Service " + strings.Join(untold, ", ")})
	case start == "manual":
		pf.warn(checkBoots, server, "the start type of W3SVC is manual: after a restart of the server nothing would serve")
	default:
		pf.pass(checkBoots, server, start)
	}
}

// automatic is what to type so that services start with the server; Set-Service takes one at a time.
func automatic(services []string) string {
	var lines []string
	for _, name := range services {
		lines = append(lines, "Set-Service "+name+" -StartupType Automatic")
	}
	return strings.Join(lines, "; ")
}
