package iistest

import (
	"fmt"
	"time"
)

// reaction is what the agent does about an HRESULT.
type reaction int

const (
	giveUp reaction = iota
	again           // the whole unit once more, for a limited time
	done            // what was wanted is so already
)

// rule is one row of the table of HRESULTs in docs/agent-protocol.md.
type rule struct {
	where    string // commit, start, stop; empty: anywhere
	code     int32
	class    string
	reaction reaction
	limit    time.Duration
	hint     string
}

// rules is that table. The first row that fits counts.
func rules() []rule {
	return []rule{
		{"commit", sharing, "busy", again, 0, "another program holds applicationHost.config open: a deployment, a virus scanner or a backup"},
		{"commit", changedOnDisk, "busy", again, 0, "another program writes applicationHost.config: stop it, or try again later"},
		{"commit", alreadyExists, "conflict", again, 0, "another program made a site or pool of that name or id"},
		{"commit", noLogonSession, "certificate_missing", giveUp, 0, "http.sys cannot use the certificate's private key: import it for the machine, with its key"},
		{"commit", unsupported, "internal", giveUp, 0, "this version of IIS does not know one of the settings"},
		{"start", sharing, "port_taken", again, 5 * time.Second, "find it with: Get-NetTCPConnection -State Listen"},
		{"start", alreadyExists, "port_taken", giveUp, 0, "stop that site first"},
		{"start", noSuchObject, "unsettled", again, 15 * time.Second, "WAS does not know the site or its pool: look whether both are there, at the bindings and at the System log, source WAS"},
		{"start", cannotAcceptControl, "unsettled", again, 30 * time.Second, "the pool does not settle: look at the password of its account and at the System log, source WAS"},
		{"start", notStarted, "iis_stopped", again, 30 * time.Second, "start it with: net start w3svc"},
		{"start", disabled, "iis_stopped", giveUp, 0, "WAS or W3SVC is disabled: set its start type to automatic"},
		{"stop", noSuchObject, "unsettled", again, 15 * time.Second, "WAS does not know the site or its pool: look whether both are there, at the bindings and at the System log, source WAS"},
		{"stop", cannotAcceptControl, "unsettled", again, 30 * time.Second, "the pool does not settle: look at the System log, source WAS"},
		{"stop", notStarted, "", done, 0, ""},
		{"", rpcUnavailable, "busy", again, 30 * time.Second, "the service WAS restarts"},
		{"", accessDenied, "access_denied", giveUp, 0, "the account needs an administrator's token: over the network a local account has none unless LocalAccountTokenFilterPolicy is 1"},
		{"", invalidData, "internal", giveUp, 0, "applicationHost.config is malformed, or names a module that is not installed"},
		{"", lockedSection, "internal", giveUp, 0, "a section is locked: unlock it, or leave it out of web.config"},
		{"", elementNotFound, "not_found", giveUp, 0, "it was removed by somebody else"},
		{"", notRegistered, "iis_missing", giveUp, 0, "install the Web Server role"},
		{"", diskFull, "disk_full", giveUp, 0, "make room on the disk"},
		{"", fileNotFound, "not_found", giveUp, 0, "a file that the site needs is missing"},
		{"", pathNotFound, "not_found", giveUp, 0, "a folder that the site needs is missing"},
	}
}

// ruleOf is the row of an HRESULT; without one the agent gives up.
func ruleOf(where string, code int32) rule {
	for _, r := range rules() {
		if r.code == code && (r.where == "" || r.where == where) {
			return r
		}
	}
	return rule{where: where, code: code, class: "internal"}
}

// thrownBy is the HRESULT as the agent learns it: Start of a site or pool throws an exception that knows but three reasons.
func thrownBy(a aim, code int32) int32 {
	if a.wanted == started && a.part == "site" && (code == disabled || code == rpcUnavailable) {
		return notStarted
	}
	return code
}

func (r rule) refusal(code int32, message string) *refusal {
	no := refuse(r.class, "%s", message)
	no.HResult, no.Hint = code, r.hint
	return no
}

func text(code int32) string { return fmt.Sprintf("IIS refuses with 0x%08X", uint32(code)) }
