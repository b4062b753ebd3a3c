// Package lint reads what a release asks of the server that it will run on, before anything of it travels: the sections of its
// web.config files, the .NET runtimes of its runtimeconfig.json, and the bitness of its images. What a server lacks is said in
// words, each with what a person can do. Nothing is executed, no file is held in memory as a whole but the small ones, and what
// cannot be understood is said, never guessed: a release is only refused for what IIS itself would refuse. What may be no trouble at
// all is a doubt, of which a person is told.
package lint

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
)

// Source opens one file of a release by its path, which uses "/".
type Source func(path string) (io.ReadCloser, error)

// mostText is the largest web.config or runtimeconfig.json that is read, in bytes. IIS itself takes 250 KB unless it is told otherwise.
const mostText = 4 << 20

// Needs is what a release asks of a server.
type Needs struct {
	Sections   []Section   // below system.webServer, each element once, in the order of files and lines
	Core       *Core       // of the root's web.config; nil: it is no site of ASP.NET Core
	Target     Target      // of ASP.NET
	Frameworks []Framework // of ASP.NET Core, that the server must have
	Narrow     []Image     // those that a 64-bit process cannot load
	Doubts     []string    // flaws of files that the application may never need

	picks bool            // the root's web.config says which assemblies of bin are loaded
	own   map[string]bool // sections that the root's web.config declares itself, for all folders
}

// Section is an element of a web.config below system.webServer: a group, a section, or something inside one.
type Section struct {
	Path string // such as system.webServer/rewrite/rules
	File string
	Line int
	// Doubt: IIS reads it for requests of one folder only, which may never come.
	Doubt bool
}

// Target is the version of .NET Framework that an ASP.NET application is compiled for on the server; the zero value: it names none.
type Target struct {
	Version string // such as 4.8
	File    string
	Line    int
}

// FlawError is a file of the release that IIS or .NET could make nothing of either.
type FlawError struct {
	File string
	Line int // 0: not known
	Why  string
}

func (e *FlawError) Error() string {
	if e.Line == 0 {
		return fmt.Sprintf("%s: %s", e.File, e.Why)
	}
	return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Why)
}

// Read looks through the files of a release. Files that are no good are an error of their own for each, joined: *[FlawError].
// Any other error is one of reading the package.
func Read(paths []string, open Source) (Needs, error) {
	n := Needs{own: map[string]bool{}}
	var bad []error
	for _, p := range rootFirst(paths) {
		err := n.read(p, open)
		if flaw, is := errors.AsType[*FlawError](err); is && !n.needed(p) {
			n.Doubts = append(n.Doubts, flaw.Error())
		} else if is {
			bad = append(bad, flaw)
		} else if err != nil {
			return Needs{}, fmt.Errorf("read %s: %w", p, err)
		}
	}
	if why := n.Core.flaw(paths); why != "" {
		bad = append(bad, &FlawError{n.Core.File, n.Core.Line, why})
	}
	slices.SortFunc(n.Sections, func(a, b Section) int {
		return cmp.Or(strings.Compare(a.File, b.File), a.Line-b.Line, strings.Compare(a.Path, b.Path))
	})
	return n, errors.Join(bad...)
}

// rootFirst is the same paths with the root's web.config first: all others are read in its light.
func rootFirst(paths []string) []string {
	out := slices.Clone(paths)
	slices.SortStableFunc(out, func(a, b string) int { return rank(a) - rank(b) })
	return out
}

func rank(p string) int {
	if strings.EqualFold(p, "web.config") {
		return 0
	}
	return 1
}

// needed reports whether the application cannot do without a file: the site's own web.config, and its program's runtimeconfig.json.
func (n *Needs) needed(p string) bool { return rank(p) == 0 || n.Core.settings(p) }

// hidden reports whether IIS serves nothing of a folder, and so never reads its web.config: the hiddenSegments of its requestFiltering.
func hidden(folder string) bool {
	segments := []string{"bin", "app_code", "app_data", "app_globalresources", "app_localresources", "app_webreferences", "app_browsers"}
	return slices.ContainsFunc(strings.Split(folder, "/"), func(s string) bool { return slices.Contains(segments, s) })
}

// read takes one file for what its name says it is.
func (n *Needs) read(p string, open Source) error {
	name, folder := strings.ToLower(path.Base(p)), strings.ToLower(path.Dir(p))
	switch {
	case name == "web.config" && hidden(folder):
	case name == "web.config":
		return with(p, open, func(r io.Reader) error { return n.config(p, r) })
	case folder == "." && strings.HasSuffix(name, runtimeConfig), n.Core.settings(p):
		return with(p, open, func(r io.Reader) error { return n.runtime(p, r) })
	case (folder == "." || folder == "bin" || n.Core.owns(p)) && (strings.HasSuffix(name, ".dll") || strings.HasSuffix(name, ".exe")):
		return with(p, open, func(r io.Reader) error { return n.image(p, r) })
	}
	return nil
}

func with(p string, open Source, do func(io.Reader) error) error {
	r, err := open(p)
	if err != nil {
		return err
	}
	return errors.Join(do(r), r.Close())
}

// whole reads a small file.
func whole(p string, r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, mostText+1))
	if err != nil {
		return nil, err
	}
	if len(b) > mostText {
		return nil, &FlawError{File: p, Why: fmt.Sprintf("is larger than %d MB", mostText>>20)}
	}
	return b, nil
}
