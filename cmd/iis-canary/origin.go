package main

import (
	"cmp"
	"context"
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"iiscanary/canary"
	"iiscanary/configs"
	"iiscanary/iis"
	"iiscanary/iis/bundle"
	"iiscanary/iis/fetch"
)

// pull is what package.pull says.
type pull string

const (
	pullNever pull = "never"
	pullOnly  pull = "only"
)

// origin is where servers fetch the package by themselves; nil where they are not to, or cannot.
func (ses *session) origin(ref fetch.Reference, f *fetch.File, o fetch.Options) (*iis.Origin, error) {
	how := pull(ses.spec.Package.Pull)
	if how == pullNever || !ref.Remote() {
		return nil, nil
	}
	sum, err := f.Sum()
	if err != nil {
		return nil, err
	}
	o.S3.Region = cmp.Or(f.Region, o.S3.Region)
	return &iis.Origin{
		Shown: ref.Shown(), SHA256: sum, Size: f.Size, Proxy: ses.spec.Package.PullProxy, Limit: ses.spec.Package.Timeout, Spare: how != pullOnly,
		Locate: func(ctx context.Context, valid time.Duration) (string, string, error) {
			at, err := fetch.Locate(ctx, ref, o, valid)
			return at.URL, at.Token, err
		},
	}, nil
}

// pullable refuses a package that the servers are to fetch, and nothing else will do, and that they cannot.
func (ses *session) pullable(ref fetch.Reference, p *parcel) error {
	if p.origin != nil && p.Form != bundle.Zip {
		p.origin = nil
		if pull(ses.spec.Package.Pull) == pullOnly {
			return unfit(checkReadable, fmt.Errorf("%s is a %s, and servers can take apart a zip only (package.pull: only)", ref.Shown(), p.Form))
		}
	}
	if pull(ses.spec.Package.Pull) == pullOnly && p.origin == nil {
		return unfit(checkReadable, fmt.Errorf("%s is on this machine, where no server can fetch it (package.pull: only)", ref.Shown()))
	}
	if p.origin != nil {
		p.said[checkReadable] += ", which the servers fetch by themselves"
	}
	return nil
}

// mustSign finds the files that must be signed for Windows.
func (ses *session) mustSign(p *parcel) error {
	a := ses.spec.Package.Authenticode
	if len(a.Files) == 0 {
		return nil
	}
	all, taken := paths(p.Release), map[string]bool{}
	for i, pattern := range a.Files {
		found := matching(pattern, all)
		if len(found) == 0 {
			at := fmt.Sprintf("package.authenticode.files[%d]", i)
			text := fmt.Sprintf("%s: %s: found no file %q in the package; allowed: a file of the package, or a pattern such as bin/*.dll", ses.spec.Pos(at), at, pattern)
			if near := configs.Nearest(pattern, all); near != "" {
				text += "; nearest: " + near
			}
			return &parcelError{checkSigned, []string{text}, fmt.Errorf("%s", text)}
		}
		for _, f := range found {
			taken[f] = true
		}
	}
	p.signed = &iis.Authenticode{Files: slices.DeleteFunc(all, func(f string) bool { return !taken[f] }), Allow: a.Allow}
	p.said[checkSigned] += fmt.Sprintf("; %s to be signed for Windows, which each server looks at", counted(len(p.signed.Files), "file is", "files are"))
	return nil
}

// matching is the files that a path or a pattern names, upper and lower case alike, as on Windows.
func matching(pattern string, files []string) []string {
	pattern = strings.ToLower(strings.ReplaceAll(pattern, `\`, "/"))
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool {
		ok, err := path.Match(pattern, strings.ToLower(f))
		return err != nil || !ok
	})
}

// lookAtSigners asks the servers that have the slot already: nothing will be brought there, and so nothing would be looked at.
func (pf *preflight) lookAtSigners(ctx context.Context) {
	if pf.release == nil || pf.release.signed == nil {
		return
	}
	var all sync.WaitGroup
	for i, survey := range pf.read {
		if survey == nil || !slices.ContainsFunc(survey.Slots, func(s canary.Slot) bool { return s.Name == pf.named.Slot && s.Digest == pf.named.Digest }) {
			continue
		}
		all.Go(func() {
			if err := pf.ses.hosts.Signed(ctx, pf.servers[i].Name, pf.named.Slot, *pf.release.signed); err != nil {
				pf.fail(checkSigned, "", err.Error())
			}
		})
	}
	all.Wait()
}
