package main

import (
	"fmt"
	"strings"

	"iiscanary/canary/report"
	"iiscanary/iis"
)

// ports judges who listens on the ports of the bindings, and what becomes of their certificates.
func (pf *preflight) ports(server string, s iis.Survey) {
	squatted := squatted(s)
	for _, o := range squatted {
		pf.add(finding{check: checkSitePort, server: server, state: failed, what: o.What, do: o.Next})
	}
	if len(squatted) == 0 {
		pf.pass(checkSitePort, server, "")
	}
	endangered := endangered(s)
	for _, o := range endangered {
		pf.warn(checkKept, server, o.What+": "+o.Next)
	}
	if len(endangered) == 0 {
		pf.pass(checkKept, server, "")
	}
}

// omens is everything about the ports that is wrong, or will be.
func omens(s iis.Survey) []report.Omen { return append(squatted(s), endangered(s)...) }

// squatted tells of other programs on the ports.
func squatted(s iis.Survey) []report.Omen {
	var out []report.Omen
	for _, l := range s.Squatters() {
		who := fmt.Sprintf("process %d", l.PID)
		if l.Service != "" {
			who += ", service " + l.Service
		}
		out = append(out, report.Omen{What: fmt.Sprintf("%s (%s) listens on port %d: IIS cannot", l.Image, who, l.Port), Next: checkOf(checkSitePort).remedy})
	}
	return out
}

// endangered tells of certificates that are gone, or will be.
func endangered(s iis.Survey) []report.Omen {
	var out []report.Omen
	for _, c := range s.Certificates {
		if c.Thumbprint == "" && c.Before != "" {
			out = append(out, report.Omen{What: fmt.Sprintf("no certificate hangs on %s any more, it was %s", portName(c.Port), c.Before),
				Next: "bind it again in IIS; event 15300 of HttpEvent in the System log tells when it went"})
		}
	}
	for _, place := range s.Legacy {
		out = append(out, report.Omen{What: "values of an old IIS, 5506 or 5511, at " + place + " in customMetadata take a certificate off its port some day",
			Next: "remove them from applicationHost.config"})
	}
	return out
}

// renewals tells of certificates that are others than when a slot was proven last, which is how renewals look.
func renewals(s iis.Survey) []string {
	var out []string
	for _, c := range s.Certificates {
		if c.Thumbprint != "" && c.Before != "" && c.Thumbprint != c.Before {
			out = append(out, fmt.Sprintf("the certificate of %s is %s, and was %s at the last deployment", portName(c.Port), c.Thumbprint, c.Before))
		}
	}
	return out
}

// portName is address and port of a binding.
func portName(binding string) string { return strings.TrimSuffix(binding, ":") }
