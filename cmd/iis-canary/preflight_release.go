package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"iiscanary/canary"
	"iiscanary/iis/lint"
)

// lookInto reads what the release asks of a server, and refuses what no server could run. Its errors are *[parcelError].
func (ses *session) lookInto(p *parcel) error {
	var err error
	p.needs, err = lint.Read(paths(p.Release), p.Open)
	if flaws := flawsOf(err); len(flaws) > 0 {
		return &parcelError{checkSound, flaws, err}
	}
	if err != nil {
		return unfit(checkReadable, err)
	}
	narrow, doubts := p.needs.Narrowed(ses.spec.Site.Runtime != "none")
	if len(narrow) > 0 {
		return &parcelError{checkBits, narrow, errors.New(strings.Join(narrow, "; "))}
	}
	p.doubts = map[checkID][]string{checkSound: p.needs.Doubts, checkBits: doubts}
	return nil
}

// flawsOf is every flaw of joined errors, in words.
func flawsOf(err error) []string {
	joined, is := err.(interface{ Unwrap() []error })
	if !is {
		return nil
	}
	var out []string
	for _, e := range joined.Unwrap() {
		if flaw, is := errors.AsType[*lint.FlawError](e); is {
			out = append(out, flaw.Error())
		}
	}
	return out
}

// bindings demands one that the balancer's health checks find, where they ask at a port of the bindings: they ask for an address, and
// never for a name. A check at another port, or of another kind, may find something else.
func (pf *preflight) bindings() {
	site := pf.ses.spec.Site
	said := fmt.Sprintf("%s: %s: each has a host name, and health checks ask for an address", pf.ses.spec.Pos("site.bindings"), strings.Join(site.Bindings, ", "))
	switch asked := pf.askedByAddress(); {
	case slices.ContainsFunc(site.Bindings, func(b string) bool { return strings.HasSuffix(b, ":") }):
		pf.pass(checkBinding, "", strings.Join(site.Bindings, ", "))
	case asked != "":
		pf.fail(checkBinding, "", said+": those of "+asked+" would get 404, and no server would ever be healthy")
	default:
		pf.warn(checkBinding, "", said+": they would find no site there")
	}
}

// askedByAddress is a target group whose health checks ask at a port of the bindings, and would not take what IIS answers where it
// knows no such name: 400 or 404. Empty: none, or AWS could not be asked.
func (pf *preflight) askedByAddress() string {
	if pf.survey == nil {
		return ""
	}
	for _, g := range pf.survey.Groups {
		check := canary.HealthCheck{Matcher: g.CheckMatcher}
		if !g.CheckHTTP || check.Matches(http.StatusBadRequest) || check.Matches(http.StatusNotFound) {
			continue
		}
		for _, s := range pf.servers {
			if slices.ContainsFunc(s.Targets, func(t canary.Target) bool { return t.Group == g.ARN && pf.bound(t.Port) }) {
				return g.Name
			}
		}
	}
	return ""
}

// bound reports whether a binding, IP:PORT:HOST, is of a port.
func (pf *preflight) bound(port int) bool {
	return slices.ContainsFunc(pf.ses.spec.Site.Bindings, func(b string) bool {
		place := b[:strings.LastIndexByte(b, ':')]
		return strings.HasSuffix(place, ":"+strconv.Itoa(port))
	})
}

// delegation asks what a web.config may say on a server.
func (pf *preflight) delegation(ctx context.Context, i int) {
	d, err := pf.ses.hosts.Delegation(ctx, pf.servers[i].Name)
	if err != nil {
		for _, id := range []checkID{checkModules, checkSections} {
			pf.warn(id, pf.servers[i].Name, "it does not tell its sections: "+rootWords(err))
		}
		return
	}
	pf.allows[i] = &d
}

// rowOfKind is the row that a shortcoming belongs to.
func rowOfKind(kind lint.Kind) checkID {
	switch kind {
	case lint.Locked:
		return checkSections
	case lint.NoRuntime:
		return checkRuntime
	}
	return checkModules
}

// equipment compares what the release asks for with what a server has.
func (pf *preflight) equipment(i int) {
	hello, name := pf.hellos[i], pf.servers[i].Name
	if hello == nil || pf.release == nil {
		return
	}
	has := lint.Server{Runtimes: hello.Runtimes, Framework: hello.Framework}
	if pf.allows[i] != nil {
		has.Sections = pf.allows[i].Sections
	}
	for _, s := range pf.release.needs.Against(has) {
		found := finding{check: rowOfKind(s.Kind), server: name, state: failed, what: s.What, do: s.Remedy}
		if s.Doubt {
			found.state = warned
		}
		pf.add(found)
	}
	pf.passUnless(checkRuntime, name, "")
	if has.Sections != nil {
		pf.passUnless(checkModules, name, "")
		pf.passUnless(checkSections, name, "")
	}
}
