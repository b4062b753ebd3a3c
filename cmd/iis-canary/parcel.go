package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"iiscanary/iis"
	"iiscanary/iis/bundle"
	"iiscanary/iis/fetch"
	"iiscanary/iis/lint"
	"iiscanary/iis/signature"
)

// parcelError is a package that cannot be used, by the check that finds it.
type parcelError struct {
	check   checkID
	reasons []string // at least one
	err     error
}

func (e *parcelError) Error() string { return e.err.Error() }
func (e *parcelError) Unwrap() error { return e.err }

// unfit is a package that fails a check for one reason.
func unfit(check checkID, err error) *parcelError {
	return &parcelError{check, []string{err.Error()}, err}
}

// parcel is a package that was found good: signed as it must be, safe, with the settings in it, and such that a server may run it.
type parcel struct {
	*bundle.Release
	needs  lint.Needs
	origin *iis.Origin          // where servers fetch it by themselves; nil: it travels from here
	signed *iis.Authenticode    // files that must be signed for Windows; nil: none
	said   map[checkID]string   // what the checks found that is worth saying
	doubts map[checkID][]string // what the release may not need, and a person should know
}

// aboard is a parcel as the servers get it.
func (ses *session) aboard(p *parcel) {
	ses.hosts.Use(p.Release)
	ses.hosts.PullFrom(p.origin)
	ses.hosts.Demand(p.signed)
}

// open brings the package here and looks at all of it, in the order in which one thing makes the next worth a look. Its errors
// are *[parcelError], or *[referenceError] where a setting cannot be read.
func (ses *session) open(ctx context.Context, ref fetch.Reference) (*parcel, error) {
	p := &parcel{said: map[checkID]string{checkReadable: ref.Shown()}}
	if ref.Remote() {
		ses.say("fetching " + ref.Shown())
	}
	var err error
	if folder(ref.Path()) {
		p.Release, err = ses.openFolder(ref)
	} else {
		err = ses.openArchive(ctx, ref, p)
	}
	if err != nil {
		return nil, err
	}
	if err := ses.fit(ref, p); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

// fit holds the package against what the configuration says about its files.
func (ses *session) fit(ref fetch.Reference, p *parcel) error {
	err := ses.pullable(ref, p)
	if err == nil {
		err = ses.mustSign(p)
	}
	if err == nil {
		p.said[checkFits], err = ses.settle(p.Release)
	}
	if err == nil {
		err = ses.lookInto(p)
	}
	return err
}

func folder(path string) bool {
	info, err := os.Stat(path)
	return path != "" && err == nil && info.IsDir()
}

// openFolder reads a folder as it is. Nobody can sign one.
func (ses *session) openFolder(ref fetch.Reference) (*bundle.Release, error) {
	if ref.Pinned() {
		return nil, unfit(checkReadable, fmt.Errorf("%s is a folder, which has no SHA-256: pack it", ref.Path()))
	}
	if ses.spec.Package.Signature.Required() {
		return nil, unfit(checkSigned, fmt.Errorf("%s is a folder, which nobody can sign: pack it, and sign that", ref.Path()))
	}
	r, err := bundle.Open(ref.Path(), ses.spec.App)
	return r, opened(err)
}

// openArchive fetches a file, verifies its signature, and reads just the bytes that were verified.
func (ses *session) openArchive(ctx context.Context, ref fetch.Reference, p *parcel) error {
	o, err := ses.fetching()
	if err != nil {
		return err
	}
	f, err := fetch.Fetch(ctx, ref, o)
	if err != nil {
		return unfit(checkReadable, err)
	}
	if ses.spec.Package.Signature.Required() && !f.Private() {
		own, err := f.Copy()
		if err = errors.Join(err, f.Close()); err != nil {
			return unfit(checkReadable, err)
		}
		f = own
	}
	if p.said[checkSigned], err = ses.verify(ctx, ref, f, o); err != nil {
		return errors.Join(err, f.Close())
	}
	if p.origin, err = ses.origin(ref, f, o); err != nil {
		return errors.Join(unfit(checkReadable, err), f.Close())
	}
	p.Release, err = bundle.Read(f, f.Size, ref.Name(), ses.spec.App)
	return opened(err)
}

// opened tells a package that is no good from one that cannot be read.
func opened(err error) error {
	if bad, refused := errors.AsType[*bundle.RefusedError](err); refused {
		e := &parcelError{check: checkSafe, err: err}
		if bad.Broken {
			e.check = checkReadable
		}
		for _, reason := range bad.Shown() {
			e.reasons = append(e.reasons, bad.Package+": "+reason)
		}
		return e
	}
	if err != nil {
		return unfit(checkReadable, err)
	}
	return nil
}

// fetching is how packages are fetched.
func (ses *session) fetching() (fetch.Options, error) {
	p, a := ses.spec.Package, ses.spec.AWS
	o := fetch.Options{UserAgent: userAgent(), Timeout: p.Timeout, S3: fetch.S3{Region: a.Region, Endpoint: ses.getenv("AWS_ENDPOINT_URL_S3")}}
	var err error
	if o.CAs, err = ses.authorities(p.CA); err != nil {
		return o, &referenceError{"package.ca", err}
	}
	if !p.Token.IsZero() {
		if o.Token, err = p.Token.Resolve(); err != nil {
			return o, &referenceError{"package.token", err}
		}
	}
	if !a.AccessKey.IsZero() {
		if o.S3.AccessKey, err = a.AccessKey.Resolve(); err != nil {
			return o, &referenceError{"aws.access_key", err}
		}
		if o.S3.SecretKey, err = a.SecretKey.Resolve(); err != nil {
			return o, &referenceError{"aws.secret_key", err}
		}
	}
	return o, nil
}

// verify compares the package with the signature beside it, where one is asked for. It says who signed.
func (ses *session) verify(ctx context.Context, ref fetch.Reference, f *fetch.File, o fetch.Options) (string, error) {
	if !ses.spec.Package.Signature.Required() {
		return "no signature is asked for (package.signature)", nil
	}
	keys, err := ses.trusted()
	if err != nil {
		return "", err
	}
	signed, err := fetch.Beside(ctx, ref, keys.Ending(), signature.MostBytes, o)
	if err != nil {
		return "", unfit(checkSigned, fmt.Errorf("no signature is beside the package: %w", err))
	}
	who, err := keys.Verify(io.NewSectionReader(f, 0, f.Size), signed)
	if err != nil {
		return "", unfit(checkSigned, fmt.Errorf("the signature %s is not good: %w", ref.Name()+keys.Ending(), err))
	}
	return who, nil
}

// trusted is the keys of which one must have signed.
func (ses *session) trusted() (*signature.Verifier, error) {
	s := ses.spec.Package.Signature
	if len(s.Minisign) > 0 {
		v, err := signature.Minisign(s.Minisign)
		if err != nil {
			return nil, &referenceError{"package.signature.minisign", err}
		}
		return v, nil
	}
	var files [][]byte
	for i, path := range s.PEM {
		file, err := os.ReadFile(path)
		if err == nil {
			_, err = signature.PEM([][]byte{file})
		}
		if err != nil {
			return nil, &referenceError{fmt.Sprintf("package.signature.pem[%d]", i), err}
		}
		files = append(files, file)
	}
	return signature.PEM(files)
}

// paths of a release's files.
func paths(r *bundle.Release) []string {
	all := make([]string, 0, len(r.Files))
	for _, f := range r.Files {
		all = append(all, f.Path)
	}
	return all
}
