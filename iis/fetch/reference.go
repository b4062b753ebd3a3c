package fetch

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"regexp"
	"strings"
)

// Reference says where a package is, and which one it must be:
//
//	app.domain.com.3457.zip                          a file or a folder of this machine
//	https://host/app.domain.com.3457.zip#sha256=HEX  a file of a web server
//	s3://bucket/key#version=ID, #sha256=HEX          an object of S3; the key as it is, not percent-encoded
type Reference struct {
	where   string // without what is behind the #
	sha256  string // lower-case hexadecimal; empty: not pinned by it
	version string // of an object of S3; empty: not pinned by it
}

// UnpinnedError is a package somewhere else that could be another one each time that it is fetched.
type UnpinnedError struct {
	Where string // without a query, which may be a secret
	S3    bool
}

func (e *UnpinnedError) Error() string {
	return fmt.Sprintf("%s does not say which package is meant: what is there can change", e.Where)
}

// Pinned is the reference as it would be taken.
func (e *UnpinnedError) Pinned() string {
	if e.S3 {
		return e.Where + "#version=ID"
	}
	return e.Where + "#sha256=HEX"
}

var (
	pin       = regexp.MustCompile(`^(.*)#(sha256|version)=([^#]*)$`)
	hexSum    = regexp.MustCompile(`^[0-9a-fA-F]{64}$`)
	bucketExp = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)
)

// Parse reads a reference. sum, which may be empty, is a SHA-256 that was given apart from it. The error is an
// *[UnpinnedError] where only the pin is missing. A local path is not looked at.
func Parse(text, sum string) (Reference, error) {
	r := Reference{where: text}
	if m := pin.FindStringSubmatch(text); m != nil {
		r.where = m[1]
		if m[2] == "version" {
			r.version = m[3]
		} else {
			r.sha256 = m[3]
		}
	}
	if sum != "" && r.sha256 != "" && !strings.EqualFold(sum, r.sha256) {
		return Reference{}, fmt.Errorf("two different SHA-256 are given for %s", r.Shown())
	}
	if sum != "" {
		r.sha256 = sum
	}
	if r.sha256 != "" && !hexSum.MatchString(r.sha256) {
		return Reference{}, fmt.Errorf("the SHA-256 that is given for %s has not 64 hexadecimal digits, and nothing else", r.Shown())
	}
	r.sha256 = strings.ToLower(r.sha256)
	return r, r.check()
}

func (r Reference) check() error {
	scheme, rest, remote := strings.Cut(r.where, "://")
	switch {
	case !remote:
		if r.version != "" {
			return fmt.Errorf("%s: only objects of S3 have a version", r.where)
		}
		return nil
	case scheme == "s3":
		return r.checkS3(rest)
	case scheme == "https":
		return r.checkHTTPS()
	}
	return fmt.Errorf("%s://…: a package is a path, https://… or s3://BUCKET/KEY", scheme)
}

func (r Reference) checkHTTPS() error {
	u, err := url.Parse(r.where)
	switch {
	case err != nil || u.Host == "": // the error would quote the whole address
		return fmt.Errorf("%s is no address", r.Shown())
	case u.User != nil:
		return fmt.Errorf("%s: a user in an address would be seen by everybody: give package.token in the configuration", r.Shown())
	case r.version != "":
		return fmt.Errorf("%s: only objects of S3 have a version", r.Shown())
	case r.sha256 == "":
		return &UnpinnedError{Where: r.Shown()}
	}
	return nil
}

func (r Reference) checkS3(rest string) error {
	bucket, key, _ := strings.Cut(rest, "/")
	switch {
	case bucket == "":
		return fmt.Errorf("%s names no bucket: s3://BUCKET/KEY", r.Shown())
	case strings.Contains(bucket, "@"):
		return fmt.Errorf("%s: a user in an address would be seen by everybody: give aws.access_key in the configuration", r.Shown())
	case !bucketExp.MatchString(bucket):
		return fmt.Errorf("%s: the name of a bucket has 3 to 63 small letters, digits, dots and dashes", r.Shown())
	case key == "":
		return fmt.Errorf("%s names no object of the bucket: s3://BUCKET/KEY", r.Shown())
	case r.version == "null":
		return fmt.Errorf("%s: the version null is what a bucket without versions calls every object", r.where)
	case r.version == "" && r.sha256 == "":
		return &UnpinnedError{Where: r.where, S3: true}
	}
	return nil
}

// Remote reports whether the package is somewhere else.
func (r Reference) Remote() bool { return strings.Contains(r.where, "://") }

// Pinned reports whether the reference says which package it must be.
func (r Reference) Pinned() bool { return r.sha256 != "" || r.version != "" }

// Path is the place on this machine; empty where the package is somewhere else.
func (r Reference) Path() string {
	if r.Remote() {
		return ""
	}
	return r.where
}

// Shown is where the package is, without user, query and pin: these may be secrets.
func (r Reference) Shown() string {
	scheme, rest, remote := strings.Cut(r.where, "://")
	if !remote {
		return r.where
	}
	if scheme != "s3" { // whose keys may have question marks
		rest, _, _ = strings.Cut(rest, "?")
		rest, _, _ = strings.Cut(rest, "#")
	}
	host, path, slash := strings.Cut(rest, "/")
	plain := scheme + "://" + host[strings.LastIndex(host, "@")+1:]
	if slash {
		plain += "/" + path
	}
	return plain
}

// String is the reference as it can be kept and given again. The query of an address is not in it: it may be a secret, and then
// has to be given anew.
func (r Reference) String() string {
	out := r.Shown()
	if r.version != "" {
		out += "#version=" + r.version
	} else if r.sha256 != "" {
		out += "#sha256=" + r.sha256
	}
	return out
}

// Name is the file's own name, which tells the version.
func (r Reference) Name() string {
	if !r.Remote() {
		return filepath.Base(r.where)
	}
	name := path.Base(r.Shown())
	if plain, err := url.PathUnescape(name); err == nil && strings.HasPrefix(r.where, "https://") {
		name = path.Base(plain)
	}
	return name
}

// object is the bucket and the key of an object of S3.
func (r Reference) object() (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(r.where, "s3://"), "/")
	return bucket, key
}

// beside is the file with an ending behind the package's name.
func (r Reference) beside(ending string) Reference {
	plain, query, has := r.where, "", false
	if strings.HasPrefix(r.where, "https://") {
		plain, query, has = strings.Cut(r.where, "?")
	}
	where := plain + ending
	if has {
		where += "?" + query
	}
	return Reference{where: where}
}

// Absolute is the reference from any folder: a relative path is taken from that of the process.
func (r Reference) Absolute() (Reference, error) {
	if r.Remote() {
		return r, nil
	}
	path, err := filepath.Abs(r.where)
	if err != nil {
		return r, fmt.Errorf("find %s: %w", r.where, err)
	}
	r.where = path
	return r, nil
}

// IsZero reports whether no package was named.
func (r Reference) IsZero() bool { return r.where == "" }
