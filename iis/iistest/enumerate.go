package iistest

import (
	"fmt"
	"strings"
)

// enumerate lists the open shells in one answer (MS-WSMV 3.1.4.8 with WS-Enumeration optimised, which is all that is known here).
func (e *endpoint) enumerate(m message) (reply, *wsFault) {
	if m.body == nil || m.body.name.Space != nsEnumeration || m.body.name.Local != "Enumerate" {
		return reply{}, faultSchema(2150858817, "The Body must hold wsen:Enumerate.")
	}
	if m.body.child(nsManagement, "OptimizeEnumeration") == nil || m.body.child(nsManagement, "MaxElements") == nil {
		return reply{}, faultSchema(2150858817, "This simulated server enumerates in one answer: OptimizeEnumeration with MaxElements.")
	}
	var b strings.Builder
	for _, sh := range e.shells.list() {
		seconds := int(sh.inactive.Seconds())
		fmt.Fprintf(&b, `<rsp:Shell><rsp:ShellId>%s</rsp:ShellId><rsp:Name>%s</rsp:Name><rsp:ResourceUri>%s</rsp:ResourceUri>`+
			`<rsp:Owner>%s</rsp:Owner><rsp:State>Connected</rsp:State><rsp:ShellInactivity>P0DT%dH%dM%dS</rsp:ShellInactivity></rsp:Shell>`,
			sh.id, escape(sh.name), shellResource, escape(e.server.config.User), seconds/3600, seconds/60%60, seconds%60)
	}
	return reply{action: nsEnumeration + "/EnumerateResponse", body: `<n:EnumerateResponse xmlns:n="` + nsEnumeration + `"><n:EnumerationContext/>` +
		`<w:Items>` + b.String() + `</w:Items><w:EndOfSequence/></n:EnumerateResponse>`}, nil
}
